"""The forge: builds a response that a strict service provider accepts, lets it be altered, and signs it anew.

It signs with xmlsec from a template made of text, so that it will sign what no decent library would: SHA-1,
XPath transforms, references elsewhere.
"""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import xmlsec
from lxml import etree
from lxml.etree import _Element as Element
from xmlsec import constants

from brokers.types import SamlIdentityProvider
from tests.saml_forge.edits import Edit, element, find
from tests.saml_forge.keys import KeyPair, rsa_key

IDP_ENTITY_ID = "https://idp.example.test/metadata"
SP_ENTITY_ID = "https://sallyport.example.test/saml/metadata"
ACS_URL = "https://sallyport.example.test/saml/acs"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
AES_GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
AES_CBC = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
RSA_OAEP = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
RSA_1_5 = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"
ASSERTION = "/samlp:Response/saml:Assertion"
RESPONSE = "/samlp:Response"


# An hour, as Entra does: what is forged when a test module is loaded must still hold when its turn comes.
VALID_FOR = timedelta(hours=1)


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Forge:
    """One identity provider. `sign`: what is signed of "assertion" and "response", the innermost first.

    The hooks, in this order: `alter` (everything gets signed after it), `inside` (after the assertion was
    signed, before it is encrypted), `sealed` (before the response is signed), `finish` (after all signing),
    `raw` (the bytes);
    `template` sees each ds:Signature before it is computed.
    """

    key: KeyPair = field(default_factory=rsa_key)
    entity_id: str = IDP_ENTITY_ID
    sp_entity_id: str = SP_ENTITY_ID
    acs_url: str = ACS_URL
    request_id: str = field(default_factory=lambda: f"_{secrets.token_hex(20)}")
    name_id: str = "alice"
    sign: tuple[str, ...] = ("assertion",)
    signature_algorithm: str = RSA_SHA256
    digest_algorithm: str = SHA256
    encrypt_to: KeyPair | None = None
    cipher: str = AES_GCM
    transport: str = RSA_OAEP
    alter: Edit = lambda _: None
    inside: Edit = lambda _: None
    sealed: Edit = lambda _: None
    finish: Edit = lambda _: None
    template: Edit = lambda _: None
    envelope: Edit = lambda _: None  # sees the EncryptedData before it is filled
    hmac: bytes | None = None  # signs by HMAC with these bytes instead of the key
    content: Callable[[Element], bytes] | None = None  # what is encrypted in place of the assertion
    raw: Callable[[bytes], bytes] = lambda document: document

    def provider(self, **changes: object) -> SamlIdentityProvider:
        known: dict[str, object] = {
            "entity_id": self.entity_id,
            "sso_url": "https://idp.example.test/sso",
            "certificates": (self.key.certificate,),
        }
        return SamlIdentityProvider(**{**known, **changes})  # type: ignore[arg-type]

    def response(self) -> str:
        """The base64 form field."""
        return base64.b64encode(self.document()).decode()

    def document(self) -> bytes:
        root = etree.fromstring(self.plain())
        self.alter(root)
        if "assertion" in self.sign:
            self._sign(root, ASSERTION)
        self.inside(root)
        if self.encrypt_to is not None:
            self._encrypt(root, self.encrypt_to)
        self.sealed(root)
        if "response" in self.sign:
            self._sign(root, RESPONSE)
        self.finish(root)
        return self.raw(etree.tostring(root))

    def plain(self) -> bytes:
        """The response as it is before anything is altered or signed."""
        now = datetime.now(UTC)
        issued, begins, ends = (
            stamp(now),
            stamp(now - timedelta(seconds=30)),
            stamp(now + VALID_FOR),
        )
        return f"""\
<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" \
xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_{secrets.token_hex(16)}" Version="2.0" \
IssueInstant="{issued}" Destination="{self.acs_url}" InResponseTo="{self.request_id}">
<saml:Issuer>{self.entity_id}</saml:Issuer>
<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>
<saml:Assertion xmlns:xs="http://www.w3.org/2001/XMLSchema" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="_{secrets.token_hex(16)}" Version="2.0" \
IssueInstant="{issued}">
<saml:Issuer>{self.entity_id}</saml:Issuer>
<saml:Subject>
<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">{self.name_id}</saml:NameID>
<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">
<saml:SubjectConfirmationData NotOnOrAfter="{ends}" Recipient="{self.acs_url}" \
InResponseTo="{self.request_id}"/>
</saml:SubjectConfirmation></saml:Subject>
<saml:Conditions NotBefore="{begins}" NotOnOrAfter="{ends}">
<saml:AudienceRestriction><saml:Audience>{self.sp_entity_id}</saml:Audience></saml:AudienceRestriction>
</saml:Conditions>
<saml:AuthnStatement AuthnInstant="{issued}" SessionIndex="_session">
<saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport\
</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>
<saml:AttributeStatement>
<saml:Attribute Name="mail"><saml:AttributeValue xsi:type="xs:string">{self.name_id}@example.test\
</saml:AttributeValue></saml:Attribute>
<saml:Attribute Name="groups"><saml:AttributeValue>staff</saml:AttributeValue>\
<saml:AttributeValue>payments</saml:AttributeValue></saml:Attribute>
</saml:AttributeStatement>
</saml:Assertion>
</samlp:Response>""".encode()

    def _sign(self, root: Element, path: str) -> None:
        target = find(root, path)
        signature = self._template(target.get("ID", ""))
        find(target, "saml:Issuer").addnext(signature)
        self.template(signature)
        compute(root, signature, self.key, hmac=self.hmac)

    def _template(self, identifier: str) -> Element:
        return element(f"""<ds:Signature><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>\
<ds:SignatureMethod Algorithm="{self.signature_algorithm}"/><ds:Reference URI="#{identifier}"><ds:Transforms>\
<ds:Transform Algorithm="{ENVELOPED}"/><ds:Transform Algorithm="{EXCLUSIVE}"/></ds:Transforms>\
<ds:DigestMethod Algorithm="{self.digest_algorithm}"/><ds:DigestValue/></ds:Reference></ds:SignedInfo>\
<ds:SignatureValue/><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{self.key.body}</ds:X509Certificate>\
</ds:X509Data></ds:KeyInfo></ds:Signature>""")

    def _encrypt(self, root: Element, recipient: KeyPair) -> None:
        assertion = find(root, ASSERTION)
        data = element(f"""<xenc:EncryptedData Type="http://www.w3.org/2001/04/xmlenc#Element">\
<xenc:EncryptionMethod Algorithm="{self.cipher}"/><ds:KeyInfo><xenc:EncryptedKey>\
<xenc:EncryptionMethod Algorithm="{self.transport}"/><xenc:CipherData><xenc:CipherValue/></xenc:CipherData>\
</xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>""")
        sealed = element("<saml:EncryptedAssertion/>")
        assertion.addprevious(sealed)
        sealed.append(data)
        self.envelope(data)
        plain = (
            etree.tostring(assertion, with_tail=False) if self.content is None else self.content(assertion)
        )
        encrypt(data, plain, recipient)
        find(root, RESPONSE).remove(assertion)


def compute(root: Element, signature: Element, key: KeyPair, *, hmac: bytes | None = None) -> None:
    """Fill in digests and signature value by `key`, whatever the template asks for."""
    xmlsec.tree.add_ids(root, ["ID"])
    context = xmlsec.SignatureContext()
    if hmac is None:
        context.key = xmlsec.Key.from_memory(key.private, constants.KeyDataFormatPem)
    else:
        context.key = xmlsec.Key.from_binary_data(constants.KeyDataHmac, hmac)
    context.sign(signature)


def encrypt(data: Element, plain: bytes, recipient: KeyPair) -> None:
    """Fill the EncryptedData template `data` with `plain`, for the holder of `recipient`."""
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(recipient.certificate, constants.KeyDataFormatCertPem))
    context = xmlsec.EncryptionContext(manager)
    cipher = find(data, "xenc:EncryptionMethod").get("Algorithm", "")
    kind, bits = (
        (constants.KeyDataDes, 192) if "tripledes" in cipher else (constants.KeyDataAes, _bits(cipher))
    )
    context.key = xmlsec.Key.generate(kind, bits, constants.KeyDataTypeSession)
    context.encrypt_binary(data, plain)


def _bits(cipher: str) -> int:
    return int("".join(digit for digit in cipher.rpartition("aes")[2] if digit.isdigit()) or 128)

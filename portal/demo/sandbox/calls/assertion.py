"""A SAML response, as AWS STS reads one (saml-core-2.0-os; IAM User Guide, "Configure SAML assertions").

Only what a signature covers is read: the signed element itself comes out of the verification. Whether the signature
is on the response or on the assertion is the identity provider's choice.
"""

import base64
import binascii
import hashlib
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lxml import etree

from portal.demo.sandbox.refusals import Refused

SAML = {
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
}
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
FORMATS = "urn:oasis:names:tc:SAML:2.0:nameid-format:"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes/"
AUDIENCES = {"urn:amazon:webservices", "https://signin.aws.amazon.com/saml"}
RECIPIENT = re.compile(r"https://(?:[a-z0-9-]+\.)?signin\.aws\.amazon\.com/saml(?:/acs/[\w-]+)?", re.ASCII)
SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
SKEW_S = 300

Node = Any  # lxml's public name for an element is a factory function


@dataclass(frozen=True)
class Provider:
    """An IAM SAML provider's metadata: who signs, and with which certificates (PEM)."""

    entity_id: str
    certificates: tuple[str, ...]


@dataclass(frozen=True)
class Assertion:
    issuer: str
    subject: str
    subject_type: str
    recipient: str
    session_name: str
    roles: frozenset[tuple[str, str]]  # role and provider
    session_ends_at: float | None
    source_identity: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    def name_qualifier(self, account: str, provider: str) -> str:
        """Return base64 of SHA-1 over issuer, account and the provider's name, as STS documents it."""
        text = f"{self.issuer}{account}/{provider}"
        return base64.b64encode(hashlib.sha1(text.encode(), usedforsecurity=False).digest()).decode()


def invalid(message: str) -> Refused:
    return Refused("InvalidIdentityToken", message)


def read_metadata(document: str) -> Provider:
    root = _parse(document.encode())
    found = root.xpath("//md:IDPSSODescriptor/md:KeyDescriptor[not(@use) or @use='signing']//ds:X509Certificate",
                       namespaces=SAML)  # fmt: skip
    bodies = ["".join((each.text or "").split()) for each in found]
    lines = (re.findall(".{1,64}", body) for body in bodies)
    pems = [
        "\n".join(["-----BEGIN CERTIFICATE-----", *each, "-----END CERTIFICATE-----", ""]) for each in lines
    ]
    return Provider(root.get("entityID", ""), tuple(pems))


def verify(text: str, provider: Provider) -> Assertion:
    """Return what the base64 response says, when the provider signed it and its time has not passed.

    Raises:
        Refused: InvalidIdentityToken, IDPRejectedClaim or ExpiredTokenException.
    """
    try:
        document = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise invalid("Invalid base64 SAMLResponse") from None
    response = _parse(document)
    if response.tag != f"{{{SAML['samlp']}}}Response":
        raise invalid("Invalid SAML response received")
    status = response.find("samlp:Status/samlp:StatusCode", SAML)
    if status is None or status.get("Value") != SUCCESS:
        raise Refused(
            "IDPRejectedClaim", "The identity provider (IdP) reported that authentication failed", 403
        )
    assertion = _signed_assertion(response, provider)
    if (assertion.findtext("saml:Issuer", "", SAML) or "").strip() != provider.entity_id:
        raise invalid("Issuer not present in specified provider")
    recipient = _confirmed(assertion)
    _in_time(assertion)
    return _read(assertion, recipient, provider)


def _parse(document: bytes) -> Node:
    if b"<!DOCTYPE" in document:
        raise invalid("Invalid SAML response received")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    try:
        return etree.fromstring(document, parser)
    except etree.XMLSyntaxError:
        raise invalid("Invalid SAML response received") from None


def _signed_assertion(response: Node, provider: Provider) -> Node:
    """Return the one assertion, out of what the signature covers."""
    assertions = response.findall(".//saml:Assertion", SAML)
    if len(assertions) != 1 or assertions[0].getparent() is not response:
        raise invalid("Invalid SAML response received: not one assertion")
    whole = response.find("ds:Signature", SAML) is not None
    if not whole and assertions[0].find("ds:Signature", SAML) is None:
        raise invalid("Response signature invalid")
    signed = _verified(response if whole else assertions[0], provider)
    found = signed.find("saml:Assertion", SAML) if whole else signed
    if found is None or found.tag != f"{{{SAML['saml']}}}Assertion":
        raise invalid("Response signature invalid")
    return found


def _verified(element: Node, provider: Provider) -> Node:
    from signxml.exceptions import InvalidInput, SignXMLException  # noqa: PLC0415 - MiniStack starts faster without
    from signxml.verifier import SignatureConfiguration, XMLVerifier  # noqa: PLC0415

    own = etree.fromstring(etree.tostring(element))
    expected = SignatureConfiguration(location="./", require_x509=True)
    for certificate in provider.certificates:
        try:
            found: Any = XMLVerifier().verify(
                own, x509_cert=certificate, id_attribute="ID", expect_config=expected
            )
        except (SignXMLException, InvalidInput, ValueError, etree.LxmlError):
            continue
        if found.signed_xml is not None and found.signed_xml.get("ID") == element.get("ID"):
            return found.signed_xml
    raise invalid("Response signature invalid")


def _at(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise invalid("Invalid SAML response received: a time is malformed") from None
    return at.replace(tzinfo=at.tzinfo or UTC).timestamp()


def _confirmed(assertion: Node) -> str:
    """Return the Recipient of the bearer confirmation, which must be AWS's sign-in and not be over."""
    for each in assertion.findall("saml:Subject/saml:SubjectConfirmation", SAML):
        data = each.find("saml:SubjectConfirmationData", SAML)
        recipient = data.get("Recipient", "") if data is not None else ""
        if data is None or each.get("Method") != BEARER or not RECIPIENT.fullmatch(recipient):
            continue
        ends_at = _at(data.get("NotOnOrAfter"))
        if ends_at is None:
            continue
        if time.time() >= ends_at:
            raise _expired()
        return str(recipient)
    raise invalid("The SAML response's Recipient is not https://signin.aws.amazon.com/saml")


def _expired() -> Refused:
    return Refused("ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance")


def _in_time(assertion: Node) -> None:
    conditions = assertion.find("saml:Conditions", SAML)
    if conditions is None:
        raise invalid("The SAML assertion has no Conditions")
    ends_at, begins_at = _at(conditions.get("NotOnOrAfter")), _at(conditions.get("NotBefore"))
    if ends_at is not None and time.time() >= ends_at:
        raise _expired()
    if begins_at is not None and time.time() + SKEW_S < begins_at:
        raise invalid("The SAML assertion is not valid yet")
    named = [
        {(audience.text or "").strip() for audience in each.findall("saml:Audience", SAML)}
        for each in conditions.findall("saml:AudienceRestriction", SAML)
    ]
    if not named or not all(each & AUDIENCES for each in named):
        raise invalid("The SAML assertion's Audience is not urn:amazon:webservices")


def _read(assertion: Node, recipient: str, provider: Provider) -> Assertion:
    told = {
        each.get("Name", ""): [
            (value.text or "").strip() for value in each.findall("saml:AttributeValue", SAML)
        ]
        for each in assertion.findall("saml:AttributeStatement/saml:Attribute", SAML)
    }
    names = told.get(f"{ATTRIBUTES}RoleSessionName", [])
    if len(names) != 1:
        raise invalid("RoleSessionName is required in AuthnResponse")
    if not SESSION_NAME.fullmatch(names[0]):
        raise invalid("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}")
    name_id = assertion.find("saml:Subject/saml:NameID", SAML)
    if name_id is None or not name_id.text:
        raise invalid("The SAML assertion names no subject")
    statement = assertion.find("saml:AuthnStatement", SAML)
    prefix = f"{ATTRIBUTES}PrincipalTag:"
    return Assertion(
        issuer=provider.entity_id,
        subject=name_id.text,
        subject_type=name_id.get("Format", f"{FORMATS}persistent").removeprefix(FORMATS),
        recipient=recipient,
        session_name=names[0],
        roles=frozenset(_pair(each) for each in told.get(f"{ATTRIBUTES}Role", [])),
        session_ends_at=_at(statement.get("SessionNotOnOrAfter")) if statement is not None else None,
        source_identity="".join(told.get(f"{ATTRIBUTES}SourceIdentity", [])),
        tags={
            name.removeprefix(prefix): values[0] for name, values in told.items() if name.startswith(prefix)
        },
    )


def _pair(text: str) -> tuple[str, str]:
    """Read `ROLE_ARN,PROVIDER_ARN`; AWS takes either order."""
    first, _, second = (part.strip() for part in text.partition(","))
    return (second, first) if ":saml-provider/" in first else (first, second)

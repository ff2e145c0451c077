"""Attacks on form, structure, signatures and encryption: what `parsing`, `shape` and the library refuse."""

import re

from lxml import etree
from lxml.etree import _Element as Element

from brokers.saml import Reason
from tests.saml_forge import drop, element, find, repeat, rsa_key, set_attribute, set_text, wrapping
from tests.saml_forge.edits import Edit
from tests.saml_forge.idp import AES_CBC, ASSERTION, RESPONSE, RSA_1_5
from tests.unit.brokers.saml.corpus import Attack, own

SP_KEY = rsa_key("sp")
LIBRARY_SIGNATURE = ("library", Reason.SIGNATURE)
NAME_ID = f"{ASSERTION}/saml:Subject/saml:NameID"
SIGNATURE = f"{ASSERTION}/ds:Signature"
ENCRYPTED_DATA = f"{RESPONSE}/saml:EncryptedAssertion/xenc:EncryptedData"
MAIL = f"{ASSERTION}//saml:Attribute[@Name='mail']"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"


def append(path: str, xml: str) -> Edit:
    return lambda root: find(root, path).append(element(xml))


def insert(path: str, xml: str) -> Edit:
    return lambda root: find(root, path).addnext(element(xml))


def put_node(path: str, node: Element) -> Edit:
    """Cut the text at `path` in two by a node that isn't an element."""

    def edit(root: Element) -> None:
        target = find(root, path)
        node.tail = ".evil"
        target.append(node)

    return edit


def doctype(document: bytes) -> bytes:
    return b'<!DOCTYPE samlp:Response [<!ENTITY who "mallory">]>' + document


def entity_value(document: bytes) -> bytes:
    return doctype(re.sub(rb">alice</saml:NameID>", b">&who;</saml:NameID>", document))


def deep_status(root: Element) -> None:
    code = find(root, "/samlp:Response/samlp:Status/samlp:StatusCode")
    for _ in range(20):
        inner = element('<samlp:StatusCode Value="urn:example:deeper"/>')
        code.append(inner)
        code = inner


def transforms(*xml: str) -> Edit:
    def edit(signature: Element) -> None:
        holder = find(signature, ".//ds:Transforms")
        for child in list(holder):
            holder.remove(child)
        for text in xml:
            holder.append(element(text))

    return edit


def transform(algorithm: str, content: str = "") -> str:
    return f'<ds:Transform Algorithm="{algorithm}">{content}</ds:Transform>'


ENVELOPED = transform("http://www.w3.org/2000/09/xmldsig#enveloped-signature")
EXCLUSIVE = transform("http://www.w3.org/2001/10/xml-exc-c14n#")
XPATH = transform("http://www.w3.org/TR/1999/REC-xpath-19991116", "<ds:XPath>true()</ds:XPath>")
INCLUSIVE = transform("http://www.w3.org/TR/2001/REC-xml-c14n-20010315")


def second_reference(signature: Element) -> None:
    repeat(".//ds:Reference")(signature)


def same_ids(root: Element) -> None:
    root.set("ID", find(root, ASSERTION).get("ID", ""))


def hide_in_advice(root: Element) -> None:
    advice = element('<saml:Advice><saml:Assertion Version="2.0" ID="_a" IssueInstant="2020-01-01T00:00:00Z"/>'
                     "</saml:Advice>")  # fmt: skip
    find(advice, "saml:Assertion").append(element("<saml:Issuer>x</saml:Issuer>"))
    find(root, f"{ASSERTION}/saml:Conditions").addnext(advice)


def twice(root: Element) -> None:
    repeat(ASSERTION, lambda copy: copy.set("ID", "_another"))(root)


def flip(path: str) -> Edit:
    """Change the first character of the base64 at `path`."""

    def edit(root: Element) -> None:
        target = find(root, path)
        text = (target.text or "").strip()
        target.text = ("A" if text[0] != "A" else "B") + text[1:]

    return edit


def in_a_comment(assertion: Element) -> bytes:
    return etree.tostring(assertion, with_tail=False).replace(b">alice<", b">alice<!-- -->.evil<", 1)


FORM = (
    Attack(
        "oversize",
        (own("parsing.size"),),
        {"alter": set_text(f"{MAIL}/saml:AttributeValue", "x" * 200_000)},
    ),
    Attack("document type declaration", (own("parsing.doctype"),), {"raw": doctype}),
    Attack(
        "entity in the NameID",
        (own("parsing.doctype"), own("shape.structure")),
        {"raw": entity_value},
        then=Reason.LIBRARY,  # the reference is never resolved, so python3-saml can't parse what is left
    ),
    Attack(
        "comment that cuts the NameID",
        (own("parsing.comment"), own("shape.structure")),
        {"alter": put_node(NAME_ID, etree.Comment(""))},
        gets={"name_id": "alice.evil"},
    ),
    Attack(
        "comment in an encrypted assertion",
        (own("parsing.comment"), own("shape.structure")),
        {"content": in_a_comment},
        base={"encrypt_to": SP_KEY, "sign": ("response",)},
    ),
    Attack(
        "processing instruction",
        (own("parsing.processing_instruction"), own("shape.structure")),
        {"finish": lambda root: find(root, f"{RESPONSE}/samlp:Status").append(etree.PI("evil", "x"))},
    ),
    Attack("deep document", (own("shape.depth"),), {"alter": deep_status}),
    Attack(
        "refused by the identity provider",
        (own("shape.status"), ("library", Reason.STATUS)),
        {
            "alter": set_attribute(
                f"{RESPONSE}/samlp:Status/samlp:StatusCode",
                "Value",
                "urn:oasis:names:tc:SAML:2.0:status:Responder",
            )
        },
    ),
)

STRUCTURE = (
    Attack(
        "two assertions, both signed",
        (own("shape.assertion_count"), own("shape.structure"), ("library", Reason.ASSERTION_COUNT)),
        {"alter": twice},
        base={"sign": ("response",)},
    ),
    Attack(
        "assertion in an Advice",
        (own("shape.assertion_count"), own("shape.structure"), ("library", Reason.ASSERTION_COUNT)),
        {"alter": hide_in_advice},
    ),
    Attack(
        "the same ID twice",
        (own("shape.duplicate_id"), ("library", Reason.SCHEMA)),
        {"finish": same_ids},
    ),
    Attack(
        "xml:id beside ID",
        (own("shape.structure"),),
        {"alter": set_attribute(MAIL, "{http://www.w3.org/XML/1998/namespace}id", "_mine")},
    ),
    Attack(
        "an ID without end",
        (own("shape.structure"),),
        {"alter": set_attribute(ASSERTION, "ID", "_" + "x" * 300)},
    ),
    Attack(
        "Extensions",
        (own("shape.structure"),),
        {
            "finish": insert(
                f"{RESPONSE}/saml:Issuer", "<samlp:Extensions><saml:Audience/></samlp:Extensions>"
            )
        },
    ),
    Attack(
        "an Object in the signature",
        (own("shape.structure"),),
        {"finish": append(SIGNATURE, "<ds:Object>anything</ds:Object>")},
    ),
    Attack(
        "RetrievalMethod in the signature's KeyInfo",
        (own("shape.structure"),),
        {"finish": append(f"{SIGNATURE}/ds:KeyInfo", '<ds:RetrievalMethod URI="https://evil.example"/>')},
    ),
)

SIGNATURES = (
    Attack("no signature", (own("shape.unsigned"), ("library", Reason.UNSIGNED)), {"sign": ()}),
    Attack(
        "no signature inside an encryption that anybody can make",
        (own("shape.unsigned"), ("library", Reason.UNSIGNED)),
        {"sign": ()},
        base={"encrypt_to": SP_KEY},
    ),
    Attack(
        "signature stripped from a forged response",
        (own("shape.unsigned"), ("library", Reason.UNSIGNED)),
        {"finish": drop(SIGNATURE)},
    ),
    Attack("a foreign key", (LIBRARY_SIGNATURE,), {"key": rsa_key("foreign")}),
    Attack(
        "a foreign key around a genuine assertion",
        (LIBRARY_SIGNATURE,),
        {"finish": flip(f"{RESPONSE}/ds:Signature/ds:SignatureValue")},
        base={"sign": ("assertion", "response")},
    ),
    Attack(
        "changed after signing",
        (LIBRARY_SIGNATURE,),
        {"finish": set_text(NAME_ID, "mallory")},
        gets={"name_id": "mallory"},
    ),
    Attack(
        "changed after signing, under a signed response",
        (LIBRARY_SIGNATURE,),
        {"finish": set_text(NAME_ID, "mallory")},
        base={"sign": ("response",)},
        gets={"name_id": "mallory"},
    ),
    Attack(
        "RSA-SHA1",
        (own("shape.algorithm"), ("library", Reason.ALGORITHM)),
        {"signature_algorithm": "http://www.w3.org/2000/09/xmldsig#rsa-sha1"},
    ),
    Attack(
        "SHA-1 digest",
        (own("shape.algorithm"), ("library", Reason.ALGORITHM)),
        {"digest_algorithm": "http://www.w3.org/2000/09/xmldsig#sha1"},
    ),
    # python3-saml takes it, whatever rejectDeprecatedAlgorithm says.
    Attack("RSA-MD5", (own("shape.algorithm"),), {"signature_algorithm": f"{MORE}rsa-md5"}),
    Attack("SHA-224 digest", (own("shape.algorithm"),), {"digest_algorithm": f"{MORE}sha224"}),
    Attack(
        "HMAC with the public certificate as its key",
        (own("shape.algorithm"), LIBRARY_SIGNATURE),
        {"signature_algorithm": f"{MORE}hmac-sha256", "hmac": rsa_key().certificate.encode()},
    ),
    Attack(
        "XPath transform",
        (own("shape.transform"), own("shape.structure")),
        {"template": transforms(ENVELOPED, XPATH, EXCLUSIVE)},
    ),
    Attack(
        "inclusive c14n transform",
        (own("shape.transform"),),
        {"template": transforms(ENVELOPED, INCLUSIVE)},
        base={"sign": ("response",)},
    ),
    Attack(
        "enveloped-signature without c14n",
        (own("shape.transform"),),
        {"template": transforms(ENVELOPED)},
        base={"sign": ("response",)},
    ),
    Attack(
        "the same transform again",
        (own("shape.transform"),),
        {"template": transforms(ENVELOPED, EXCLUSIVE, EXCLUSIVE)},
    ),
    Attack(
        "canonicalization with comments",
        (own("shape.transform"),),
        {
            "template": set_attribute(
                ".//ds:CanonicalizationMethod",
                "Algorithm",
                "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
            )
        },
    ),
    Attack(
        "XPath transform in an encrypted assertion",
        (own("shape.transform"), own("shape.structure")),
        {"template": transforms(ENVELOPED, XPATH, EXCLUSIVE)},
        base={"encrypt_to": SP_KEY},
    ),
    Attack(
        "two references",
        (own("shape.reference"), own("shape.structure")),
        {"template": second_reference},
    ),
    Attack(
        "a reference to the whole document",
        # Without ours it is luck that python3-saml then looks for an assertion of that name.
        (own("shape.reference"), ("library", Reason.CONDITIONS_TIME)),
        {"template": set_attribute(".//ds:Reference", "URI", "")},
        base={"sign": ("response",)},
    ),
    Attack(
        "a reference to somewhere else",
        (own("shape.reference"), ("library", Reason.REFERENCE)),
        {"finish": set_attribute(f"{SIGNATURE}//ds:Reference", "URI", "https://evil.example/doc")},
    ),
)

_COUNT, _LIBRARY = own("shape.assertion_count"), ("library", Reason.ASSERTION_COUNT)
_WRAPPED = (_COUNT, own("shape.structure"), own("shape.unsigned"), _LIBRARY)
_MOVED = (_COUNT, own("shape.reference"), own("shape.structure"), _LIBRARY)
_NESTED = (_COUNT, own("shape.duplicate_id"), own("shape.reference"), own("shape.structure"), _LIBRARY)
WRAPPING = tuple(
    Attack(
        f"signature wrapping {number}",
        layers,
        {"finish": getattr(wrapping, f"xsw{number}")},
        base={"sign": (signed,)},
        gets={"name_id": wrapping.EVIL},
    )
    for number, signed, layers in (
        (1, "response", _NESTED),
        (2, "response", _NESTED),
        (3, "assertion", _WRAPPED),
        (4, "assertion", _WRAPPED),
        (5, "assertion", _MOVED),
        (6, "assertion", _MOVED),
        (7, "assertion", _WRAPPED),
        (8, "assertion", _MOVED),
    )
)

_SEALED = {"encrypt_to": SP_KEY}
_CBC_IDP = {"allow_aes_cbc": True}
ENCRYPTION = (
    Attack(
        "AES-CBC where it isn't allowed",
        (own("shape.encryption_algorithm"), own("shape.cbc_unsigned")),
        {"cipher": AES_CBC},
        base=_SEALED,
        then=Reason.SIGNATURE,
    ),
    Attack(
        "AES-CBC where it isn't allowed, in a signed response",
        (own("shape.encryption_algorithm"),),
        {"cipher": AES_CBC},
        base={**_SEALED, "sign": ("response",)},
    ),
    Attack(
        "AES-CBC without a signature around it",
        (own("shape.cbc_unsigned"), ("envelope", Reason.SIGNATURE)),
        {"sign": ("assertion",)},
        base={**_SEALED, "cipher": AES_CBC, "sign": ("assertion", "response")},
        idp=_CBC_IDP,
    ),
    Attack(
        "AES-CBC altered in a signed response",
        (("envelope", Reason.SIGNATURE),),
        {"finish": flip(f"{ENCRYPTED_DATA}/xenc:CipherData/xenc:CipherValue")},
        base={**_SEALED, "cipher": AES_CBC, "sign": ("response",)},
        idp=_CBC_IDP,
        then=Reason.DECRYPTION,
    ),
    Attack(
        "triple DES",
        (own("shape.encryption_algorithm"),),
        {"cipher": "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"},
        base=_SEALED,
    ),
    Attack(
        "RSA PKCS #1 v1.5 key transport",
        (own("shape.encryption_algorithm"),),
        {"transport": RSA_1_5},
        base=_SEALED,
    ),
    Attack(
        "CipherReference",
        (own("shape.structure"),),
        {
            "finish": append(
                f"{ENCRYPTED_DATA}/xenc:CipherData", '<xenc:CipherReference URI="https://evil.example"/>'
            )
        },
        base=_SEALED,
        then=Reason.DECRYPTION,
    ),
    Attack(
        "RetrievalMethod for the key",
        (own("shape.structure"),),
        {"finish": append(f"{ENCRYPTED_DATA}/ds:KeyInfo", '<ds:RetrievalMethod URI="#elsewhere"/>')},
        base=_SEALED,
    ),
    Attack(
        "encrypted, but no assertion inside",
        (),
        {"content": lambda _: b'<saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/>'},
        base=_SEALED,
        then=Reason.DECRYPTION,
    ),
    Attack(
        "for somebody else's key",
        (),
        {"encrypt_to": rsa_key("foreign")},
        base=_SEALED,
        then=Reason.DECRYPTION,
    ),
    Attack(
        "altered ciphertext",
        (),
        {"finish": flip(f"{ENCRYPTED_DATA}/xenc:CipherData/xenc:CipherValue")},
        base=_SEALED,
        then=Reason.DECRYPTION,
    ),
)

CORPUS = FORM + STRUCTURE + SIGNATURES + WRAPPING + ENCRYPTION

"""What must be accepted: the ways in which real identity providers differ, and another signing library."""

import base64
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree
from lxml.etree import _Element as Element
from signxml.algorithms import CanonicalizationMethod, SignatureConstructionMethod
from signxml.signer import XMLSigner

from brokers.errors import SamlRejected
from brokers.saml import Reason, ServiceProvider, ServiceProviderConfig
from brokers.types import SamlIdentity
from tests.saml_forge import (
    ACS_URL,
    SP_ENTITY_ID,
    Forge,
    drop,
    ec_key,
    element,
    find,
    repeat,
    rsa_key,
    set_attribute,
    set_text,
)
from tests.saml_forge.edits import Edit
from tests.saml_forge.idp import ASSERTION, RESPONSE, VALID_FOR

SP_KEY = rsa_key("sp")
SP = ServiceProvider(ServiceProviderConfig(SP_ENTITY_ID, ACS_URL, SP_KEY.private, SP_KEY.certificate))
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
NAME_ID = f"{ASSERTION}/saml:Subject/saml:NameID"
MAIL = f"{ASSERTION}//saml:Attribute[@Name='mail']"
RESTRICTION = f"{ASSERTION}/saml:Conditions/saml:AudienceRestriction"


def verify(forge: Forge, **idp: Any) -> SamlIdentity:
    return SP.verify(
        forge.provider(**idp), forge.response(), request_id=forge.request_id, at=datetime.now(UTC)
    )


def spell_out_the_digest(root: Element) -> None:
    """OAEP's own digest is SHA-1 when nothing is said; some say it."""
    method = find(root, "//xenc:EncryptedKey/xenc:EncryptionMethod")
    method.append(element('<ds:DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/>'))


def recipient(key_info: str) -> Edit:
    """Say in the EncryptedKey for whom it is, as identity providers do."""
    xml = f"<ds:KeyInfo>{key_info}</ds:KeyInfo>"
    return lambda data: find(data, ".//xenc:EncryptedKey/xenc:EncryptionMethod").addnext(element(xml))


def oaep_sha256(data: Element) -> None:
    method = find(data, ".//xenc:EncryptedKey/xenc:EncryptionMethod")
    method.set("Algorithm", "http://www.w3.org/2009/xmlenc11#rsa-oaep")
    method.append(element('<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'))


X509 = "<ds:X509Data>{}</ds:X509Data>"
SERIAL = (
    "<ds:X509IssuerSerial><ds:X509IssuerName>CN=sp</ds:X509IssuerName>"
    "<ds:X509SerialNumber>1</ds:X509SerialNumber></ds:X509IssuerSerial>"
)


@pytest.mark.parametrize(
    "forged",
    [
        {"sign": ("response",)},
        {"sign": ("assertion", "response")},
        {"signature_algorithm": f"{MORE}rsa-sha384", "digest_algorithm": f"{MORE}sha384"},
        {"signature_algorithm": f"{MORE}rsa-sha512", "digest_algorithm": "http://www.w3.org/2001/04/xmlenc#sha512"},
        {"key": ec_key(), "signature_algorithm": f"{MORE}ecdsa-sha256"},
        {"key": ec_key("ec384", ec.SECP384R1), "signature_algorithm": f"{MORE}ecdsa-sha384"},
        {"encrypt_to": SP_KEY},
        {"encrypt_to": SP_KEY, "sign": ("response",)},
        {"encrypt_to": SP_KEY, "sign": ("assertion", "response")},
        {"encrypt_to": SP_KEY, "cipher": "http://www.w3.org/2009/xmlenc11#aes128-gcm"},
        {"encrypt_to": SP_KEY, "finish": spell_out_the_digest},
        {"encrypt_to": SP_KEY, "envelope": oaep_sha256},
        {
            "encrypt_to": SP_KEY,
            "envelope": recipient(X509.format(f"<ds:X509Certificate>{SP_KEY.body}</ds:X509Certificate>")),
        },
        {"encrypt_to": SP_KEY, "envelope": recipient(X509.format(SERIAL))},
        {"encrypt_to": SP_KEY, "envelope": recipient("<ds:KeyName>sp</ds:KeyName>")},
        {"encrypt_to": SP_KEY, "finish": drop("//xenc:EncryptedData", "Type")},
        {"raw": lambda document: b'<?xml version="1.0" encoding="UTF-8"?>\n' + document},
        {"raw": lambda document: b"\xef\xbb\xbf" + document},
        {"alter": drop(NAME_ID, "Format")},
        {"alter": drop(f"{ASSERTION}/saml:AttributeStatement")},
        {"alter": drop(MAIL)},
        {"alter": set_attribute(MAIL, "{http://schemas.example.test/claims}OriginalIssuer", "upstream")},
        {"alter": set_attribute(NAME_ID, "NameQualifier", "https://idp.example.test/metadata")},
        {"alter": set_attribute(NAME_ID, "SPNameQualifier", SP_ENTITY_ID)},
        {"alter": repeat(f"{RESTRICTION}/saml:Audience", lambda copy: setattr(copy, "text", "urn:another"))},
        {"name_id": "a" * 256},
        {"name_id": "EXAMPLE\\alice+~!"},
    ],
)  # fmt: skip
def test_accepted(forged: Mapping[str, Any]) -> None:
    forge = Forge(**forged)

    assert verify(forge).name_id == forge.name_id


def test_everything_that_was_said_is_kept() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    forge = Forge()

    identity = verify(forge)

    assert identity.issuer == forge.entity_id
    assert identity.assertion_id.startswith("_")
    assert identity.name_id_format == "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
    assert identity.session_index == "_session"
    assert identity.attributes == {"mail": ("alice@example.test",), "groups": ("staff", "payments")}
    assert before <= identity.authenticated_at <= datetime.now(UTC)
    assert identity.valid_until - identity.authenticated_at == VALID_FOR


def test_no_format_is_the_unspecified_format() -> None:
    identity = verify(Forge(alter=drop(NAME_ID, "Format")))

    assert identity.name_id_format == "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"


def test_an_attribute_that_stands_twice_has_the_values_of_both() -> None:
    forge = Forge(alter=repeat(MAIL, lambda copy: setattr(copy[0], "text", "second@example.test")))

    assert verify(forge).attributes["mail"] == ("alice@example.test", "second@example.test")


def test_an_empty_value_is_no_value() -> None:
    assert verify(Forge(alter=set_text(f"{MAIL}/saml:AttributeValue", ""))).attributes["mail"] == ()


def test_it_counts_until_the_earlier_of_its_two_ends() -> None:
    forge = Forge(
        alter=set_attribute(
            f"{ASSERTION}/saml:Conditions",
            "NotOnOrAfter",
            (datetime.now(UTC) + timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%S.1234567Z"),
        )
    )

    assert verify(forge).valid_until < datetime.now(UTC) + timedelta(minutes=3)


def test_two_certificates_are_valid_at_once() -> None:
    old, new = rsa_key("old"), rsa_key("new")
    both = (old.certificate, new.certificate)

    assert verify(Forge(key=old), certificates=both).name_id == "alice"
    assert verify(Forge(key=new), certificates=both).name_id == "alice"
    with pytest.raises(SamlRejected) as refused:
        verify(Forge(key=old), certificates=(new.certificate,))
    assert refused.value.reason == Reason.SIGNATURE


def test_what_signxml_signs_is_accepted() -> None:
    forge = Forge()
    root = etree.fromstring(forge.plain())
    assertion = find(root, ASSERTION)
    find(assertion, "saml:Issuer").addnext(element('<ds:Signature Id="placeholder"/>'))
    signer = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signed = signer.sign(
        assertion, key=forge.key.private, cert=forge.key.certificate, reference_uri=assertion.get("ID")
    )
    find(root, RESPONSE).replace(assertion, signed)
    response = base64.b64encode(etree.tostring(root)).decode()

    identity = SP.verify(forge.provider(), response, request_id=forge.request_id, at=datetime.now(UTC))

    assert identity.name_id == "alice"


def test_threads_share_a_service_provider() -> None:
    forges = [Forge(name_id=f"person{number}", encrypt_to=SP_KEY) for number in range(24)]

    with ThreadPoolExecutor(8) as pool:
        names = [identity.name_id for identity in pool.map(verify, forges)]

    assert names == [forge.name_id for forge in forges]

"""Asking, and saying who asks: AuthnRequest, signature, metadata, configuration."""

import base64
import zlib
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree
from lxml.etree import _Element as Element
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from brokers.errors import SamlMisconfigured
from brokers.saml import MetadataReader, ServiceProvider, ServiceProviderConfig
from tests.saml_forge import ACS_URL, SP_ENTITY_ID, Forge, KeyPair, ec_key, find, rsa_key
from tests.saml_forge.edits import NAMESPACES

SP_KEY = rsa_key("sp")
PLAIN = ServiceProviderConfig(SP_ENTITY_ID, ACS_URL)
KEYED = ServiceProviderConfig(SP_ENTITY_ID, ACS_URL, SP_KEY.private, SP_KEY.certificate)
IDP = Forge().provider()


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, strict_parsing=True).items()}


def request(url: str) -> Element:
    return etree.fromstring(zlib.decompress(base64.b64decode(query(url)["SAMLRequest"]), -zlib.MAX_WBITS))


def test_a_request_names_us_and_our_own_address() -> None:
    begun = ServiceProvider(PLAIN).begin(IDP, relay_state="opaque")

    asked = request(begun.redirect_url)
    assert begun.redirect_url.startswith(f"{IDP.sso_url}?SAMLRequest=")
    assert asked.get("ID") == begun.request_id
    assert asked.get("Destination") == IDP.sso_url
    assert asked.get("AssertionConsumerServiceURL") == ACS_URL
    assert find(asked, "saml:Issuer").text == SP_ENTITY_ID
    assert query(begun.redirect_url)["RelayState"] == "opaque"
    assert "Signature" not in query(begun.redirect_url)


def test_requests_are_unguessable() -> None:
    provider = ServiceProvider(PLAIN)
    ids = {provider.begin(IDP, relay_state="").request_id for _ in range(100)}

    assert len(ids) == 100
    assert all(len(identifier) == 41 and identifier.startswith("_") for identifier in ids)


def test_an_empty_relay_state_is_left_out() -> None:
    assert "RelayState" not in query(ServiceProvider(PLAIN).begin(IDP, relay_state="").redirect_url)


def test_an_address_with_a_query_keeps_it() -> None:
    idp = replace(IDP, sso_url="https://idp.example.test/sso?tenant=a&b=%26")

    begun = ServiceProvider(KEYED).begin(idp, relay_state="opaque")

    assert begun.redirect_url.startswith(f"{idp.sso_url}&SAMLRequest=")
    assert request(begun.redirect_url).get("Destination") == idp.sso_url


def test_a_request_is_signed_when_there_is_a_key() -> None:
    url = ServiceProvider(KEYED).begin(IDP, relay_state="a/b c&d").redirect_url
    signed, _, signature = urlsplit(url).query.partition("&Signature=")
    key = x509.load_pem_x509_certificate(SP_KEY.certificate.encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)

    value = base64.b64decode(query(url)["Signature"])
    key.verify(value, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    assert query(url)["SigAlg"] == "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
    assert list(query(url)) == ["SAMLRequest", "RelayState", "SigAlg", "Signature"]
    assert signature
    with pytest.raises(InvalidSignature):
        key.verify(value, signed.replace("c%26d", "c%26e").encode(), padding.PKCS1v15(), hashes.SHA256())


def test_a_relay_state_has_at_most_eighty_bytes() -> None:
    provider = ServiceProvider(PLAIN)

    assert provider.begin(IDP, relay_state="x" * 80)
    with pytest.raises(SamlMisconfigured, match="relay_state must have at most 80 bytes"):
        provider.begin(IDP, relay_state="\u00e9" * 41)


@pytest.mark.parametrize("config", [PLAIN, KEYED], ids=["plain", "keyed"])
def test_metadata_is_valid(config: ServiceProviderConfig) -> None:
    document = ServiceProvider(config).metadata()

    settings = OneLogin_Saml2_Settings(
        {"sp": {"entityId": SP_ENTITY_ID, "assertionConsumerService": {"url": ACS_URL}}},
        sp_validation_only=True,
    )
    assert settings.validate_metadata(document.decode().partition("?>")[2]) == []


def test_metadata_says_what_we_are() -> None:
    root = etree.fromstring(ServiceProvider(KEYED).metadata())

    service = find(root, "//md:AssertionConsumerService")
    assert root.get("entityID") == SP_ENTITY_ID
    assert service.get("Location") == ACS_URL
    assert service.get("Binding") == "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
    assert find(root, "//md:SPSSODescriptor").get("AuthnRequestsSigned") == "true"
    for use in ("signing", "encryption"):
        path = f"//md:KeyDescriptor[@use='{use}']//ds:X509Certificate"
        assert find(root, path).text == SP_KEY.body
    methods = root.xpath("//md:EncryptionMethod/@Algorithm", namespaces=NAMESPACES)
    assert isinstance(methods, list)
    assert not any("cbc" in str(method) or "rsa-1_5" in str(method) for method in methods)


def test_metadata_without_a_key_promises_none() -> None:
    document = ServiceProvider(PLAIN).metadata()

    assert b"KeyDescriptor" not in document
    assert b'AuthnRequestsSigned="false"' in document


def test_what_is_written_is_escaped() -> None:
    config = ServiceProviderConfig('https://x.example/"<&', ACS_URL)

    assert etree.fromstring(ServiceProvider(config).metadata()).get("entityID") == config.entity_id


@pytest.mark.parametrize(
    ("entity_id", "acs_url", "field"),
    [
        ("", ACS_URL, "entity_id"),
        ("has space", ACS_URL, "entity_id"),
        ("x" * 1025, ACS_URL, "entity_id"),
        (SP_ENTITY_ID, "", "acs_url"),
        (SP_ENTITY_ID, "http://portal.example.test/acs", "acs_url"),
        (SP_ENTITY_ID, "ftp://portal.example.test/acs", "acs_url"),
        (SP_ENTITY_ID, "https://portal.example.test/acs?next=1", "acs_url"),
        (SP_ENTITY_ID, "https://portal.example.test/acs#x", "acs_url"),
        (SP_ENTITY_ID, "https://user@portal.example.test/acs", "acs_url"),
        (SP_ENTITY_ID, "https:///acs", "acs_url"),
        (SP_ENTITY_ID, "https://portal.example.test:port/acs", "acs_url"),
        (SP_ENTITY_ID, "https://portal.example.test\\@evil.example/acs", "acs_url"),
    ],
)
def test_settings_that_can_not_work(entity_id: str, acs_url: str, field: str) -> None:
    with pytest.raises(SamlMisconfigured) as refused:
        ServiceProviderConfig(entity_id, acs_url)

    assert (refused.value.field, refused.value.code) == (field, "saml.misconfigured")


@pytest.mark.parametrize(
    "url", ["https://portal.example.test/acs", "http://localhost:8000/acs", "http://[::1]/acs"]
)
def test_settings_that_can(url: str) -> None:
    assert ServiceProviderConfig(SP_ENTITY_ID, url).acs_url == url


def test_a_key_needs_its_certificate() -> None:
    with pytest.raises(SamlMisconfigured, match="together"):
        ServiceProviderConfig(SP_ENTITY_ID, ACS_URL, private_key=SP_KEY.private)


@pytest.mark.parametrize(
    ("key", "field"),
    [
        (KeyPair("no key", SP_KEY.certificate), "private_key"),
        (KeyPair(SP_KEY.private, "no certificate"), "certificate"),
        (KeyPair(SP_KEY.private, rsa_key("another").certificate), "certificate"),
        (ec_key(), "private_key"),
        (rsa_key("weak", 1024), "private_key"),
    ],
    ids=["unreadable", "no certificate", "another's", "not RSA", "weak"],
)
def test_keys_that_can_not_work(key: KeyPair, field: str) -> None:
    config = ServiceProviderConfig(SP_ENTITY_ID, ACS_URL, key.private, key.certificate)

    with pytest.raises(SamlMisconfigured) as refused:
        ServiceProvider(config)

    assert refused.value.field == field
    assert key.private not in str(refused.value)


def test_no_repr_shows_the_key() -> None:
    assert "PRIVATE" not in repr(KEYED)


def test_our_own_metadata_is_no_identity_provider() -> None:
    with pytest.raises(Exception, match=r"saml\.metadata\.role"):
        MetadataReader()(ServiceProvider(KEYED).metadata())

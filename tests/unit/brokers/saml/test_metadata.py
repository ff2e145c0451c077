"""Reading an identity provider's metadata: each refusal with its exact code and its accepted neighbour."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from brokers.errors import SamlMetadataRejected
from brokers.saml import MetadataReader, MetadataReason, metadata
from tests.saml_forge import IDP_ENTITY_ID, KeyPair, ec_key, expired_key, rsa_key

REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
SSO = "https://idp.example.test/sso"
READ = MetadataReader()
NAMESPACES = 'xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'


def descriptor(body: str, use: str = 'use="signing"') -> str:
    return (
        f"<md:KeyDescriptor {use}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n{body}\n"
        "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
    )


def entity(
    *,
    keys: Sequence[str] | None = None,
    entity_id: str = IDP_ENTITY_ID,
    attributes: str = "",
    role: str = "IDPSSODescriptor",
    protocol: str = "urn:oasis:names:tc:SAML:2.0:protocol",
    binding: str = REDIRECT,
    sso_url: str = SSO,
) -> str:
    known = [descriptor(rsa_key().body)] if keys is None else keys
    return (
        f'<md:EntityDescriptor {NAMESPACES} entityID="{entity_id}" {attributes}>'
        f'<md:{role} protocolSupportEnumeration="{protocol}">{"".join(known)}'
        '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" '
        'Location="https://idp.example.test/post"/>'
        f'<md:SingleSignOnService Binding="{binding}" Location="{sso_url}"/></md:{role}></md:EntityDescriptor>'
    )


def entities(*each: str, attributes: str = "") -> bytes:
    return (
        f"<md:EntitiesDescriptor {NAMESPACES} {attributes}>{''.join(each)}</md:EntitiesDescriptor>".encode()
    )


def refusal(document: str | bytes, entity_id: str | None = None, reader: MetadataReader = READ) -> str:
    with pytest.raises(SamlMetadataRejected) as refused:
        reader(document.encode() if isinstance(document, str) else document, entity_id=entity_id)
    assert refused.value.code == f"saml.metadata.{refused.value.reason}"
    assert refused.value.reason in str(refused.value)
    return refused.value.reason


def ed25519_key() -> KeyPair:
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ed25519")])
    now = datetime.now(UTC)
    certificate = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return KeyPair("", certificate.sign(key, None).public_bytes(Encoding.PEM).decode())


def stamp(**offset: int) -> str:
    return (datetime.now(UTC) + timedelta(**offset)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_what_is_read() -> None:
    idp = READ(entity().encode())

    assert (idp.entity_id, idp.sso_url) == (IDP_ENTITY_ID, SSO)
    assert idp.certificates == (rsa_key().certificate,)
    assert idp.allow_aes_cbc is False
    assert idp.max_assertion_lifetime == timedelta(minutes=70)


def test_a_rollover_has_two_certificates_at_once() -> None:
    keys = [descriptor(rsa_key("old").body), descriptor(rsa_key("new").body), descriptor(rsa_key("old").body)]

    assert READ(entity(keys=keys).encode()).certificates == (
        rsa_key("old").certificate,
        rsa_key("new").certificate,
    )


def test_a_key_without_use_signs_too_and_one_for_encryption_does_not() -> None:
    keys = [descriptor(rsa_key("any").body, ""), descriptor(rsa_key("enc").body, 'use="encryption"')]

    assert READ(entity(keys=keys).encode()).certificates == (rsa_key("any").certificate,)


def test_an_expired_certificate_is_left_out() -> None:
    keys = [descriptor(expired_key().body), descriptor(rsa_key().body)]

    assert READ(entity(keys=keys).encode()).certificates == (rsa_key().certificate,)


def test_an_elliptic_curve_is_accepted() -> None:
    keys = [descriptor(ec_key().body)]

    assert READ(entity(keys=keys).encode()).certificates == (ec_key().certificate,)


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [descriptor(expired_key().body)],
        [descriptor(rsa_key().body, 'use="encryption"')],
        [descriptor("bm8gY2VydGlmaWNhdGU=")],
        [descriptor("not base64!")],
        [descriptor("")],
    ],
    ids=["none", "expired", "for encryption", "no certificate", "not base64", "empty"],
)
def test_no_certificate(keys: list[str]) -> None:
    assert refusal(entity(keys=keys)) == MetadataReason.CERTIFICATE


@pytest.mark.parametrize("weak", [rsa_key("weak", 1024), ed25519_key()], ids=["RSA 1024", "Ed25519"])
def test_a_weak_key_refuses_the_document_even_beside_a_strong_one(weak: KeyPair) -> None:
    keys = [descriptor(rsa_key().body), descriptor(weak.body)]

    assert refusal(entity(keys=keys)) == MetadataReason.WEAK_KEY


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://idp.example.test/sso",
        "javascript:alert(1)",
        "/sso",
        "https://",
        "https://idp.example.test/sso#x",
        "https://idp.example.test@evil.example/",
        "https://idp.example.test/a b",
    ],
)
def test_an_sso_url_must_be_https(url: str) -> None:
    assert refusal(entity(sso_url=url)) == MetadataReason.SSO_URL


def test_plain_http_is_for_this_machine_and_for_hosts_that_are_named() -> None:
    inside = entity(sso_url="http://idp.internal:8080/sso").encode()

    assert READ(entity(sso_url="http://127.0.0.1:8080/sso").encode()).sso_url.startswith("http://127")
    assert refusal(inside) == MetadataReason.SSO_URL
    named = MetadataReader(http_hosts=frozenset({"idp.internal"}))
    assert named(inside).sso_url == "http://idp.internal:8080/sso"


def test_there_must_be_a_redirect_endpoint() -> None:
    assert refusal(entity(binding="urn:example:other")) == MetadataReason.SSO_URL


@pytest.mark.parametrize("changed", [{"role": "SPSSODescriptor"}, {"protocol": "urn:mace:shibboleth:1.0"}])
def test_there_must_be_an_identity_provider(changed: dict[str, str]) -> None:
    assert refusal(entity(**changed)) == MetadataReason.ROLE


@pytest.mark.parametrize(
    "document", ["<html/>", "<EntityDescriptor/>", f"<md:IDPSSODescriptor {NAMESPACES}/>"]
)
def test_the_root_must_be_metadata(document: str) -> None:
    assert refusal(document) == MetadataReason.ROOT


@pytest.mark.parametrize("document", ["", "junk", "<md:EntityDescriptor", "<a>&b;</a>"])
def test_malformed(document: str) -> None:
    assert refusal(document) == MetadataReason.MALFORMED


def test_a_doctype_is_refused() -> None:
    assert refusal(f"<!DOCTYPE x>{entity()}") == MetadataReason.DOCTYPE


def test_a_doctype_in_another_encoding_is_not_read_either() -> None:
    assert refusal(f"<!DOCTYPE x>{entity()}".encode("utf-16")) == MetadataReason.MALFORMED


def test_the_size_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    document = entity().encode()
    monkeypatch.setattr(metadata, "MAX_BYTES", len(document))
    assert READ(document)
    monkeypatch.setattr(metadata, "MAX_BYTES", len(document) - 1)
    assert refusal(document) == MetadataReason.SIZE


def test_an_aggregate_needs_a_name() -> None:
    other = "https://idp.example.test/other"
    document = entities(entity(), entity(entity_id=other, sso_url="https://other.example.test/sso"))

    assert READ(document, entity_id=other).sso_url == "https://other.example.test/sso"
    assert refusal(document) == MetadataReason.ENTITY
    assert refusal(document, "https://idp.example.test/unknown") == MetadataReason.ENTITY
    assert refusal(entities()) == MetadataReason.ENTITY
    assert READ(entities(entity())).entity_id == IDP_ENTITY_ID


def test_the_same_name_twice_is_refused() -> None:
    assert refusal(entities(entity(), entity()), IDP_ENTITY_ID) == MetadataReason.ENTITY


def test_a_single_entity_must_be_the_one_that_was_named() -> None:
    assert READ(entity().encode(), entity_id=IDP_ENTITY_ID)
    assert refusal(entity(), "https://idp.example.test/other") == MetadataReason.ENTITY


@pytest.mark.parametrize("entity_id", ["", "x" * 1025])
def test_an_entity_id_has_a_length(entity_id: str) -> None:
    assert refusal(entity(entity_id=entity_id)) == MetadataReason.ENTITY


def test_metadata_that_is_over_is_refused() -> None:
    over, good = f'validUntil="{stamp(days=-1)}"', f'validUntil="{stamp(days=1)}"'

    assert READ(entity(attributes=good).encode())
    assert READ(entities(entity(attributes=good), attributes=good))
    assert refusal(entity(attributes=over)) == MetadataReason.EXPIRED
    assert refusal(entities(entity(), attributes=over)) == MetadataReason.EXPIRED
    assert refusal(entity(attributes='validUntil="soon"')) == MetadataReason.EXPIRED
    assert refusal(entity(attributes='validUntil="soon, Z"')) == MetadataReason.EXPIRED


def test_time_is_the_reader_s_clock() -> None:
    later = MetadataReader(clock=lambda: datetime.now(UTC) + timedelta(days=365))

    assert refusal(entity(), reader=later) == MetadataReason.CERTIFICATE

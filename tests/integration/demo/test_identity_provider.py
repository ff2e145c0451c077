"""The demo's identity provider: what it signs, verified by signxml and by the portal's own strict reader."""

import base64
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, SignatureMethod
from signxml.verifier import SignatureConfiguration, XMLVerifier

from brokers.saml.config import ServiceProviderConfig
from brokers.saml.metadata import MetadataReader
from brokers.saml.provider import ServiceProvider
from portal.demo.identity_provider.people import BY_KEY, PEOPLE
from tests.servers.demo_idp import DemoIdp, demo_idp

pytestmark = pytest.mark.xdist_group("sandbox")

SP = "http://localhost:8000/saml/metadata"
ACS = "http://localhost:8000/saml/acs"
SAML = {"saml": "urn:oasis:names:tc:SAML:2.0:assertion", "samlp": "urn:oasis:names:tc:SAML:2.0:protocol"}


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoIdp]:
    with demo_idp(tmp_path_factory.mktemp("idp"), sp_entity_id=SP, acs_url=ACS) as running:
        yield running


@pytest.fixture
def provider() -> ServiceProvider:
    return ServiceProvider(ServiceProviderConfig(SP, ACS))


def asked(idp: DemoIdp, **changed: str) -> str:
    """Write an AuthnRequest by hand, with attributes changed; returns the SSO address with it."""
    attributes = {
        "ID": "_0123456789abcdef0123",
        "Version": "2.0",
        "IssueInstant": "2026-01-01T00:00:00Z",
        "Destination": idp.sso_url,
        "AssertionConsumerServiceURL": ACS,
    } | {name: value for name, value in changed.items() if name != "Issuer"}
    root = etree.Element(f"{{{SAML['samlp']}}}AuthnRequest", attributes)
    etree.SubElement(root, f"{{{SAML['saml']}}}Issuer").text = changed.get("Issuer", SP)
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(etree.tostring(root)) + packer.flush()
    return f"{idp.sso_url}?{urlencode({'SAMLRequest': base64.b64encode(packed).decode(), 'RelayState': 'state'})}"


@pytest.mark.parametrize("person", [person.key for person in PEOPLE])
def test_the_portals_strict_reader_accepts_everybody(
    idp: DemoIdp, provider: ServiceProvider, person: str
) -> None:
    known = MetadataReader()(idp.metadata())
    request = provider.begin(known, relay_state="opaque")
    posted = idp.sign_in(request.redirect_url, person)
    found = provider.verify(known, posted.saml_response, request_id=request.request_id, at=datetime.now(UTC))
    expected = BY_KEY[person]
    assert (found.issuer, found.name_id) == (idp.entity_id, expected.name_id)
    assert found.attributes == {
        "email": (expected.email,),
        "displayName": (expected.display_name,),
        "company": (expected.company,),
        "groups": expected.groups,
    }
    assert (posted.action, posted.relay_state) == (ACS, "opaque")


def test_signxml_verifies_both_signatures(idp: DemoIdp) -> None:
    document = base64.b64decode(idp.sign_in(asked(idp), "ada").saml_response)
    certificate = (idp.directory / "signing-certificate.pem").read_text()
    strict = SignatureConfiguration(signature_methods=frozenset({SignatureMethod.RSA_SHA256}))
    response = etree.fromstring(document)
    assertion = response.find("saml:Assertion", SAML)
    assert assertion is not None
    for element in (response, assertion):
        verified = XMLVerifier().verify(
            etree.tostring(element), x509_cert=certificate, id_attribute="ID", expect_config=strict
        )
        signed = (verified[0] if isinstance(verified, list) else verified).signed_xml
        assert signed is not None
        assert signed.get("ID") == element.get("ID")
    methods = {node.get("Algorithm") for node in response.iter("{*}CanonicalizationMethod")}
    assert methods == {CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0.value}


def test_every_field_stands_in_the_response(idp: DemoIdp) -> None:
    response = etree.fromstring(base64.b64decode(idp.sign_in(asked(idp), "noor").saml_response))
    assert (response.get("Destination"), response.get("InResponseTo")) == (ACS, "_0123456789abcdef0123")
    data = response.find(".//saml:SubjectConfirmationData", SAML)
    conditions = response.find(".//saml:Conditions", SAML)
    statement = response.find(".//saml:AuthnStatement", SAML)
    assert data is not None
    assert conditions is not None
    assert statement is not None
    assert (data.get("Recipient"), data.get("InResponseTo")) == (ACS, "_0123456789abcdef0123")
    assert response.findtext(".//saml:Audience", namespaces=SAML) == SP
    begins, ends = (
        datetime.fromisoformat(conditions.get(name, "")) for name in ("NotBefore", "NotOnOrAfter")
    )
    assert ends - begins == timedelta(minutes=5, seconds=30)
    assert data.get("NotOnOrAfter") == conditions.get("NotOnOrAfter")
    assert statement.get("SessionIndex", "").startswith("_")
    first, second = (idp.sign_in(asked(idp), "noor").saml_response for _ in range(2))
    assert first != second


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"Issuer": "https://other.example"}, "service provider"),
        ({"AssertionConsumerServiceURL": "https://other.example/acs"}, "AssertionConsumerServiceURL"),
        ({"Destination": "https://other.example/sso"}, "Destination"),
        ({"ProtocolBinding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"}, "ProtocolBinding"),
        ({"ID": "short"}, "ID"),
        ({"Version": "1.1"}, "AuthnRequest"),
    ],
    ids="-".join,
)
def test_other_requests_are_refused(idp: DemoIdp, changed: dict[str, str], reason: str) -> None:
    answer = idp.get(asked(idp, **changed))
    assert answer.status == 400
    assert reason in answer.data.decode()
    assert idp.get(asked(idp)).status == 200


@pytest.mark.parametrize("text", ["", "!!!", "YWJj", base64.b64encode(zlib.compress(b"<a/>")[2:-4]).decode()])
def test_what_is_no_request_is_refused(idp: DemoIdp, text: str) -> None:
    assert idp.get(f"/sso?{urlencode({'SAMLRequest': text})}").status == 400


def test_pages_are_strict_and_say_what_they_are(idp: DemoIdp) -> None:
    page = idp.get(asked(idp))
    for person in PEOPLE:
        assert person.display_name in page.data.decode()
    posted = idp.sign_in(asked(idp), "ben")
    for text, headers in ((page.data.decode(), page.headers), (posted.page, posted.headers)):
        assert "Simulation" in text
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
    assert "form-action http://localhost:8000;" in posted.headers["Content-Security-Policy"]
    assert "Continue" in posted.page


def test_the_key_is_kept_and_private(tmp_path: Path) -> None:
    with demo_idp(tmp_path, sp_entity_id=SP, acs_url=ACS, port=None) as first:
        before = (tmp_path / "signing-certificate.pem").read_text()
        assert first.get("/health").status == 200
    with demo_idp(tmp_path, sp_entity_id=SP, acs_url=ACS):
        assert (tmp_path / "signing-certificate.pem").read_text() == before
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.pem")} == {0o600}

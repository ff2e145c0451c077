"""A bind by Kerberos without what it takes: the extra, and TLS. What a real one does is in tests/integration."""

import hashlib
import ssl
import sys
import types
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from brokers.errors import IdentityUnavailable
from brokers.ldap import Directory, Fault
from brokers.ldap.kerberos import channel_binding
from tests.servers.authority import Authority
from tests.servers.scripted_ldap import BIND_RESPONSE, Step, result, scripted
from tests.unit.brokers.ldap.settings import told

MISSING = "install sallyport[gssapi]"


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def tls(authority: Authority, tmp_path: Path) -> ssl.SSLContext:
    files = authority.issue(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    return context


def refused(url: str, authority: Authority) -> IdentityUnavailable:
    server = told(url, ca_certificates=authority.certificate, bind_by_kerberos=True)
    with pytest.raises(IdentityUnavailable) as caught:
        Directory().find_person(server, "1")
    return caught.value


def test_without_the_extra_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, tls: ssl.SSLContext
) -> None:
    monkeypatch.setitem(sys.modules, "gssapi", None)
    asked: list[bytes] = []
    with scripted(result(1, BIND_RESPONSE), asked=asked, tls=tls) as url:
        fault = refused(url, authority)
        assert (fault.reason, MISSING in fault.detail) == (Fault.SETTINGS, True)
        server = told(url, ca_certificates=authority.certificate, bind_by_kerberos=True)
        *fine, bind = Directory().check(server)
        assert [(step.name, step.is_ok) for step in fine] == [
            ("address", True),
            ("reachable", True),
            ("TLS", True),
        ]
        assert (bind.name, bind.is_ok) == ("bind", False)
        assert MISSING in bind.detail
    # Nothing was bound by name and password in its place: only good-byes came.
    assert all(b"cn=portal" not in message for message in asked)


def test_never_in_plain_text_not_even_to_this_machine(
    monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    monkeypatch.setitem(sys.modules, "gssapi", types.ModuleType("gssapi"))
    answer: Step = result(1, BIND_RESPONSE)
    with scripted(answer) as url:
        fault = refused(url, authority)
    assert (fault.reason, "over TLS only" in fault.detail) == (Fault.SETTINGS, True)


@pytest.mark.parametrize(
    ("signed_by", "digest"),
    [(hashes.SHA256(), "sha256"), (hashes.SHA384(), "sha384"), (hashes.SHA512(), "sha512"), (None, "sha256")],
)
def test_a_channel_binding_is_the_certificates_own_digest(
    signed_by: hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None, digest: str
) -> None:
    encoded = _certificate(signed_by)
    assert channel_binding(encoded) == b"tls-server-end-point:" + hashlib.new(digest, encoded).digest()


def _certificate(signed_by: hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None) -> bytes:
    key = rsa.generate_private_key(65537, 2048) if signed_by else ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dc1")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
    )
    return builder.sign(key, signed_by).public_bytes(Encoding.DER)

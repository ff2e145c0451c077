"""The signing key and its self-signed certificate: made at the first start, kept in the demo's directory."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

LIFETIME = timedelta(days=3650)


@dataclass(frozen=True)
class SigningKey:
    """Both as PEM."""

    private_key: bytes = field(repr=False)
    certificate: str

    @property
    def certificate_body(self) -> str:
        """The base64 between the PEM lines, as metadata wants it."""
        return "".join(line for line in self.certificate.splitlines() if "-----" not in line)


def load_or_make(directory: Path) -> SigningKey:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    key_file, certificate_file = directory / "signing-key.pem", directory / "signing-certificate.pem"
    if not (key_file.exists() and certificate_file.exists()):
        key, certificate = _make()
        _write(key_file, key)
        _write(certificate_file, certificate)
    return SigningKey(key_file.read_bytes(), certificate_file.read_text())


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)


def _make() -> tuple[bytes, bytes]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Demo identity provider (simulation)")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem, certificate.public_bytes(serialization.Encoding.PEM)

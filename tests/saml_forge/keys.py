"""Keys and self-signed certificates, made at run time and never written down."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class KeyPair:
    private: str = field(repr=False)
    certificate: str

    @property
    def body(self) -> str:
        return "".join(self.certificate.splitlines()[1:-1])


@cache
def rsa_key(name: str = "idp", bits: int = 2048) -> KeyPair:
    """The same name gives the same key within one run: making them is what takes long."""
    return _pair(name, rsa.generate_private_key(65537, bits), timedelta(days=30))


@cache
def expired_key(name: str = "expired") -> KeyPair:
    return _pair(name, rsa.generate_private_key(65537, 2048), timedelta(days=-1))


@cache
def key_until(name: str, *, days: int) -> KeyPair:
    """One whose certificate ends in so many days."""
    return _pair(name, rsa.generate_private_key(65537, 2048), timedelta(days=days))


@cache
def ec_key(name: str = "ec", curve: type[ec.EllipticCurve] = ec.SECP256R1) -> KeyPair:
    return _pair(name, ec.generate_private_key(curve()), timedelta(days=30))


def _pair(name: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, ends_in: timedelta) -> KeyPair:
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + ends_in)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return KeyPair(private, certificate.public_bytes(Encoding.PEM).decode())

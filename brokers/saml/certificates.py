"""Certificates, as boxes around keys: which are strong enough, which have been retired by their own date."""

import base64
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

MIN_RSA_BITS: Final = 2048
CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


def from_base64(body: str) -> x509.Certificate:
    """Read the content of a ds:X509Certificate, white space and all. ValueError when it is none."""
    return x509.load_der_x509_certificate(base64.b64decode("".join(body.split()), validate=True))


def base64_body(pem: str) -> str:
    """Return the content for a ds:X509Certificate. ValueError when `pem` is no certificate."""
    der = x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
    return base64.b64encode(der).decode()


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def weakness(certificate: x509.Certificate) -> str | None:
    """Say why the key must not be trusted, or None. Never looks at who signed the certificate."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return (
            f"RSA with {key.key_size} bits; allowed are {MIN_RSA_BITS}"
            if key.key_size < MIN_RSA_BITS
            else None
        )
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, CURVES):
        return None
    return "a key that is neither RSA nor on P-256, P-384 or P-521"


def is_current(certificate: x509.Certificate, at: datetime) -> bool:
    return at < certificate.not_valid_after_utc

"""Signatures, verified by pinned keys alone: what a document says of its own key is read by nobody."""

import base64
import binascii
from collections.abc import Iterable
from typing import Final

import xmlsec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree
from xmlsec import constants

from brokers.saml import names
from brokers.saml.names import DS, Element

_HASHES: Final[dict[str, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


def is_signed_by(element: Element, certificates: Iterable[str]) -> bool:
    """Whether the one ds:Signature in `element` is over `element`, by the key of one of `certificates` (PEM).

    Does *not* judge what the signature asks for: `shape.check_signatures` does, before (xmldsig-core, 3.2).
    """
    signatures = element.findall(f"{DS}Signature")
    return len(signatures) == 1 and any(_verifies(element, signatures[0], pem) for pem in certificates)


def is_query_signed_by(signed: bytes, algorithm: str, signature: str, certificates: Iterable[str]) -> bool:
    """Whether base64 `signature` is over `signed` by one of `certificates` (saml-bindings-2.0-os, 3.4.4.1).

    `algorithm`: a URI of `names.SIGNATURES`; any other verifies nothing.
    """
    if algorithm not in names.SIGNATURES:
        return False
    try:
        value = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    scheme, _, digest = algorithm.rpartition("#")[2].partition("-")
    return any(_fits(pem, scheme, _HASHES[digest](), value, signed) for pem in certificates)


def _verifies(element: Element, signature: Element, pem: str) -> bool:
    context = xmlsec.SignatureContext()
    try:
        context.register_id(element, "ID")
        context.key = xmlsec.Key.from_memory(pem, constants.KeyDataFormatCertPem)
        context.verify(signature)
    except (xmlsec.Error, etree.LxmlError, TypeError, ValueError):
        return False
    return True


def _fits(pem: str, scheme: str, digest: hashes.HashAlgorithm, value: bytes, signed: bytes) -> bool:
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    try:
        if scheme == "rsa" and isinstance(key, rsa.RSAPublicKey):
            key.verify(value, signed, padding.PKCS1v15(), digest)
            return True
        if scheme == "ecdsa" and isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(_der(value, key), signed, ec.ECDSA(digest))
            return True
    except (InvalidSignature, ValueError):
        pass
    return False


def _der(value: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    """Turn r and s side by side, as XML signatures have them (RFC 4050, 3.3), into what the library takes."""
    half = (key.curve.key_size + 7) // 8
    if len(value) != 2 * half:
        return value  # DER already: some libraries put that into a query
    return encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))

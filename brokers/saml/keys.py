"""This service provider's own key: it signs requests and opens what was encrypted to its certificate."""

import xmlsec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from xmlsec import constants

from brokers.errors import SamlMisconfigured
from brokers.saml import certificates
from brokers.saml.config import ServiceProviderConfig


class ServiceKey:
    """An RSA key of 2,048 bits or more with its certificate, in memory only.

    Raises:
        SamlMisconfigured: when either can't be read, or they don't belong together.
    """

    def __init__(self, private_key: str, certificate: str) -> None:
        self._signer = _read(private_key)
        if self._signer.public_key() != _public_key(certificate):
            raise SamlMisconfigured("certificate", "is not the private key's")
        # Made once: adding a key to a manager costs 10 ms, and afterwards threads only read from it.
        self.manager = xmlsec.KeysManager()
        self.manager.add_key(xmlsec.Key.from_memory(private_key, constants.KeyDataFormatPem))

    def sign(self, message: bytes) -> bytes:
        """Sign with RSA-SHA256, as the HTTP-Redirect binding's SigAlg says it."""
        return self._signer.sign(message, padding.PKCS1v15(), hashes.SHA256())


def service_key(config: ServiceProviderConfig) -> ServiceKey | None:
    if config.private_key is None or config.certificate is None:
        return None
    return ServiceKey(config.private_key, config.certificate)


def _read(private_key: str) -> rsa.RSAPrivateKey:
    try:
        key = load_pem_private_key(private_key.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SamlMisconfigured("private_key", "is no unencrypted PEM key") from error
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < certificates.MIN_RSA_BITS:
        raise SamlMisconfigured("private_key", f"must be RSA with {certificates.MIN_RSA_BITS} bits or more")
    return key


def _public_key(certificate: str) -> object:
    try:
        return certificates.from_base64(certificates.base64_body(certificate)).public_key()
    except ValueError as error:
        raise SamlMisconfigured("certificate", "is no PEM certificate") from error

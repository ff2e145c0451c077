"""This service provider's own metadata (saml-metadata-2.0-os, 2.4.4), for the identity provider's admins."""

from typing import Final

from brokers.saml import names
from brokers.saml.building import document, make
from brokers.saml.certificates import base64_body
from brokers.saml.config import ServiceProviderConfig
from brokers.saml.names import DS, MD, Element

# Said in words, because identity providers that aren't told encrypt with AES-CBC.
_WANTED: Final = (
    "http://www.w3.org/2009/xmlenc11#aes256-gcm",
    "http://www.w3.org/2009/xmlenc11#aes128-gcm",
    "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
)


def metadata(config: ServiceProviderConfig) -> bytes:
    """Return the document, unsigned and without an end: it is fetched from the portal itself, over TLS."""
    role = make(
        f"{MD}SPSSODescriptor",
        *_keys(config),
        *_logout(config),
        make(
            f"{MD}AssertionConsumerService",
            Binding=names.HTTP_POST,
            Location=config.acs_url,
            index="0",
            isDefault="true",
        ),
        protocolSupportEnumeration=names.PROTOCOL,
        AuthnRequestsSigned="false" if config.certificate is None else "true",
        WantAssertionsSigned="true",
    )
    return document(make(f"{MD}EntityDescriptor", role, entityID=config.entity_id))


def _logout(config: ServiceProviderConfig) -> list[Element]:
    if config.slo_url is None or config.certificate is None:
        return []  # answers must be signed
    bindings = (names.HTTP_REDIRECT, names.HTTP_POST)
    return [make(f"{MD}SingleLogoutService", Binding=each, Location=config.slo_url) for each in bindings]


def _keys(config: ServiceProviderConfig) -> list[Element]:
    if config.certificate is None:
        return []
    body = base64_body(config.certificate)
    methods = (make(f"{MD}EncryptionMethod", Algorithm=uri) for uri in _WANTED)
    return [
        make(f"{MD}KeyDescriptor", _key_info(body), use="signing"),
        make(f"{MD}KeyDescriptor", _key_info(body), *methods, use="encryption"),
    ]


def _key_info(body: str) -> Element:
    return make(f"{DS}KeyInfo", make(f"{DS}X509Data", make(f"{DS}X509Certificate", text=body)))

"""Reading an AuthnRequest that came by HTTP-Redirect (saml-bindings-2.0-os, 3.4.4)."""

import base64
import binascii
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
MAX_BYTES = 64 * 1024
MAX_RELAY_STATE = 80
ID = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{15,127}")


class RequestRefusedError(Exception):
    """What is wrong with the request, for the page."""


@dataclass(frozen=True)
class ServiceProvider:
    entity_id: str
    acs_url: str


@dataclass(frozen=True)
class AuthnRequest:
    request_id: str
    provider: ServiceProvider


def read(text: str, providers: Mapping[str, ServiceProvider], sso_url: str) -> AuthnRequest:
    """Read the `SAMLRequest` parameter. Its signature isn't checked: the answer goes to a configured ACS only.

    Raises:
        RequestRefusedError: unknown service provider, another ACS, another destination, or no AuthnRequest.
    """
    root = _parse(_inflate(text))
    if root.tag != f"{{{PROTOCOL}}}AuthnRequest" or root.get("Version") != "2.0":
        raise RequestRefusedError("This is no SAML 2.0 AuthnRequest.")
    request_id = root.get("ID", "")
    if not ID.fullmatch(request_id):
        raise RequestRefusedError("The request has no usable ID.")
    issuer = (root.findtext(f"{{{ASSERTION}}}Issuer") or "").strip()
    provider = providers.get(issuer)
    if provider is None:
        raise RequestRefusedError(
            f"This identity provider doesn't know the service provider '{issuer[:200]}'."
        )
    expected = {
        "AssertionConsumerServiceURL": provider.acs_url,
        "ProtocolBinding": POST,
        "Destination": sso_url,
    }
    for name, value in expected.items():
        if root.get(name, value) != value:
            raise RequestRefusedError(f"The request's {name} is not '{value}'.")
    return AuthnRequest(request_id, provider)


def _inflate(text: str) -> bytes:
    try:
        packed = base64.b64decode(text, validate=True)
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        document = inflater.decompress(packed, MAX_BYTES)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise RequestRefusedError("The request can't be decoded.") from error
    if not document or inflater.unconsumed_tail:
        raise RequestRefusedError("The request is empty or too large.")
    return document


def _parse(document: bytes) -> etree._Element:
    if b"<!DOCTYPE" in document:
        raise RequestRefusedError("The request has a document type.")
    try:
        return etree.fromstring(document, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise RequestRefusedError("The request is not XML.") from error

"""The HTTP-Redirect binding: a message deflated into a query, signed as the query's exact text.

saml-bindings-2.0-os, 3.4.4.1.
"""

import base64
import binascii
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus, urlencode

from brokers.errors import SamlMisconfigured, SamlRejected
from brokers.saml import names, parsing, signatures
from brokers.saml.keys import ServiceKey
from brokers.saml.names import Element
from brokers.saml.reasons import Reason

MAX_RELAY_STATE: Final = 80
MAX_QUERY: Final = 32 * 1024
MAX_INFLATED: Final = 64 * 1024
DEFLATE: Final = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"
REQUEST: Final = "SAMLRequest"
RESPONSE: Final = "SAMLResponse"
_KNOWN: Final = (REQUEST, RESPONSE, "RelayState", "SigAlg", "Signature", "SAMLEncoding")


@dataclass(frozen=True, slots=True)
class Query:
    """A message from a query: whose signature, if any, is yet to be verified. `signed`: the text that it is over."""

    document: bytes
    relay_state: str | None
    signed: bytes
    algorithm: str
    signature: str


def address(url: str, message: str, document: bytes, *, relay_state: str, key: ServiceKey | None) -> str:
    """Return `url` with `document` as its parameter `message`; signed with RSA-SHA256 when there is a key.

    Limits: `relay_state` has at most 80 bytes (saml-bindings-2.0-os, 3.4.3): an opaque word, not a path.

    Raises:
        SamlMisconfigured: a longer one.
    """
    if len(relay_state.encode()) > MAX_RELAY_STATE:
        raise SamlMisconfigured("relay_state", f"must have at most {MAX_RELAY_STATE} bytes")
    return answer(url, message, document, relay_state=relay_state or None, key=key)


def answer(
    url: str, message: str, document: bytes, *, relay_state: str | None, key: ServiceKey | None
) -> str:
    """As `address`, with a `relay_state` that the other side made: it goes back as it came, whatever its length."""
    query = {message: _deflated(document)}
    if relay_state is not None:
        query["RelayState"] = relay_state
    separator = "&" if "?" in url else "?"
    return f"{url}{separator}{_signed(query, key)}"


def read(query: str, message: str) -> Query:
    """Take a query apart, as it came: what was signed is its text, not what a parser makes of it.

    Limits: MAX_QUERY characters, MAX_INFLATED bytes inflated.

    Raises:
        SamlRejected: size, malformed.
    """
    if len(query) > MAX_QUERY:
        raise SamlRejected(Reason.SIZE, f"{len(query)} characters; allowed are {MAX_QUERY}")
    raw = _parameters(query)
    if message not in raw or len({REQUEST, RESPONSE} & set(raw)) != 1:
        raise SamlRejected(Reason.MALFORMED, f"not one {message}: {sorted(raw)}")
    if unquote_plus(raw.get("SAMLEncoding", DEFLATE)) != DEFLATE:
        raise SamlRejected(Reason.MALFORMED, "an encoding other than DEFLATE")
    signed = "&".join(f"{name}={raw[name]}" for name in (message, "RelayState", "SigAlg") if name in raw)
    return Query(
        document=_inflated(unquote_plus(raw[message])),
        relay_state=unquote_plus(raw["RelayState"]) if "RelayState" in raw else None,
        signed=signed.encode(),
        algorithm=unquote_plus(raw.get("SigAlg", "")),
        signature=unquote_plus(raw.get("Signature", "")),
    )


def verify(query: Query, certificates: Iterable[str]) -> None:
    """Verify the signature over the query.

    Raises:
        SamlRejected: unsigned, algorithm, signature.
    """
    if not query.signature:
        raise SamlRejected(Reason.UNSIGNED, "a log-out message without a signature")
    if query.algorithm not in names.SIGNATURES:
        raise SamlRejected(Reason.ALGORITHM, f"signature algorithm {query.algorithm}")
    if not signatures.is_query_signed_by(query.signed, query.algorithm, query.signature, certificates):
        raise SamlRejected(Reason.SIGNATURE, "the query's signature is by no pinned key")


def parsed(query: Query) -> Element:
    return parsing.read_xml(query.document)


def _parameters(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name in found:
            raise SamlRejected(Reason.MALFORMED, f"{name} stands twice")
        if name in _KNOWN:
            found[name] = value
    return found


def _deflated(document: bytes) -> str:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return base64.b64encode(compressor.compress(document) + compressor.flush()).decode()


def _inflated(field: str) -> bytes:
    try:
        inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        document = inflater.decompress(base64.b64decode(field, validate=True), MAX_INFLATED)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise SamlRejected(Reason.MALFORMED, f"not deflated base64: {error}") from error
    if not inflater.eof:
        raise SamlRejected(Reason.SIZE, f"more than {MAX_INFLATED} bytes, or cut short")
    return document


def _signed(query: dict[str, str], key: ServiceKey | None) -> str:
    if key is None:
        return urlencode(query)
    signed = urlencode({**query, "SigAlg": names.RSA_SHA256})
    return f"{signed}&{urlencode({'Signature': base64.b64encode(key.sign(signed.encode()))})}"

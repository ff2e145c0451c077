"""Asking: the AuthnRequest, by HTTP-Redirect (saml-core-2.0-os, 3.4.1; saml-bindings-2.0-os, 3.4.4).

Built here, because python3-saml fills a text template without escaping.
"""

import base64
import secrets
import zlib
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from brokers.errors import SamlMisconfigured
from brokers.saml import building, names
from brokers.saml.config import ServiceProviderConfig
from brokers.saml.keys import ServiceKey
from brokers.saml.names import SAML, SAMLP
from brokers.types import SamlIdentityProvider, SamlRequest

MAX_RELAY_STATE: Final = 80


def begin(
    config: ServiceProviderConfig, key: ServiceKey | None, idp: SamlIdentityProvider, *, relay_state: str
) -> SamlRequest:
    """Make a request with a new, unguessable id (160 bits); signed with RSA-SHA256 when there is a key.

    Limits: `relay_state` has at most 80 bytes (saml-bindings-2.0-os, 3.4.3): an opaque word, not a path.

    Raises:
        SamlMisconfigured: a longer one.
    """
    if len(relay_state.encode()) > MAX_RELAY_STATE:
        raise SamlMisconfigured("relay_state", f"must have at most {MAX_RELAY_STATE} bytes")
    request_id = f"_{secrets.token_hex(20)}"
    query = {"SAMLRequest": _deflated(_document(config, idp, request_id))}
    if relay_state:
        query["RelayState"] = relay_state
    separator = "&" if "?" in idp.sso_url else "?"
    return SamlRequest(request_id, f"{idp.sso_url}{separator}{_signed(query, key)}")


def _document(config: ServiceProviderConfig, idp: SamlIdentityProvider, request_id: str) -> bytes:
    request = building.make(
        f"{SAMLP}AuthnRequest",
        building.make(f"{SAML}Issuer", text=config.entity_id),
        building.make(f"{SAMLP}NameIDPolicy", AllowCreate="true"),
        ID=request_id,
        Version="2.0",
        IssueInstant=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        Destination=idp.sso_url,
        AssertionConsumerServiceURL=config.acs_url,
        ProtocolBinding=names.HTTP_POST,
    )
    return building.document(request)


def _deflated(document: bytes) -> str:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return base64.b64encode(compressor.compress(document) + compressor.flush()).decode()


def _signed(query: dict[str, str], key: ServiceKey | None) -> str:
    if key is None:
        return urlencode(query)
    signed = urlencode({**query, "SigAlg": names.RSA_SHA256})
    return f"{signed}&{urlencode({'Signature': base64.b64encode(key.sign(signed.encode()))})}"

"""Asking: the AuthnRequest, by HTTP-Redirect (saml-core-2.0-os, 3.4.1; saml-bindings-2.0-os, 3.4.4).

Built here, because python3-saml fills a text template without escaping.
"""

from datetime import UTC, datetime

from brokers.saml import building, names, redirect
from brokers.saml.config import ServiceProviderConfig
from brokers.saml.keys import ServiceKey
from brokers.saml.names import SAML, SAMLP, Element
from brokers.types import SamlIdentityProvider, SamlRequest


def begin(  # noqa: PLR0913  # what an AuthnRequest is made of
    config: ServiceProviderConfig,
    key: ServiceKey | None,
    idp: SamlIdentityProvider,
    *,
    relay_state: str,
    context: str = "",
    fresh: bool = False,
) -> SamlRequest:
    """Make a request with a new, unguessable id (160 bits); signed with RSA-SHA256 when there is a key.

    `context`: the one AuthnContext class that will do (RequestedAuthnContext, exact). `fresh`: ForceAuthn, so that a
    sign-in that the provider remembers is not enough. Neither is proof: the answer has to be held against both.

    Limits: `relay_state` has at most 80 bytes (saml-bindings-2.0-os, 3.4.3): an opaque word, not a path.

    Raises:
        SamlMisconfigured: a longer one.
    """
    request_id = building.new_id()
    document = _document(config, idp, request_id, context=context, fresh=fresh)
    url = redirect.address(idp.sso_url, redirect.REQUEST, document, relay_state=relay_state, key=key)
    return SamlRequest(request_id, url)


def _document(
    config: ServiceProviderConfig, idp: SamlIdentityProvider, request_id: str, *, context: str, fresh: bool
) -> bytes:
    request = building.make(
        f"{SAMLP}AuthnRequest",
        building.make(f"{SAML}Issuer", text=config.entity_id),
        building.make(f"{SAMLP}NameIDPolicy", AllowCreate="true"),
        *_requested(context),
        ID=request_id,
        Version="2.0",
        IssueInstant=building.stamp(datetime.now(UTC)),
        Destination=idp.sso_url,
        AssertionConsumerServiceURL=config.acs_url,
        ProtocolBinding=names.HTTP_POST,
        **({"ForceAuthn": "true"} if fresh else {}),
    )
    return building.document(request)


def _requested(context: str) -> list[Element]:
    if not context:
        return []
    wanted = building.make(f"{SAML}AuthnContextClassRef", text=context)
    return [building.make(f"{SAMLP}RequestedAuthnContext", wanted, Comparison="exact")]

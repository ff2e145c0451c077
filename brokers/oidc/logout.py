"""Where a browser is sent to be signed out at the provider too (OpenID Connect RP-Initiated Logout 1.0)."""

import re
from typing import Final
from urllib.parse import urlencode, urlsplit

from brokers.oidc.discovery import Discovered, origin_of_issuer
from brokers.types import OidcProvider

# Amazon Cognito's user pools: their logout takes other parameters than the standard's, and isn't always announced.
_COGNITO: Final = re.compile(r"https://cognito-idp\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/")


def logout_url(
    provider: OidcProvider, discovered: Discovered, *, id_token: str, return_to: str
) -> str | None:
    """Return the address, or None where the provider offers none (Google).

    `id_token`: tells whose session; without it the provider may ask the person.
    """
    if _COGNITO.match(provider.issuer):
        end = (
            discovered.end_session_endpoint or f"{origin_of_issuer(discovered.authorization_endpoint)}/logout"
        )
        return _with(end, {"client_id": provider.client_id, "logout_uri": return_to})
    if not discovered.end_session_endpoint:
        return None
    told = {"client_id": provider.client_id, "post_logout_redirect_uri": return_to}
    if id_token:
        told["id_token_hint"] = id_token
    return _with(discovered.end_session_endpoint, told)


def _with(url: str, fields: dict[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(fields)}"

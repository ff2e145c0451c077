"""The code flow's messages: the request that the browser carries, the exchange of its code, and userinfo.

OpenID Connect Core 1.0, sections 3.1.2.1, 3.1.3 and 5.3; PKCE: RFC 7636; the answer's issuer: RFC 9207.
"""

import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from brokers.errors import IdentityUnavailable, SignInRejected
from brokers.http import GuardedHttp, HttpAnswer
from brokers.oidc.discovery import Discovered, json_of, parsed
from brokers.oidc.reasons import Reason
from brokers.types import OidcProvider, OidcRequest

MAX_ANSWER: Final = 256 * 1024
# What the token endpoint says when the client, not the code, is wrong (RFC 6749, 5.2).
CLIENT_ERRORS: Final = frozenset({"invalid_client", "unauthorized_client"})


@dataclass(frozen=True, slots=True)
class Tokens:
    id_token: str = field(repr=False)
    access_token: str = field(repr=False)


def request(
    provider: OidcProvider, discovered: Discovered, *, state: str, acr: str, fresh: bool
) -> OidcRequest:
    """Make the authentication request: a new nonce and a new PKCE verifier (256 bits each), always."""
    nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    scopes = dict.fromkeys(["openid", *provider.scopes.split()])
    extra = {
        "nonce": nonce,
        "code_challenge": create_s256_code_challenge(verifier),
        "code_challenge_method": "S256",
    }
    if acr:
        extra["acr_values"] = acr
    if fresh:
        # Some take notice of the one, some of the other; auth_time in the answer is what counts.
        extra |= {"max_age": "0", "prompt": "login"}
    url = prepare_grant_uri(
        discovered.authorization_endpoint,
        client_id=provider.client_id,
        response_type="code",
        redirect_uri=provider.redirect_uri,
        scope=" ".join(scopes),
        state=state,
        **extra,
    )
    return OidcRequest(url=str(url), nonce=nonce, code_verifier=verifier)


def check_response_issuer(discovered: Discovered, told: str) -> None:
    """Raise SignInRejected where the answer is another provider's, or doesn't say whose though it should."""
    if (told or discovered.sends_issuer) and told != discovered.issuer:
        raise SignInRejected("oidc", Reason.RESPONSE_ISSUER, f"{told[:200]!r} answered")


def exchange(
    http: GuardedHttp, provider: OidcProvider, discovered: Discovered, *, code: str, code_verifier: str
) -> Tokens:
    """Exchange the code at the token endpoint.

    Raises:
        SignInRejected: code, tokens.
        IdentityUnavailable: no usable answer; `client`: the provider doesn't take our client id or secret.
    """
    answer = ask_for_tokens(http, provider, discovered, code=code, code_verifier=code_verifier)
    if 400 <= answer.status < 500 and answer.status != 429:  # noqa: PLR2004  # HTTP's own figures
        raise _refusal(answer)
    told = json_of(answer, discovered.token_endpoint)
    id_token, access_token = told.get("id_token"), told.get("access_token", "")
    if not isinstance(id_token, str) or not id_token or not isinstance(access_token, str):
        raise SignInRejected("oidc", Reason.TOKENS, "no ID token came")
    return Tokens(id_token, access_token)


def ask_for_tokens(
    http: GuardedHttp, provider: OidcProvider, discovered: Discovered, *, code: str, code_verifier: str
) -> HttpAnswer:
    """POST to the token endpoint, as the client that the provider knows; a public one has no secret."""
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": provider.redirect_uri,
        "code_verifier": code_verifier,
    }
    auth = None
    if not provider.client_secret:
        fields["client_id"] = provider.client_id
    elif "client_secret_basic" in discovered.token_auth_methods:
        auth = (provider.client_id, provider.client_secret)
    elif "client_secret_post" in discovered.token_auth_methods:
        fields |= {"client_id": provider.client_id, "client_secret": provider.client_secret}
    else:
        offered = ", ".join(discovered.token_auth_methods)[:200]
        raise IdentityUnavailable(
            "oidc", "client", f"needed is client_secret_basic or _post; the provider offers {offered}"
        )
    return http.post_form(discovered.token_endpoint, fields, auth=auth, max_bytes=MAX_ANSWER)


def userinfo(http: GuardedHttp, discovered: Discovered, *, access_token: str, subject: str) -> dict[str, Any]:
    """Return what the userinfo endpoint tells of `subject`, as JSON; nothing where there is none.

    Raises:
        SignInRejected: it tells of somebody else (Core, 5.3.2).
    """
    if not discovered.userinfo_endpoint or not access_token:
        return {}
    answer = http.get(discovered.userinfo_endpoint, bearer=access_token, max_bytes=MAX_ANSWER)
    told = json_of(answer, discovered.userinfo_endpoint)
    if told.get("sub") != subject:
        raise SignInRejected("oidc", Reason.USERINFO_SUBJECT, f"it tells of {str(told.get('sub'))[:80]!r}")
    return told


def oauth_error(answer: HttpAnswer) -> str:
    try:
        told = parsed(answer.body, "the refusal").get("error")
    except IdentityUnavailable:
        return ""
    return told[:80] if isinstance(told, str) else ""


def _refusal(answer: HttpAnswer) -> SignInRejected | IdentityUnavailable:
    error = oauth_error(answer)
    if error in CLIENT_ERRORS or answer.status == 401:  # noqa: PLR2004  # as above
        return IdentityUnavailable(
            "oidc", "client", f"the provider refuses our client: {error or 'HTTP 401'}"
        )
    return SignInRejected("oidc", Reason.CODE, error or f"HTTP {answer.status}")

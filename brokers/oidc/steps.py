"""Trying a provider out, step by step, for the admin who connects it."""

import secrets
from collections.abc import Iterator, Sequence
from typing import Final

from brokers.errors import IdentityUnavailable
from brokers.http import GuardedHttp
from brokers.oidc.algorithms import read_keys
from brokers.oidc.discovery import MAX_DOCUMENT, Discovered, discover, json_of
from brokers.oidc.exchange import CLIENT_ERRORS, ask_for_tokens, oauth_error
from brokers.types import CheckStep, OidcProvider

MOST_OFF: Final = 60  # seconds
BEFORE_DISCOVERY: Final = ("Address", "Reachable", "TLS")
# The step at which a call stopped, by its reason; whatever else came was an answer.
STOPPED_AT: Final = {"address": "Address", "unreachable": "Reachable", "timeout": "Reachable", "tls": "TLS"}
ADVICE: Final = {
    "Address": "Give the issuer as https://… If the server is in a private network, name its host or network in "
    "SALLYPORT_IDENTITY_NETWORKS.",
    "Reachable": "See whether the provider runs, its name resolves here, and no firewall stands between.",
    "TLS": "The certificate must be for this host. If an authority of your own signed it, give that in "
    "SALLYPORT_IDENTITY_CA.",
    "Discovery": "Give the issuer exactly as the document has it. Entra: your tenant's own address, not /common or "
    "/organizations.",
    "Keys": "The provider's keys could not be read at jwks_uri: look at the provider's own configuration.",
    "Clock": "Have both machines follow a time server: tokens are judged to the minute.",
    "PKCE": "Switch PKCE with S256 on at the provider where it can do that: without, a stolen code is worth more.",
    "Client": "Compare client id, client secret and how the client authenticates with what the provider has.",
}


def walk(http: GuardedHttp, provider: OidcProvider, *, now: float) -> Sequence[CheckStep]:
    """Walk until a step fails that the next ones need. `now`: this machine's clock."""
    return list(_steps(http, provider, now))


def _steps(http: GuardedHttp, provider: OidcProvider, now: float) -> Iterator[CheckStep]:
    try:
        found = discover(http, provider.issuer)
    except IdentityUnavailable as problem:
        yield from _until(STOPPED_AT.get(problem.reason, "Discovery"), problem)
        return
    for name in BEFORE_DISCOVERY:
        yield CheckStep(name, is_ok=True, detail=provider.issuer if name == "Address" else "")
    yield CheckStep("Discovery", is_ok=True, detail=f"people sign in at {found.authorization_endpoint}")
    yield _keys(http, found)
    if found.answered_at is not None:
        off = abs(found.answered_at.timestamp() - now)
        yield _step("Clock", off <= MOST_OFF, f"{off:.0f} s apart")
    if found.challenge_methods is not None:
        offered = ", ".join(found.challenge_methods) or "none"
        yield _step("PKCE", "S256" in found.challenge_methods, f"offered: {offered}")
    yield from _client(http, provider, found)


def _until(stopped_at: str, problem: IdentityUnavailable) -> Iterator[CheckStep]:
    for name in (*BEFORE_DISCOVERY, "Discovery"):
        if name == stopped_at:
            yield _step(name, False, problem.detail)
            return
        yield CheckStep(name, is_ok=True, detail="")


def _keys(http: GuardedHttp, found: Discovered) -> CheckStep:
    try:
        keys = read_keys(json_of(http.get(found.jwks_uri, max_bytes=MAX_DOCUMENT), found.jwks_uri))
    except IdentityUnavailable as problem:
        return _step("Keys", False, problem.detail)
    return _step("Keys", bool(keys), f"{len(keys)} that are fit to verify with")


def _client(http: GuardedHttp, provider: OidcProvider, found: Discovered) -> Iterator[CheckStep]:
    """Offer a code that is none: a provider that knows the client refuses the code, else the client."""
    code, verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
    try:
        answer = ask_for_tokens(http, provider, found, code=code, code_verifier=verifier)
    except IdentityUnavailable as problem:
        yield _step("Client", False, problem.detail)
        return
    error = oauth_error(answer)
    if error in CLIENT_ERRORS:
        yield _step("Client", False, error)
    elif error == "invalid_grant":
        yield _step("Client", True, "the provider knows this client")


def _step(name: str, is_ok: bool, detail: str) -> CheckStep:  # noqa: FBT001  # what the step found
    return CheckStep(name, is_ok=is_ok, detail=detail, advice="" if is_ok else ADVICE[name])

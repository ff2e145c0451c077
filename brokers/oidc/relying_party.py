"""The relying party: asks, and verifies what is answered, in one order that never changes."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from joserfc.jwk import Key

from brokers.http import GuardedHttp
from brokers.oidc import claims, exchange, logout, steps
from brokers.oidc.algorithms import read_keys
from brokers.oidc.discovery import MAX_DOCUMENT, Discovered, discover, json_of
from brokers.oidc.kept import Kept
from brokers.oidc.signature import ID_TOKEN_TYPES, LOGOUT_TOKEN_TYPES, verified
from brokers.types import CheckStep, OidcIdentity, OidcLogout, OidcProvider, OidcRequest

DISCOVERY_SECONDS: Final = 900.0
KEYS_SECONDS: Final = 600.0
# How young the keys may be for an unknown `kid` to be worth another look.
REFRESH_SECONDS: Final = 60.0


class RelyingParty:
    """OpenID Connect Core 1.0, the relying party's half (`brokers.ports.OidcClient`).

    Keeps the provider's document for 15 minutes and its keys for 10; may be shared by threads.
    """

    def __init__(self, http: GuardedHttp) -> None:
        self._http = http
        self._documents: Kept[Discovered] = Kept(DISCOVERY_SECONDS)
        self._keys: Kept[tuple[Key, ...]] = Kept(KEYS_SECONDS)

    def begin(self, provider: OidcProvider, *, state: str, acr: str = "", fresh: bool = False) -> OidcRequest:
        return exchange.request(provider, self._discovered(provider), state=state, acr=acr, fresh=fresh)

    def finish(  # noqa: PLR0913  # keyword-only facts of one answer
        self,
        provider: OidcProvider,
        *,
        code: str,
        issuer: str,
        nonce: str,
        code_verifier: str,
        at: datetime,
        fresh_since: datetime | None = None,
    ) -> OidcIdentity:
        """Exchange the code, verify the ID token, and fetch userinfo: in this order, each only after the one before.

        Raises:
            SignInRejected: with one of `brokers.oidc.reasons.Reason`.
        """
        discovered = self._discovered(provider)
        exchange.check_response_issuer(discovered, issuer)
        tokens = exchange.exchange(self._http, provider, discovered, code=code, code_verifier=code_verifier)
        header, told = verified(tokens.id_token, self._keys_of(discovered), types=ID_TOKEN_TYPES)
        expected = claims.Expected(
            provider, nonce, tokens.access_token, header.algorithm, at, fresh_since=fresh_since
        )
        claims.check_id_token(told, expected)
        more = exchange.userinfo(
            self._http, discovered, access_token=tokens.access_token, subject=claims.text(told, "sub")
        )
        # When somebody signed in is the ID token's to say: only there was it judged.
        more.pop("auth_time", None)
        return _identity(provider, told, {**more, **told}, tokens.id_token)

    def read_held(
        self, provider: OidcProvider, id_token: str, *, audience: str, at: datetime
    ) -> OidcIdentity:
        """Verify an ID token that somebody holds, for exactly `audience`. See `brokers.oidc.held`."""
        meant = replace(provider, client_id=audience)
        discovered = self._discovered(meant)
        header, told = verified(id_token, self._keys_of(discovered), types=ID_TOKEN_TYPES)
        claims.check_held_token(told, meant, header.algorithm, at)
        return _identity(meant, told, told, id_token)

    def read_logout(self, provider: OidcProvider, logout_token: str, *, at: datetime) -> OidcLogout:
        discovered = self._discovered(provider)
        _, told = verified(logout_token, self._keys_of(discovered), types=LOGOUT_TOKEN_TYPES)
        claims.check_logout_token(told, provider, at)
        return OidcLogout(
            token_id=claims.text(told, "jti"),
            subject=claims.text(told, "sub"),
            session_id=claims.text(told, "sid"),
            # Judged by its age as well: past both it can't count again.
            valid_until=max(claims.moment(told, "exp"), claims.moment(told, "iat") + claims.MAX_AGE)
            + 2 * claims.LEEWAY,
        )

    def logout_url(self, provider: OidcProvider, *, id_token: str, return_to: str) -> str | None:
        return logout.logout_url(provider, self._discovered(provider), id_token=id_token, return_to=return_to)

    def check(self, provider: OidcProvider) -> Sequence[CheckStep]:
        """Ask anew, past what is kept, and keep nothing of it."""
        return steps.walk(self._http, provider, now=time.time())

    def _discovered(self, provider: OidcProvider) -> Discovered:
        return self._documents.get(provider.issuer, lambda: discover(self._http, provider.issuer))

    def _keys_of(self, discovered: Discovered) -> "_Keys":
        return _Keys(self._http, self._keys, discovered.jwks_uri)


class _Keys:
    """The keys of one provider: those that are kept, or anew where a minute has passed."""

    def __init__(self, http: GuardedHttp, kept: Kept[tuple[Key, ...]], uri: str) -> None:
        self._http, self._kept, self._uri = http, kept, uri

    def __call__(self, anew: bool) -> tuple[Key, ...]:  # noqa: FBT001  # the one thing there is to say
        return self._kept.get(self._uri, self._fetch, life=REFRESH_SECONDS if anew else None)

    def _fetch(self) -> tuple[Key, ...]:
        return read_keys(json_of(self._http.get(self._uri, max_bytes=MAX_DOCUMENT), self._uri))


def _identity(
    provider: OidcProvider, told: Mapping[str, Any], merged: Mapping[str, Any], id_token: str
) -> OidcIdentity:
    acr, amr = told.get("acr"), told.get("amr")
    said = [acr, *(amr if isinstance(amr, list) else [])]
    return OidcIdentity(
        issuer=provider.issuer,
        subject=claims.text(told, "sub"),
        claims=merged,
        authenticated_at=claims.moment(told, "auth_time" if "auth_time" in told else "iat"),
        expires_at=claims.moment(told, "exp"),
        session_id=claims.text(told, "sid"),
        contexts=tuple(dict.fromkeys(word for word in said if isinstance(word, str) and word)),
        id_token=id_token,
    )

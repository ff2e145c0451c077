"""OpenID Connect issuers: their keys, and ID tokens verified by them (OpenID Connect Core, 3.1.3.7; Discovery, 4)."""

import base64
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from portal.demo.sandbox.calls.inside import Inside
from portal.demo.sandbox.refusals import Refused

COGNITO = "cognito-identity.amazonaws.com"
KEYS_LIVE_S = 60.0
TIMEOUT_S = 4
MAX_BYTES = 256 * 1024
ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]
SKEW_S = 300  # how far ahead an issuer's clock may be

_keys: dict[str, tuple[float, dict[str, Any]]] = {}


@dataclass(frozen=True)
class Token:
    """A verified token's issuer (without its scheme) and claims."""

    host: str
    claims: dict[str, Any]

    @property
    def subject(self) -> str:
        return str(self.claims["sub"])

    @property
    def audience(self) -> str:
        """Return whom it was issued to: `azp` where there is one, else `aud`."""
        if "azp" in self.claims:
            return str(self.claims["azp"])
        audience = self.claims["aud"]
        if isinstance(audience, list):
            if len(audience) != 1:
                raise Refused("InvalidIdentityToken", "Multiple audiences and no azp claim")
            return str(audience[0])
        return str(audience)


def host_of(issuer: str) -> str:
    return issuer.split("://", 1)[-1].rstrip("/")


def unverified(token: str) -> dict[str, Any]:
    """Return the claims as they stand. Raises Refused: this is no JWT, or one without the claims of an ID token."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        if token.count(".") == 2 and all(claims[name] for name in ("iss", "sub", "aud", "exp")):  # noqa: PLR2004
            return dict(claims)
    except (ValueError, IndexError, KeyError, TypeError):
        pass
    raise Refused("InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you"
                  " sent an Access Token)")  # fmt: skip


async def verify(inside: Inside, token: str, account: str) -> Token:
    """Return a token of a provider that is registered in `account`, signed by its keys, in time, for a known client.

    Raises:
        Refused: with the codes of sts:AssumeRoleWithWebIdentity.
    """
    claims = unverified(token)
    found = Token(host_of(str(claims["iss"])), claims)
    if found.host == COGNITO:
        if not inside.cognito._signature_valid(token):  # noqa: SLF001 - there is no public way
            raise Refused("InvalidIdentityToken", "Couldn't verify signature of the token")
    else:
        provider = inside.oidc_provider(account, found.host)
        if provider is None:
            raise Refused(
                "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {claims['iss']}"
            )
        await _check_signature(token, str(claims["iss"]), provider)
        if found.audience not in provider["ClientIDList"]:
            raise Refused("InvalidIdentityToken", "Incorrect token audience")
    _check_times(claims)
    return found


def _check_times(claims: dict[str, Any]) -> None:
    now = time.time()
    try:
        ends, begins = float(claims["exp"]), float(claims.get("nbf", claims.get("iat", now)))
    except (TypeError, ValueError):
        raise Refused("InvalidIdentityToken", "The token's times are not numbers") from None
    if now >= ends:
        message = (
            f"Token expired: current date/time {int(now)} must be before the expiration date/time {int(ends)}"
        )
        raise Refused("ExpiredTokenException", message)
    if begins > now + SKEW_S:
        raise Refused("InvalidIdentityToken", "The token is not valid yet")


async def _check_signature(token: str, issuer: str, provider: dict[str, Any]) -> None:
    from joserfc import jwk, jws  # noqa: PLC0415 - MiniStack starts faster without
    from joserfc.errors import JoseError  # noqa: PLC0415

    if provider["Url"].rstrip("/") != issuer.rstrip("/"):
        raise Refused("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}")
    for fresh in (False, True):  # a key that isn't known may be new
        keys = jwk.KeySet.import_key_set(await _jwks(issuer, fresh=fresh))  # type: ignore[arg-type] # read from JSON
        try:
            jws.deserialize_compact(token, keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            continue
        return
    raise Refused("InvalidIdentityToken", "Couldn't verify signature of the token: no key of the issuer fits")


async def _jwks(issuer: str, *, fresh: bool) -> dict[str, Any]:
    read_at, keys = _keys.get(issuer, (0.0, {}))
    if fresh or time.monotonic() > read_at + KEYS_LIVE_S or not keys:
        found = await _fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != issuer:
            raise _silent("its configuration names another issuer")
        keys = await _fetch(str(found.get("jwks_uri", "")))
        if not isinstance(keys.get("keys"), list):
            raise _silent("it has no key set")
        _keys[issuer] = (time.monotonic(), keys)
    return keys


def _silent(why: str) -> Refused:
    message = f"Couldn't retrieve verification key from your identity provider: {why}"
    return Refused("IDPCommunicationError", message)


async def _fetch(url: str) -> dict[str, Any]:
    """Read JSON over https, or over http from this machine alone: AWS knows https only."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost"}
    ):
        raise _silent("its address is not https")
    import aiohttp  # noqa: PLC0415 - MiniStack starts faster without

    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as client,
            client.get(url, allow_redirects=False) as answer,
        ):
            text = await answer.content.read(MAX_BYTES)
            found = json.loads(text) if answer.status == 200 else None  # noqa: PLR2004 - HTTP's own figure
    except (aiohttp.ClientError, TimeoutError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise _silent("it does not answer as it should")
    return found

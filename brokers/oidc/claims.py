"""What verified tokens say (OpenID Connect Core 1.0, section 3.1.3.7; Back-Channel Logout 1.0, section 2.6).

Authlib judges the registered claims, told what each must be: left to itself it takes any audience with a fitting azp.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from authlib.oauth2.claims import JWTClaims
from authlib.oidc.core import CodeIDToken
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError

from brokers.errors import SignInRejected
from brokers.oidc.reasons import Reason
from brokers.types import OidcProvider

LEEWAY: Final = timedelta(seconds=60)
# An ID token is fetched the moment it is made; a logout token is sent so.
MAX_AGE: Final = timedelta(minutes=10)
LONGEST_SUBJECT: Final = 255
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"

_REASONS: Final[Mapping[str, Reason]] = {
    "iss": Reason.ISSUER,
    "aud": Reason.AUDIENCE,
    "azp": Reason.AUTHORIZED_PARTY,
    "exp": Reason.EXPIRY,
    "nbf": Reason.NOT_BEFORE,
    "iat": Reason.ISSUED_AT,
    "nonce": Reason.NONCE,
    "at_hash": Reason.ACCESS_TOKEN_HASH,
    "sub": Reason.SUBJECT,
    "auth_time": Reason.AUTH_TIME,
    "jti": Reason.TOKEN_ID,
}


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token must fit. `fresh_since`: the person must have been asked anew since then."""

    provider: OidcProvider
    nonce: str
    access_token: str
    algorithm: str
    at: datetime
    fresh_since: datetime | None = None


Claims = Mapping[str, Any]


def check_id_token(claims: Claims, expected: Expected) -> None:
    """Raise SignInRejected with the first reason, in the order of CHECKS."""
    for _, check in CHECKS:
        check(claims, expected)


def check_held_token(claims: Claims, provider: OidcProvider, algorithm: str, at: datetime) -> None:
    """As `check_id_token`, for one that somebody holds: nobody asked for it here, and it counts until it is over."""
    for _, check in HELD_CHECKS:
        check(claims, Expected(provider, "", "", algorithm, at))


def check_logout_token(claims: Claims, provider: OidcProvider, at: datetime) -> None:
    """Raise SignInRejected with the first reason, in the order of LOGOUT_CHECKS."""
    for _, check in LOGOUT_CHECKS:
        check(claims, Expected(provider, "", "", "", at))


def moment(claims: Claims, name: str) -> datetime:
    """Return a NumericDate. Raises SignInRejected where it is none, or beyond all calendars."""
    told = claims.get(name)
    try:
        # float() alone would take "17" and True.
        number: float = told if type(told) in {int, float} else float("nan")  # type: ignore[assignment]  # mypy takes no such check for a narrowing
        return datetime.fromtimestamp(number, UTC)
    except (ValueError, OverflowError, OSError):
        raise rejected(_REASONS[name], f"{name} is {str(told)[:40]!r}") from None


def text(claims: Claims, name: str) -> str:
    told = claims.get(name, "")
    return told if isinstance(told, str) else ""


def rejected(reason: Reason, detail: str) -> SignInRejected:
    return SignInRejected("oidc", reason, detail)


def _options(provider: OidcProvider, *essential: str) -> dict[str, Any]:
    return {
        "iss": {"essential": True, "value": provider.issuer},
        "aud": {"essential": True, "value": provider.client_id},
        **{name: {"essential": True} for name in essential},
    }


def _registered(claims: Claims, expected: Expected) -> None:
    # Authlib knows at_hash's digest by EdDSA's old name alone.
    header = {"alg": "EdDSA" if expected.algorithm == "Ed25519" else expected.algorithm}
    params = {
        "client_id": expected.provider.client_id,
        "nonce": expected.nonce,
        "access_token": expected.access_token,
    }
    options = _options(expected.provider, "sub", "exp", "iat", "nonce")
    _judge(CodeIDToken(dict(claims), header, options, params), expected.at)


def _registered_of_held(claims: Claims, expected: Expected) -> None:
    # No nonce was sent and no access token came along: what the token says of either is held against nothing.
    header = {"alg": expected.algorithm}
    options = _options(expected.provider, "sub", "exp", "iat")
    _judge(
        CodeIDToken(dict(claims), header, options, {"client_id": expected.provider.client_id}), expected.at
    )


def _registered_of_logout(claims: Claims, expected: Expected) -> None:
    options = _options(expected.provider, "exp", "iat", "jti")
    _judge(JWTClaims(dict(claims), {}, options), expected.at)


def _judge(claims: JWTClaims, at: datetime) -> None:
    try:
        claims.validate(now=int(at.timestamp()), leeway=int(LEEWAY.total_seconds()))
    except (InvalidClaimError, MissingClaimError, ExpiredTokenError) as problem:
        # Several missing ones stand in one error, sorted.
        name = str(getattr(problem, "claim", "exp")).partition(",")[0]
        raise rejected(_REASONS.get(name, Reason.CLAIMS), f"{name}: {problem.error}") from None
    except (JoseError, ValueError, TypeError, AttributeError) as problem:
        raise rejected(Reason.CLAIMS, type(problem).__name__) from None


def _audience(claims: Claims, expected: Expected) -> None:
    # Ours alone, or ours among others to whom it was issued for us: `azp` says so.
    told = claims.get("aud")
    if isinstance(told, list) and len(told) > 1 and claims.get("azp") != expected.provider.client_id:
        raise rejected(Reason.AUTHORIZED_PARTY, "several audiences, and not issued to us")


def _asked_by_us(_: Claims, expected: Expected) -> None:
    if not expected.nonce:  # Authlib would then take any
        raise rejected(Reason.NONCE, "none was sent")


def _age(claims: Claims, expected: Expected) -> None:
    if moment(claims, "iat") < expected.at - MAX_AGE - LEEWAY:
        raise rejected(Reason.ISSUED_AT, "issued too long ago")


def _subject(claims: Claims, _: Expected) -> None:
    """Letters, digits and signs of ASCII (Core, section 2): nobody may look like somebody else."""
    told = claims.get("sub")
    is_exact = isinstance(told, str) and told.isascii() and told.isprintable() and " " not in told
    if not is_exact or not 0 < len(str(told)) <= LONGEST_SUBJECT:
        raise rejected(Reason.SUBJECT, repr(told)[:80])


def _auth_time(claims: Claims, expected: Expected) -> None:
    if "auth_time" not in claims and expected.fresh_since is None:
        return
    told = moment(claims, "auth_time")
    if told > expected.at + LEEWAY:
        raise rejected(Reason.AUTH_TIME, "signed in in the future")
    if expected.fresh_since is not None and told < expected.fresh_since - LEEWAY:
        raise rejected(Reason.AUTH_TIME, "not asked anew")


def _events(claims: Claims, _: Expected) -> None:
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise rejected(Reason.EVENTS, "not about a logout")


def _no_nonce(claims: Claims, _: Expected) -> None:
    if "nonce" in claims:  # an ID token that is passed off as one
        raise rejected(Reason.NONCE, "a logout token has none")


def _token_id(claims: Claims, _: Expected) -> None:
    if not 0 < len(text(claims, "jti")) <= LONGEST_SUBJECT:
        raise rejected(Reason.TOKEN_ID, "no usable jti")


def _whom(claims: Claims, _: Expected) -> None:
    if not text(claims, "sub") and not text(claims, "sid"):
        raise rejected(Reason.SESSION, "neither sub nor sid")


Check = tuple[str, Callable[[Claims, Expected], None]]
CHECKS: tuple[Check, ...] = (
    ("asked_by_us", _asked_by_us),
    ("registered", _registered),
    ("audience", _audience),
    ("age", _age),
    ("subject", _subject),
    ("auth_time", _auth_time),
)
HELD_CHECKS: tuple[Check, ...] = (
    ("registered", _registered_of_held),
    ("audience", _audience),
    ("subject", _subject),
    ("auth_time", _auth_time),
)
LOGOUT_CHECKS: tuple[Check, ...] = (
    ("registered", _registered_of_logout),
    ("audience", _audience),
    ("age", _age),
    ("events", _events),
    ("no_nonce", _no_nonce),
    ("token_id", _token_id),
    ("whom", _whom),
)

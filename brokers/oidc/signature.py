"""The form of a token and its signature (RFC 7515, 5.2): before that, nothing of what it claims counts."""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws
from joserfc.errors import ExceededSizeError, JoseError
from joserfc.jwk import Key

from brokers.errors import SignInRejected
from brokers.oidc.algorithms import ALGORITHMS, REGISTRY, fitting
from brokers.oidc.reasons import Reason

MAX_TOKEN: Final = 64 * 1024
# A token that brings or names its own key, or asks for rules of its own.
REFUSED_HEADERS: Final = frozenset({"jku", "x5u", "jwk", "x5c", "crit", "b64"})
ID_TOKEN_TYPES: Final = frozenset({None, "jwt"})
LOGOUT_TOKEN_TYPES: Final = frozenset({None, "jwt", "logout+jwt"})

# Returns the provider's keys; `anew`: not those that are kept, where they are old enough to be asked for again.
Keys = Callable[[bool], Sequence[Key]]


@dataclass(frozen=True, slots=True)
class Header:
    algorithm: str
    kid: str | None


def verified(token: str, keys: Keys, *, types: Collection[str | None]) -> tuple[Header, dict[str, Any]]:
    """Verify `token` by one of the provider's keys, and return what it claims.

    Raises:
        SignInRejected: size, malformed, type, header, algorithm, key, signature.
    """
    header = _header(token, types)
    key = _key(header, keys)
    try:
        signed = jws.deserialize_compact(token, key, registry=REGISTRY)
    except (JoseError, ValueError, TypeError) as problem:
        raise _rejected(Reason.SIGNATURE, type(problem).__name__) from None
    return header, _claims(signed.payload)


def _header(token: str, types: Collection[str | None]) -> Header:
    if len(token) > MAX_TOKEN:
        raise _rejected(Reason.SIZE, f"{len(token)} characters")
    try:
        told: dict[str, Any] = jws.extract_compact(token.encode("ascii"), registry=REGISTRY).headers()
        for check in HEADER_CHECKS:
            check(told, types)
        return Header(str(told["alg"]), told.get("kid"))
    except ExceededSizeError as problem:
        raise _rejected(Reason.SIZE, str(problem)) from None
    except (JoseError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as problem:
        raise _rejected(Reason.MALFORMED, type(problem).__name__) from None


def _check_headers(told: dict[str, Any], _: object) -> None:
    if refused := sorted(REFUSED_HEADERS & set(told)):
        raise _rejected(Reason.HEADER, ", ".join(refused))


def _check_algorithm(told: dict[str, Any], _: object) -> None:
    if not isinstance(told.get("alg"), str) or told["alg"] not in ALGORITHMS:
        raise _rejected(Reason.ALGORITHM, str(told.get("alg"))[:40])


def _check_type(told: dict[str, Any], types: Collection[str | None]) -> None:
    kind = told.get("typ")
    if (kind.lower() if isinstance(kind, str) else kind) not in types:
        raise _rejected(Reason.TYPE, str(kind)[:40])


def _check_kid(told: dict[str, Any], _: object) -> None:
    if not isinstance(told.get("kid"), str | None):
        raise _rejected(Reason.MALFORMED, "kid is no text")


HEADER_CHECKS = (_check_headers, _check_algorithm, _check_type, _check_kid)


def _key(header: Header, keys: Keys) -> Key:
    """Find the one key. `kid` is a name to look up, and nothing else: it is never a path or an address."""
    found = fitting(keys(False), algorithm=header.algorithm, kid=header.kid)
    if not found:
        # The provider may have a new key: it is asked once, and not again within a minute.
        found = fitting(keys(True), algorithm=header.algorithm, kid=header.kid)
    if len(found) != 1:
        raise _rejected(
            Reason.KEY, f"{len(found)} keys for {header.algorithm}, {(header.kid or 'no kid')[:80]!r}"
        )
    return found[0]


def _claims(payload: bytes) -> dict[str, Any]:
    try:
        found = json.loads(payload, parse_constant=_no_number)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _rejected(Reason.MALFORMED, "the claims are no JSON object")
    return found


def _no_number(word: str) -> None:
    raise ValueError(word)  # NaN and Infinity compare with nothing


def _rejected(reason: Reason, detail: str) -> SignInRejected:
    return SignInRejected("oidc", reason, detail)

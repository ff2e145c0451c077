"""Signing in by a browser, this one's or another device's: the OAuth 2.0 Device Authorization Grant (RFC 8628)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from portal.cli.api import TOKEN, refusal
from portal.cli.errors import RefusedError, UnavailableError
from portal.cli.texts import plain, sentence
from portal.cli.web import Answer, Web

CLIENT: Final = "sallyport-cli"
# What the commands need, and no more.
SCOPES: Final = "grants:read credentials:issue console:open grants:take"
GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:device_code"
USUAL_INTERVAL, SLOWER = 5, 5  # seconds (sections 3.2 and 3.5)
LONGEST_INTERVAL: Final = 60
BAD_REQUEST: Final = 400


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person is shown, and how it is asked after."""

    device_code: str = field(repr=False)
    user_code: str
    where: str
    where_complete: str
    interval: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Signed:
    """The token, and for how long."""

    token: str = field(repr=False)
    seconds: float


def ask(web: Web) -> Asked:
    """Begin (section 3.1). Raises RefusedError or UnavailableError."""
    answer = web.call("POST", "/oauth/device_authorization", form={"client_id": CLIENT, "scope": SCOPES})
    told = _success(web, answer)
    try:
        return Asked(
            device_code=str(told["device_code"]),
            user_code=plain(told["user_code"], limit=40),
            where=plain(told["verification_uri"], limit=2000),
            where_complete=plain(
                told.get("verification_uri_complete") or told["verification_uri"], limit=2000
            ),
            interval=_seconds(told.get("interval", USUAL_INTERVAL), most=LONGEST_INTERVAL),
            seconds=_seconds(told["expires_in"], most=3600),
        )
    except (KeyError, TypeError, ValueError):
        raise _strange(web) from None


def wait(web: Web, asked: Asked, *, pause: Callable[[float], object] = time.sleep) -> Signed:
    """Ask until somebody decided (sections 3.4 and 3.5).

    Raises:
        RefusedError: they said no, or the code is over.
        UnavailableError: the portal is gone for as long as the code lives.
    """
    end = time.monotonic() + asked.seconds
    interval = asked.interval
    form = {"grant_type": GRANT_TYPE, "device_code": asked.device_code, "client_id": CLIENT}
    while True:
        pause(interval)
        try:
            answer = web.call("POST", "/oauth/token", form=form)
        except UnavailableError:
            # Once more, and more slowly: a lost connection decides nothing (section 3.5).
            if time.monotonic() > end:
                raise
            interval = min(interval * 2, LONGEST_INTERVAL)
            continue
        error = _error(answer)
        if error == "slow_down":
            interval += SLOWER
        elif error != "authorization_pending":
            return _signed(web, answer)
        if time.monotonic() > end:
            raise RefusedError(_OVER, code="expired_token")


def revoke(web: Web, token: str) -> None:
    """Have a token revoked (RFC 7009). Raises RefusedError or UnavailableError."""
    answer = web.call("POST", "/oauth/revoke", form={"token": token, "client_id": CLIENT})
    if answer.status != 200:  # noqa: PLR2004  # section 2.2
        _success(web, answer)
        raise _strange(web)


_OVER: Final = "Nobody confirmed it in time: run `sallyport login` again."


def _signed(web: Web, answer: Answer) -> Signed:
    told = _success(web, answer)
    token = told.get("access_token")
    if not isinstance(token, str) or not TOKEN.fullmatch(token):
        raise _strange(web)
    if str(told.get("token_type", "")).lower() != "bearer":
        raise _strange(web)
    try:
        return Signed(token, _seconds(told.get("expires_in", 0), most=400 * 86_400))
    except (TypeError, ValueError):
        raise _strange(web) from None


def _success(web: Web, answer: Answer) -> Mapping[str, Any]:
    if answer.status == 200 and isinstance(answer.body, dict):  # noqa: PLR2004  # HTTP's own
        return answer.body
    error = _error(answer)
    if error == "access_denied":
        raise RefusedError("The sign-in was turned down in the browser.", code=error)
    if error == "expired_token":
        raise RefusedError(_OVER, code=error)
    if error and answer.status == 429:  # noqa: PLR2004  # HTTP's own
        raise UnavailableError(sentence(plain(answer.body.get("error_description") or error)))
    if error:
        raise RefusedError(sentence(plain(answer.body.get("error_description") or error)), code=error)
    raise refusal(answer, str(web.address))


def _error(answer: Answer) -> str:
    body = answer.body if isinstance(answer.body, dict) else {}
    return plain(body.get("error", ""), limit=80) if answer.status >= BAD_REQUEST else ""


def _seconds(told: Any, *, most: float) -> float:
    found = float(told)
    if not 0 <= found < float("inf"):
        raise ValueError("no number of seconds")
    return min(found, most)


def _strange(web: Web) -> UnavailableError:
    return UnavailableError(f"{web.address} did not answer as a Sallyport portal does.")

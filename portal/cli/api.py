"""The portal's REST API as the commands need it: its answers read with care, its refusals as errors with exit codes."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from portal.cli.errors import CliError, RefusedError, SignInNeededError, UnavailableError
from portal.cli.grants import Grant, Offer, read_grant, read_offer
from portal.cli.texts import plain, read_time, sentence
from portal.cli.web import Answer, Web

API: Final = "/api/v1"
MOST_PAGES: Final = 20
T = TypeVar("T")
PROOFS: Final = "Give it with --mfa, --id-token-file or --assertion-file."
TOKEN: Final = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Temporary credentials. `expires_at`: when they cease to work, by AWS's end or by the grant's inside them."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: datetime


@dataclass(slots=True)
class Api:
    """Calls with a token. Every one raises SignInNeededError, RefusedError or UnavailableError."""

    web: Web

    def me(self) -> Mapping[str, Any]:
        me = self._object(self._get(f"{API}/me"), "name", "email", "scopes")
        return {**me, "scopes": [str(each) for each in self._list(me["scopes"] or [])]}

    def grants(self, *states: str) -> list[Grant]:
        """Return one's own grants in these states, all if none is named; the latest end first."""
        # By id: one that begins between two calls is in both answers.
        found = {each.id: each for state in states or ("",) for each in self._grants(state)}
        return sorted(found.values(), key=lambda grant: grant.ends_at, reverse=True)

    def grant(self, grant_id: str) -> Grant:
        return self._read(read_grant, self._get(f"{API}/grants/{quote(grant_id, safe='')}"))

    def credentials(self, grant: Grant, proof: Mapping[str, str], *, fresh: bool = False) -> Credentials:
        """Return credentials. `proof`: what the role's call takes along, for those that need it.

        `fresh`: new ones, but for those younger than five seconds.
        """
        body: dict[str, Any] = {**proof, "fresh": True} if fresh else {**proof}
        return self._read(_credentials, self._post(f"{API}/grants/{grant.id}/credentials", body))

    def console_link(self, grant: Grant, destination: str) -> str:
        body = {"destination": destination} if destination else {}
        answer = self._object(self._post(f"{API}/grants/{grant.id}/console-links", body), "url")
        return str(answer["url"])

    def offers(self) -> list[Offer]:
        """Return what may be taken."""
        return [self._read(read_offer, each) for each in self._list(self._get(f"{API}/entitlements"))]

    def take(self, offer: Offer, *, minutes: int, reason: str) -> Grant:
        path = f"{API}/entitlements/{offer.id}/take"
        return self._read(read_grant, self._post(path, {"minutes": minutes, "reason": reason}))

    def explain(self, grant: Grant) -> list[Mapping[str, Any]]:
        """Return the portal's own doctor's steps for a grant."""
        body = self._object(self._get(f"{API}/grants/{grant.id}/doctor"), "steps")
        return [self._object(each, "name", "verdict", "detail") for each in self._list(body["steps"])]

    def _grants(self, state: str) -> Iterator[Grant]:
        wanted = {"page_size": "500"} | ({"state": state} if state else {})
        for _ in range(MOST_PAGES):
            page = self._object(self._get(f"{API}/grants?{urlencode(wanted)}"), "results")
            for each in self._list(page["results"]):
                yield self._read(read_grant, each)
            # The address in `next` may be another name of the portal's: only its cursor is taken.
            cursor = parse_qs(urlsplit(str(page.get("next") or "")).query).get("cursor")
            if not cursor:
                return
            wanted["cursor"] = cursor[0]

    def _get(self, path: str) -> Any:
        return self._told(self.web.call("GET", path))

    def _post(self, path: str, body: Any) -> Any:
        return self._told(self.web.call("POST", path, json_body=body))

    def _told(self, answer: Answer) -> Any:
        if answer.status in {200, 201} and answer.body is not None:
            return answer.body
        raise refusal(answer, str(self.web.address))

    def _object(self, body: Any, *names: str) -> Mapping[str, Any]:
        if not isinstance(body, dict) or any(name not in body for name in names):
            raise self._strange()
        return body

    def _list(self, body: Any) -> list[Any]:
        if not isinstance(body, list):
            raise self._strange()
        return body

    def _read(self, reader: Callable[[Any], T], body: Any) -> T:
        try:
            return reader(body)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._strange() from None

    def _strange(self) -> UnavailableError:
        return UnavailableError(f"{self.web.address} did not answer as a Sallyport portal does.")


def refusal(answer: Answer, where: str) -> CliError:  # noqa: PLR0911  # one line per kind reads best
    """Return the error that an answer other than success is."""
    told = answer.body if isinstance(answer.body, dict) else {}
    code, detail = plain(told.get("code", ""), limit=80), plain(told.get("detail", ""))
    if answer.status == 401:  # noqa: PLR2004  # HTTP's own
        return SignInNeededError(f"Your sign-in at {where} is over: run `sallyport login`.")
    for name in ("sign_in_url", "step_up_url"):
        if url := told.get(name):
            return SignInNeededError(f"{sentence(detail)} In a browser: {plain(url, limit=2000)}")
    if not code:
        if answer.status >= 500:  # noqa: PLR2004  # HTTP's own
            return UnavailableError(f"{where} is out of order (HTTP {answer.status}). Try again later.")
        return UnavailableError(f"{where} did not answer as a Sallyport portal does (HTTP {answer.status}).")
    if answer.status in {429, 503} or answer.status >= 500:  # noqa: PLR2004  # as above
        return UnavailableError(f"{sentence(detail)}{_later(answer)}")
    if code == "insufficient_scope":
        return RefusedError(
            f"{sentence(detail)} Run `sallyport login`, or use a token that has it.", code=code
        )
    if code == "proof_needed":
        return RefusedError(f"{sentence(detail)} {PROOFS}", code=code)
    fields = [plain(each.get("message", "")) for each in told.get("errors") or [] if isinstance(each, dict)]
    more = [sentence(each) for each in fields if each and each not in detail]
    return RefusedError(" ".join([sentence(detail), *more]), code=code)


def _later(answer: Answer) -> str:
    seconds = answer.headers.get("retry-after", "")
    return f" Try again in {seconds} s." if seconds.isdigit() else ""


def _credentials(body: Any) -> Credentials:
    ends = [read_time(body[name]) for name in ("Expiration", "WorksUntil") if body.get(name)]
    secrets = [body[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    if not ends or any(not isinstance(each, str) or not TOKEN.fullmatch(each) for each in secrets):
        raise ValueError("no credentials")
    access_key_id, secret_access_key, session_token = secrets
    return Credentials(access_key_id, secret_access_key, session_token, min(ends))

"""The doctor's walk from this machine to the portal's own words about a grant, as far as can be seen."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from portal.cli.app import LIVING, App
from portal.cli.errors import CliError, RefusedError, UnavailableError, WrongInputError
from portal.cli.files import folder
from portal.cli.grants import Grant, find_grant, names, told_end
from portal.cli.texts import clock, plain, read_time
from portal.cli.web import Answer

if TYPE_CHECKING:
    from portal.cli.api import Api

# AWS refuses a signature of a clock that is five minutes off.
MOST_SKEW: Final = 60.0
NEEDED: Final = {
    "grants:read": "list grants",
    "credentials:issue": "get credentials",
    "console:open": "open the console",
    "grants:take": "request",
}


@dataclass(frozen=True, slots=True)
class Step:
    """What was found. `verdict`: ok, stopped, maybe or unknown; `exit_code`: what a command would have ended with."""

    name: str
    verdict: str
    detail: str
    advice: str = ""
    exit_code: int = 0


def walk(app: App, grant: str | None) -> Iterator[Step]:
    """Yield what is found on the way, until something stops it."""
    try:
        yield Step("files", "ok", f"{folder()}, the portal {app.address}")
        answer = app.web().call("GET", "/healthz")
        yield _reached(app, answer)
        if answer.status != 200:  # noqa: PLR2004  # HTTP's own
            return
        yield _clock(answer)
        api = app.api()
        yield Step("token", "ok", _token(app))
        yield from _signed_in(api)
        yield from _grants(app, api, grant)
    except CliError as problem:
        yield Step(_where(problem), "stopped", str(problem), exit_code=problem.exit_code)


def _reached(app: App, answer: Answer) -> Step:
    how = "over TLS" if app.address.scheme == "https" else "on this machine"
    if answer.status == 200:  # noqa: PLR2004  # HTTP's own
        return Step("portal", "ok", f"{app.address} answers, {how}.")
    told = f"{app.address}/healthz answers {answer.status}."
    return Step("portal", "stopped", told, "Is this the portal's address?", UnavailableError.exit_code)


def _clock(answer: Answer) -> Step:
    try:
        there = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return Step("clock", "unknown", "the portal did not tell its time.")
    there = there if there.tzinfo else there.replace(tzinfo=UTC)
    skew = abs((datetime.now(UTC) - there).total_seconds())
    if skew <= MOST_SKEW:
        return Step("clock", "ok", f"within {int(skew) + 1} s of the portal's.")
    advice = "Set it right: AWS refuses signatures of a clock that is five minutes off."
    return Step("clock", "stopped", f"{int(skew)} s away from the portal's.", advice, CliError.exit_code)


def _token(app: App) -> str:
    known = app.known
    until = f", until {clock(read_time(known.expires_at))}" if known.expires_at else ""
    return f"there is one ({known.kept or 'SALLYPORT_TOKEN'}{until})."


def _signed_in(api: "Api") -> Iterator[Step]:
    me = api.me()
    yield Step("sign-in", "ok", f"{plain(me['name'], limit=200)}.")
    missing = [f"{words} ({scope})" for scope, words in NEEDED.items() if scope not in (me["scopes"] or [])]
    if missing:
        yield Step("scopes", "maybe", f"this token can't {', '.join(missing)}.", "Run `sallyport login`.")


def _grants(app: App, api: "Api", words: str | None) -> Iterator[Step]:
    found = api.grants(*LIVING)
    told = ", ".join(names(found)) or "none now"
    yield Step("grants", "ok" if found else "maybe", f"{told}.", "" if found else f"Ask at {app.address}/")
    if words is None:
        return
    try:
        grant = app.find(words, api)
    except RefusedError:
        grant = find_grant(words, api.grants(), ended=list)  # it is over: which one was it?
    except WrongInputError as mistyped:
        yield Step("grant", "stopped", str(mistyped), exit_code=mistyped.exit_code)
        return
    yield _state(grant)
    for step in api.explain(grant):
        yield _told(step)


def _state(grant: Grant) -> Step:
    if grant.open_until is not None:
        return Step("grant", "ok", f"{grant.name} is open until {clock(grant.open_until)}.")
    if grant.opens_at is not None:
        told = f"{grant.name} is closed now; it opens {clock(grant.opens_at)}."
        return Step("grant", "stopped", told, exit_code=RefusedError.exit_code)
    return Step("grant", "stopped", told_end(grant), exit_code=RefusedError.exit_code)


def _told(step: Mapping[str, Any]) -> Step:
    verdict = plain(step["verdict"], limit=20)
    return Step(
        plain(step["name"], limit=80).replace("_", " "),
        verdict,
        plain(step["detail"]),
        plain(step.get("advice", "")),
        RefusedError.exit_code if verdict == "stopped" else 0,
    )


def _where(problem: CliError) -> str:
    kinds = {2: "portal", 3: "sign-in", 4: "refused", 5: "portal"}
    return kinds.get(problem.exit_code, "files")

"""What the pages show, as plain frozen values: the contract between the views and the templates.

Views fill these from query results; templates only lay them out. Everything that depends on the time takes
`now` and the reader's `zone`. The words of `left_words` are said again by `static/web/js/countdown.js`.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from brokers.types import Credentials

HOUR = timedelta(hours=1)
SOON = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time: `words` at a glance, `clock` in a line, `exact` (with its zone and UTC) on demand."""

    iso: str
    words: str
    clock: str
    exact: str


@dataclass(frozen=True, slots=True)
class Countdown:
    """How a period stood at `now_iso`. `kind`: `ends`, `starts` or `ended`; `percent_left`: 0 to 100."""

    kind: str
    words: str
    moment: Moment
    starts_iso: str
    now_iso: str
    percent_left: int
    soon: bool


@dataclass(frozen=True, slots=True)
class Badge:
    """A state as word and shape. `tone`: `live`, `wait`, `quiet` or `danger`; `icon`: as in `{% icon %}`."""

    word: str
    tone: str
    icon: str


@dataclass(frozen=True, slots=True)
class AccountLabel:
    """An AWS account: its name and its twelve digits."""

    name: str
    number: str

    @property
    def grouped(self) -> str:
        return grouped_account(self.number)


@dataclass(frozen=True, slots=True)
class Destination:
    """A place in the console: `value` is posted as `destination`."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class GrantCard:
    """One grant on My access. `explanation` says by which AWS call credentials come, and why.

    `destination_error` and `typed_destination` bring back a refused 'other address'.
    """

    id: str
    role_name: str
    role_description: str
    account: AccountLabel
    scope: str
    countdown: Countdown
    badge: Badge
    granted_by: str
    reason: str
    explanation: str
    partner: str = ""
    console_allowed: bool = True
    credentials_allowed: bool = True
    destinations: tuple[Destination, ...] = ()
    typed_destination: str = ""
    destination_error: str = ""


@dataclass(frozen=True, slots=True)
class MyAccess:
    """My access, in reading order. `fingerprint` changes when the cards do, not when time passes."""

    active: tuple[GrantCard, ...]
    later: tuple[GrantCard, ...]
    ended: tuple[GrantCard, ...]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Snippet:
    """Credentials in one format, ready to paste."""

    key: str
    label: str
    where: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CredentialsView:
    """The page that shows credentials once. `ends` is the grant's end; `expires` the credentials' own."""

    grant_id: str
    role_name: str
    account: AccountLabel
    countdown: Countdown
    expires: Moment
    explanation: str
    snippets: tuple[Snippet, ...]


@dataclass(frozen=True, slots=True)
class ConsoleLink:
    """The page that a single-use link opens."""

    token: str = field(repr=False)
    person: str
    role_name: str
    account: AccountLabel
    destination: str
    countdown: Countdown


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """A step in a grant's life. `state`: `done`, `now`, `todo`, `failed`; no `moment` while it lies ahead."""

    label: str
    state: str
    moment: Moment | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One AwsSession. `kind`: 'Console' or 'Credentials'."""

    name: str
    kind: str
    person: str
    origin: str
    issued: Moment
    expires: Moment
    badge: Badge


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One audit event in words."""

    moment: Moment
    event: str
    actor: str
    origin: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RevocationView:
    """How the AWS-side end stands. `seconds`: from the end or revoke until AWS had the deny, once it has."""

    badge: Badge
    words: str
    attempts: int = 0
    seconds: str = ""
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class GrantPage:
    """Everything on a grant's page. `person`: who holds it."""

    card: GrantCard
    person: str
    role_arn: str
    period: str
    timeline: tuple[TimelineEvent, ...]
    sessions: tuple[SessionRow, ...]
    events: tuple[AuditRow, ...]
    revocation: RevocationView | None = None
    revocable: bool = False


@dataclass(frozen=True, slots=True)
class RevokeView:
    """What a revoke is going to end, by name and number."""

    grant_id: str
    person: str
    role_name: str
    account: AccountLabel
    countdown: Countdown
    live_console: int
    live_credentials: int
    others_on_role: int = 0


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One API token, of which only `prefix` can be shown."""

    id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    badge: Badge
    expires: Moment
    last_used: Moment | None = None


@dataclass(frozen=True, slots=True)
class ProviderChoice:
    """An identity provider to sign in with."""

    slug: str
    name: str
    hint: str = ""


BADGES = {
    "active": Badge("Active", "live", "check"),
    "scheduled": Badge("Scheduled", "wait", "clock"),
    "expired": Badge("Ended", "quiet", "stop"),
    "revoked": Badge("Revoked", "danger", "ban"),
    "released": Badge("Given back", "quiet", "back"),
    "asked": Badge("Asked", "wait", "clock"),
    "ended": Badge("Ended", "quiet", "stop"),
    "pending": Badge("Ending in AWS", "wait", "clock"),
    "retrying": Badge("Retrying", "danger", "alert"),
    "applied": Badge("Ended in AWS", "live", "check"),
    "failed": Badge("Failed", "danger", "alert"),
}


def badge(state: str) -> Badge:
    """Return the word and shape of a state; a state without one of its own is shown plainly."""
    return BADGES.get(state) or Badge(state.replace("_", " ").capitalize(), "quiet", "dot")


def grouped_account(number: str) -> str:
    """Return `111122223333` as `1111-2222-3333`; anything that isn't twelve digits stays as it is."""
    if len(number) != 12 or not number.isdecimal():  # noqa: PLR2004 - an account number has twelve digits
        return number
    return f"{number[:4]}-{number[4:8]}-{number[8:]}"


def left_words(left: timedelta) -> str:
    """Return a span in words, rounded down: it never promises more than is left."""
    seconds = max(0, int(left.total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 1:
        return f"{seconds} s"
    if minutes < 5:  # noqa: PLR2004 - from here on seconds matter
        return f"{minutes} min {seconds % 60:02d} s"
    if hours < 1:
        return f"{minutes} min"
    if days < 2:  # noqa: PLR2004 - two days and more read better as days
        return f"{hours} h {minutes % 60:02d} min" if minutes % 60 else f"{hours} h"
    return f"{days} days"


def day_words(at: datetime, *, now: datetime, zone: tzinfo) -> str:
    """Return `today 15:30`, `tomorrow 09:00`, `Mon 24 Nov 09:00`, `24 Nov 2026 09:00`."""
    here, today = at.astimezone(zone), now.astimezone(zone).date()
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}.get((here.date() - today).days)
    if near:
        return f"{near} {here:%H:%M}"
    if here.year == today.year:
        return f"{here:%a} {here.day} {here:%b %H:%M}"
    return f"{here.day} {here:%b %Y %H:%M}"


def moment(at: datetime, *, now: datetime, zone: tzinfo) -> Moment:
    here, universal = at.astimezone(zone), at.astimezone(UTC)
    name = here.tzname() or ""
    name = f"UTC{name}" if name[:1] in "+-" else name
    exact = f"{here:%a} {here.day} {here:%b %Y, %H:%M:%S} {name}"
    if here.utcoffset():
        day = "" if here.date() == universal.date() else f"{universal:%a} {universal.day} {universal:%b}, "
        exact += f" ({day}{universal:%H:%M:%S} UTC)"
    words = day_words(at, now=now, zone=zone)
    return Moment(
        iso=universal.isoformat(timespec="seconds"),
        words=words,
        clock=f"{words.removeprefix('today ')} {name}".strip(),
        exact=exact,
    )


def countdown(starts_at: datetime, ends_at: datetime, *, now: datetime, zone: tzinfo) -> Countdown:
    """Say how the half-open period [starts_at, ends_at) stands at `now`."""
    if now < starts_at:
        kind, at, share, soon = "starts", starts_at, 100.0, False
        near = starts_at - now < HOUR
        words = f"in {left_words(starts_at - now)}" if near else day_words(at, now=now, zone=zone)
    elif now < ends_at:
        kind, at, words = "ends", ends_at, f"in {left_words(ends_at - now)}"
        share, soon = 100 * ((ends_at - now) / (ends_at - starts_at)), ends_at - now <= SOON
    else:
        kind, at, share, soon = "ended", ends_at, 0.0, False
        near = now - ends_at < HOUR
        words = f"{left_words(now - ends_at)} ago" if near else day_words(at, now=now, zone=zone)
    return Countdown(
        kind=kind,
        words=f"{kind} {words}",
        moment=moment(at, now=now, zone=zone),
        starts_iso=starts_at.astimezone(UTC).isoformat(timespec="seconds"),
        now_iso=now.astimezone(UTC).isoformat(timespec="milliseconds"),
        percent_left=round(share),
        soon=soon,
    )


def my_access(cards: Iterable[GrantCard]) -> MyAccess:
    """Put the cards in reading order: what ends next, what starts next, what ended last."""
    everything = sorted(cards, key=lambda card: (card.countdown.moment.iso, card.id))
    kinds = {kind: tuple(c for c in everything if c.countdown.kind == kind) for kind in ("ends", "starts")}
    ended = tuple(c for c in reversed(everything) if c.countdown.kind == "ended")
    return MyAccess(
        active=kinds["ends"],
        later=kinds["starts"],
        ended=ended,
        fingerprint=fingerprint(everything),
    )


def fingerprint(cards: Iterable[GrantCard]) -> str:
    """Return a short digest of what the cards say, leaving out the words that only time changes."""
    digest = hashlib.sha256()
    for card in cards:
        told = (
            *(card.id, card.role_name, card.role_description, card.account, card.scope, card.badge),
            *(card.granted_by, card.reason, card.explanation, card.partner, card.destinations),
            *(card.console_allowed, card.credentials_allowed, card.countdown.kind, card.countdown.moment.iso),
        )
        digest.update(repr(told).encode())
    return digest.hexdigest()[:16]


def snippets(
    credentials: Credentials, *, profile: str, region: str = "", endpoint_url: str = ""
) -> tuple[Snippet, ...]:
    """Return the four ready-made texts, in the order of the tabs."""
    place = {"region": region, "endpoint_url": endpoint_url}
    shells = "Paste it into the terminal where you work."
    return (
        Snippet("bash", "bash, zsh", shells, bash_exports(credentials, **place)),
        Snippet("powershell", "PowerShell", shells, powershell_exports(credentials, **place)),
        Snippet(
            "profile",
            "Profile",
            f"Add it to ~/.aws/credentials, then use --profile {profile}.",
            profile_section(credentials, profile=profile, **place),
        ),
        Snippet("json", "JSON", "The form that credential_process speaks.", process_json(credentials)),
    )


def bash_exports(credentials: Credentials, *, region: str = "", endpoint_url: str = "") -> str:
    """Return `export` lines for bash and zsh, each value in single quotes."""
    given = _environment(credentials, region, endpoint_url)
    quoted = {name: value.replace("'", "'\\''") for name, value in given.items()}
    return "".join(f"export {name}='{value}'\n" for name, value in quoted.items())


def powershell_exports(credentials: Credentials, *, region: str = "", endpoint_url: str = "") -> str:
    """Return `$Env:` assignments, each value in single quotes, in which PowerShell expands nothing."""
    given = _environment(credentials, region, endpoint_url)
    # PowerShell takes typographic quotes for straight ones.
    quoted = {name: re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", value) for name, value in given.items()}
    return "".join(f"$Env:{name} = '{value}'\n" for name, value in quoted.items())


def profile_section(
    credentials: Credentials, *, profile: str, region: str = "", endpoint_url: str = ""
) -> str:
    """Return a section for ~/.aws/credentials. The file knows no quoting and needs none: one line each."""
    if not re.fullmatch(r"[\w.@+-]+", profile):
        raise ValueError(f"profile name {profile!r}: letters, digits and . @ + - _ are allowed")
    given = {
        "aws_access_key_id": credentials.access_key_id,
        "aws_secret_access_key": credentials.secret_access_key,
        "aws_session_token": credentials.session_token,
        "region": region,
        "endpoint_url": endpoint_url,
    }
    lines = (f"{name} = {_one_line(value)}\n" for name, value in given.items() if value)
    return f"[{profile}]\n" + "".join(lines)


def process_json(credentials: Credentials) -> str:
    """Return what a `credential_process` prints: the SDKs' format, version 1."""
    told = {
        "Version": 1,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": _utc(credentials.expires_at),
    }
    return json.dumps(told, indent=2) + "\n"


def _environment(credentials: Credentials, region: str, endpoint_url: str) -> dict[str, str]:
    given = {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        "AWS_CREDENTIAL_EXPIRATION": _utc(credentials.expires_at),
        "AWS_REGION": region,
        "AWS_ENDPOINT_URL": endpoint_url,
    }
    return {name: _one_line(value) for name, value in given.items() if value}


def _one_line(value: str) -> str:
    """Refuse what could end a line or steer a terminal: it would run as a command when pasted."""
    if not value.isprintable():
        raise ValueError("a credential with a control character can't be shown for pasting")
    return value


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

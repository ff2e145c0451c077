"""Time in words, as the reader's own clock shows it. `left_words` is said again by `static/web/js/countdown.js`."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

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
    """How a period stood at `now_iso`. `percent_left`: 0 to 100.

    `kind`: `ends`, `starts` or `ended`; of one of several windows `closes` or `opens`.
    """

    kind: str
    words: str
    moment: Moment
    starts_iso: str
    now_iso: str
    percent_left: int
    soon: bool


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


def countdown(
    starts_at: datetime,
    ends_at: datetime,
    *,
    now: datetime,
    zone: tzinfo,
    edges: tuple[str, str] = ("starts", "ends"),
) -> Countdown:
    """Say how the half-open period [starts_at, ends_at) stands at `now`; `edges` names its two."""
    if now < starts_at:
        kind, at, share, soon = edges[0], starts_at, 100.0, False
        near = starts_at - now < HOUR
        words = f"in {left_words(starts_at - now)}" if near else day_words(at, now=now, zone=zone)
    elif now < ends_at:
        kind, at, words = edges[1], ends_at, f"in {left_words(ends_at - now)}"
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

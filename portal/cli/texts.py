"""Texts for terminals: cleaned of what could steer one, and times as people say them."""

from datetime import UTC, datetime
from typing import Final

LONGEST: Final = 600
MINUTE, HOUR, DAY = 60, 3600, 86_400


def plain(text: object, *, limit: int = LONGEST) -> str:
    """Return what a server or a file said on one line, without control characters: they steer terminals."""
    line = " ".join(str(text).split())
    shown = "".join(letter if letter.isprintable() else "?" for letter in line)
    return shown if len(shown) <= limit else shown[:limit] + "…"


def sentence(text: str) -> str:
    """Return it with an end, so that another can follow."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def read_time(text: object) -> datetime:
    """Return a time as the portal writes it, aware. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError("a time is text")  # noqa: TRY004  # one kind of error for whatever is wrong with it
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    return found.astimezone(UTC)


def aws_time(at: datetime) -> str:
    """Return a time as AWS's programs read it: whole seconds, UTC, with a Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def left(until: datetime, *, now: datetime) -> str:
    """Return how long it is until then: '42 min', '3 h 5 min', '9 days'."""
    seconds = int((until - now).total_seconds())
    if seconds < MINUTE:
        return f"{max(seconds, 0)} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min"
    if seconds < 2 * DAY:
        hours, rest = divmod(seconds, HOUR)
        return f"{hours} h {rest // MINUTE} min"
    return f"{seconds // DAY} days"


def clock(at: datetime) -> str:
    """Return a time on this machine's clock, with its zone."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M %Z")

"""Rules about time, pure: how long a grant may be, how long a session may live within it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.kernel.periods import utc_clock

LONGEST_GRANT = timedelta(days=366)
SHORTEST_GRANT = timedelta(minutes=1)
# STS: no session is shorter than this, so the last one of a grant outlives it; the session policy ends it on time.
STS_FLOOR = timedelta(seconds=900)
CHAINED_LIMIT = timedelta(seconds=3600)
CONSOLE_LIMIT = timedelta(seconds=43_200)
# A sign-in URL is honoured for this long, so that a console session may start as late.
SIGN_IN_MARGIN = timedelta(minutes=15)
# Whoever holds a role's credentials can have AWS's sign-in endpoint make a console session of them until their last
# second, and that one lives as long as this. It has the credentials' name and policy, so that a deny reaches it.
CONSOLE_AFTER = CONSOLE_LIMIT + SIGN_IN_MARGIN


def window_refusal(starts_at: datetime, ends_at: datetime, *, now: datetime) -> tuple[str, str] | None:
    """Return (field, sentence) when the window can't be granted, None when it can."""
    if ends_at <= starts_at:
        return "ends_at", "A grant must end after it starts."
    if ends_at <= now:
        return "ends_at", "This end has passed already; choose one in the future."
    if ends_at - starts_at < SHORTEST_GRANT:
        return "ends_at", "A grant lasts a minute at least."
    if ends_at - starts_at > LONGEST_GRANT:
        return "ends_at", f"A grant lasts {LONGEST_GRANT.days} days at most."
    return None


def extension_refusal(ends_at: datetime, *, old_end: datetime) -> tuple[str, str] | None:
    """Return (field, sentence) when a new end is no extension; the rules of every grant come on top of it."""
    if ends_at <= old_end:
        old = utc_clock(old_end)
        return "ends_at", f"The new end must be later than the old one, {old}. To end it earlier, revoke it."
    return None


def contract_refusal(
    starts_at: datetime, ends_at: datetime, *, contract_starts_at: datetime, contract_ends_at: datetime
) -> tuple[str, str] | None:
    """Return (field, sentence) when the window leaves the partner's contract."""
    if starts_at < contract_starts_at:
        return "starts_at", f"The partner's contract starts only on {contract_starts_at:%Y-%m-%d %H:%M} UTC."
    if ends_at > contract_ends_at:
        return "ends_at", f"The partner's contract ends on {contract_ends_at:%Y-%m-%d %H:%M} UTC."
    return None


@dataclass(frozen=True, slots=True)
class SessionLength:
    """How long to ask for, and what the person is told about it."""

    duration: timedelta
    why: str


def session_length(
    *, longest: timedelta, chained: bool, remaining: timedelta, end: str = "the grant's end"
) -> SessionLength:
    """Return the session's duration: up to the end, within the role's limit, at least 900 s (STS's floor).

    `end` says what ends after `remaining`: the grant, or the window that is open.
    """
    limit = min(longest, CHAINED_LIMIT) if chained else longest
    whole = timedelta(seconds=int(remaining.total_seconds()))
    if whole < STS_FLOOR:
        return SessionLength(STS_FLOOR, f"AWS's shortest session; {end} inside its policy ends it earlier")
    if whole <= limit:
        return SessionLength(whole, f"until {end}")
    if chained and limit == CHAINED_LIMIT:
        return SessionLength(
            limit, "one hour at most, because the portal itself works on a role's credentials"
        )
    return SessionLength(limit, "the longest that this role allows")


def dead_at(expires_at: datetime, ends_at: datetime, *, at: datetime, makes_console: bool) -> datetime:
    """Return when nothing of a session that is cut off at `at` can live any more, whatever was made of it.

    `ends_at`: the end in its session policy, which ends all of it. `makes_console`: AWS makes console sessions of
    such credentials, and a console's own shell shows credentials again: so a console made just before the cut, and
    one more made of what that one showed. A federated user's console lives no longer than the credentials.
    """
    if not makes_console:
        return expires_at
    return max(expires_at, min(ends_at, max(at, expires_at) + 2 * CONSOLE_AFTER))

"""Rules about time, pure: how long a grant may be, how long a session may live within it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.kernel.errors import ConflictError
from portal.kernel.periods import utc_clock

LONGEST_GRANT = timedelta(days=366)
SHORTEST_GRANT = timedelta(minutes=1)
# STS: no session is shorter than this, so the last one of a grant outlives it; the session policy ends it on time.
STS_FLOOR = timedelta(seconds=900)
CHAINED_LIMIT = timedelta(seconds=3600)
CONSOLE_LIMIT = timedelta(seconds=43_200)
# GetFederationToken and GetSessionToken.
LONGEST_TOKEN = timedelta(seconds=129_600)
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


@dataclass(frozen=True, slots=True)
class LengthRule:
    """How long the sessions of one call may be, by AWS's own limits.

    `carries_end`: a session policy goes along, which ends it on the second, so that it may be asked for longer than
    the grant lasts. `chains`: called with a role's credentials it gives an hour at most.
    """

    call: str
    shortest: timedelta
    longest: timedelta
    carries_end: bool = True
    chains: bool = False


HOUR = timedelta(hours=1)
# By the role's method. A role that is made for a partner's account is not here: the portal issues nothing of it.
LENGTH_RULES: Mapping[str, LengthRule] = {
    "assume_role": LengthRule("AssumeRole", STS_FLOOR, CONSOLE_LIMIT, chains=True),
    "federation_token": LengthRule("GetFederationToken", STS_FLOOR, LONGEST_TOKEN),
    "saml": LengthRule("AssumeRoleWithSAML", STS_FLOOR, CONSOLE_LIMIT),
    "web_identity": LengthRule("AssumeRoleWithWebIdentity", STS_FLOOR, CONSOLE_LIMIT),
    "cognito_developer": LengthRule("AssumeRoleWithWebIdentity", STS_FLOOR, CONSOLE_LIMIT),
    "session_token": LengthRule("GetSessionToken", STS_FLOOR, LONGEST_TOKEN, carries_end=False),
    "cognito": LengthRule("GetCredentialsForIdentity", HOUR, HOUR, carries_end=False),
    "root_task": LengthRule("AssumeRoot", timedelta(minutes=1), STS_FLOOR, carries_end=False),
}


class EndTooNearError(ConflictError):
    """What the call gives would outlive the end, and nothing of the portal's can end it there."""

    code = "end_too_near"


def session_length(
    *,
    longest: timedelta,
    chained: bool,
    remaining: timedelta,
    end: str = "the grant's end",
    method: str = "assume_role",
) -> SessionLength:
    """Return the session's duration: up to the end, within the role's and the call's limits.

    `end` says what ends after `remaining`: the grant, or the window that is open. A call that carries a session
    policy is asked for its shortest even where less is left; of any other nothing is had then.

    Raises:
        EndTooNearError: less is left than the call's shortest, and it carries no end.
    """
    rule = LENGTH_RULES[method]
    capped = chained and rule.chains
    limit = min(longest, rule.longest, CHAINED_LIMIT if capped else rule.longest)
    whole = timedelta(seconds=int(remaining.total_seconds()))
    if whole < rule.shortest:
        if not rule.carries_end:
            raise EndTooNearError(_too_near(rule, whole, end))
        return SessionLength(
            rule.shortest, f"AWS's shortest session; {end} inside its policy ends it earlier"
        )
    if rule.shortest == rule.longest:
        return SessionLength(rule.longest, f"{_minutes(rule.longest)} always: {rule.call} gives nothing else")
    if whole <= limit:
        return SessionLength(whole, f"until {end}")
    if capped and limit == CHAINED_LIMIT:
        return SessionLength(limit, "one hour at most, because it is taken with another role's credentials")
    if limit < longest or rule.longest <= STS_FLOOR:
        return SessionLength(limit, f"the longest that {rule.call} gives")
    return SessionLength(limit, "the longest that this role allows")


def _too_near(rule: LengthRule, left: timedelta, end: str) -> str:
    return (
        f"{rule.call} gives {_minutes(rule.shortest)} at least and takes no policy that could end it earlier: "
        f"{end} is {_minutes(left)} away. Have the grant extended, or ask for a new one."
    )


def _minutes(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    if minutes == 0:
        return "less than a minute"
    return "one minute" if minutes == 1 else f"{minutes} minutes"


def dead_at(expires_at: datetime, ends_at: datetime | None, *, at: datetime, makes_console: bool) -> datetime:
    """Return when nothing of a session that is cut off at `at` can live any more, whatever was made of it.

    `ends_at`: the end in its session policy, which ends all of it; None: it has none. `makes_console`: AWS makes
    console sessions of such credentials, and a console's own shell shows credentials again: so a console made just
    before the cut, and one more made of what that one showed. A federated user's console lives no longer than the
    credentials.
    """
    if not makes_console:
        return expires_at
    consoles = max(at, expires_at) + 2 * CONSOLE_AFTER
    return max(expires_at, consoles if ends_at is None else min(ends_at, consoles))

"""How long a session may be, where a grant ends: by the session policy, or, where none goes along, by its duration.

STS gives 900 s at least, so a session of a grant's last minutes outlives it unless its policy denies everything from
the end on. Calls without a policy are made only where what they give is over before.
"""

from datetime import datetime, timedelta

from brokers.aws.limits import SHORTEST_SESSION
from brokers.aws.session_policy import end_in_policy
from brokers.errors import AwsUnavailable, LimitExceeded, NotPossible
from brokers.types import IssuedSession

# The portal reckons durations by its database's clock, a moment earlier; the session policy holds the second.
_CLOCKS_APART = timedelta(seconds=60)
# AWS counts from when the call has come to it.
_ON_THE_WAY = timedelta(seconds=5)
_SECOND = timedelta(seconds=1)


def within_grant(duration: timedelta, ends_at: datetime, now: datetime) -> None:
    """Refuse a grant that is over, or a session longer than what is left of it (900 s at least).

    Raises:
        NotPossible: it is over.
        LimitExceeded: the session is longer.
    """
    end = end_in_policy(ends_at)
    left = _left(ends_at, now)
    allowed = max(SHORTEST_SESSION, left + _CLOCKS_APART)
    if duration > allowed:
        raise LimitExceeded(
            "DurationSeconds", f"{duration // _SECOND:,} s", f"up to the grant's end at {end}"
        )


def before_end(
    duration: timedelta, ends_at: datetime, now: datetime, *, shortest: timedelta, call: str
) -> timedelta:
    """Return how long a session without a policy may be: `duration`, shortened by the seconds that went by since.

    Raises:
        NotPossible: the grant is over, or ends before the shortest such session would.
        LimitExceeded: `duration` was never within the grant.
    """
    end = end_in_policy(ends_at)
    left = _left(ends_at, now) - _ON_THE_WAY
    if left < shortest:
        raise NotPossible(
            f"{call} takes no session policy, so that only its duration could end it, {_words(shortest)} at least, "
            f"and the grant ends at {end}. Ask for an extension, or for a role that is taken by another call."
        )
    if duration > left + _CLOCKS_APART:
        raise LimitExceeded(
            "DurationSeconds",
            f"{duration // _SECOND:,} s",
            f"up to the grant's end at {end}: {call} takes no policy",
        )
    return min(duration, left)


def over_by(issued: IssuedSession, ends_at: datetime, call: str) -> IssuedSession:
    """Return a session without a policy, unless AWS made it longer than the grant.

    Raises:
        AwsUnavailable: it did (its clock, or the way to it); nobody must get these credentials.
    """
    if issued.credentials.expires_at > ends_at:
        raise AwsUnavailable(call, "the answer has an Expiration after the grant's end")
    return issued


def _left(ends_at: datetime, now: datetime) -> timedelta:
    left = ends_at - now
    if left <= timedelta(0):
        raise NotPossible(f"The grant ended at {end_in_policy(ends_at)}; no session can begin after that.")
    return left


def _words(span: timedelta) -> str:
    minutes = span // timedelta(minutes=1)
    return "an hour" if minutes == 60 else f"{minutes} minutes" if minutes else "a second"  # noqa: PLR2004

"""A grant's life as data: which state may follow which. Everything else is refused with a reason."""

from collections.abc import Mapping
from enum import StrEnum


class GrantState(StrEnum):
    """Where a grant is in its life."""

    SCHEDULED = "scheduled"
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class RevocationState(StrEnum):
    """How far the work of ending live sessions in AWS is."""

    PENDING = "pending"
    FAILING = "failing"
    APPLIED = "applied"


class SessionState(StrEnum):
    """What became of one request for credentials.

    asked: the answer may yet come. got: handed out. lost: no answer came, yet AWS may have made it. discarded: it
    came after the grant's end and was thrown away. failed: AWS made none.
    """

    ASKED = "asked"
    GOT = "got"
    LOST = "lost"
    DISCARDED = "discarded"
    FAILED = "failed"


GRANT_NEXT: Mapping[GrantState, frozenset[GrantState]] = {
    # A grant whose whole window passed while nothing swept goes straight to its end.
    GrantState.SCHEDULED: frozenset({GrantState.ACTIVE, GrantState.EXPIRED, GrantState.REVOKED}),
    GrantState.ACTIVE: frozenset({GrantState.EXPIRED, GrantState.REVOKED}),
    GrantState.EXPIRED: frozenset(),
    GrantState.REVOKED: frozenset(),
}
LIVING = frozenset(state for state, following in GRANT_NEXT.items() if following)
ENDED = frozenset(GrantState) - LIVING
# Whatever AWS may have made is denied at the end, also what nobody seems to hold.
MAY_LIVE = frozenset(SessionState) - {SessionState.FAILED}


def refusal(state: GrantState, following: GrantState) -> str | None:
    """Return why a grant can't go from `state` to `following`, or None when it can."""
    if following in GRANT_NEXT[state]:
        return None
    if state in ENDED:
        return f"this grant is {state} already; what has ended stays ended"
    return f"a grant that is {state} can't become {following}"

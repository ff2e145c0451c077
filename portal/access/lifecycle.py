"""A grant's life as data: which state may follow which. Everything else is refused with a reason."""

from collections.abc import Iterable, Mapping
from enum import StrEnum


class GrantState(StrEnum):
    """Where a grant is in its life."""

    SCHEDULED = "scheduled"
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"
    RELEASED = "released"
    SUSPENDED = "suspended"


class RevocationState(StrEnum):
    """How far the work of ending live sessions in AWS is.

    pending: AWS is yet to be told. failing: it was tried; the row says why and when again. applied: AWS shows the
    deny. proven: a session of the same name was denied, and a neighbour was not. cleaned: every session that it
    concerned is dead, and nothing of it is left in AWS.
    """

    PENDING = "pending"
    FAILING = "failing"
    APPLIED = "applied"
    PROVEN = "proven"
    CLEANED = "cleaned"


class PartnerRoleState(StrEnum):
    """Where the IAM role of a grant to a partner is.

    making: AWS is yet to show it. standing: AWS showed it as it should be. closing: nobody may get in any more, and it
    is to go. gone: AWS said that there is no such role.
    """

    MAKING = "making"
    STANDING = "standing"
    CLOSING = "closing"
    GONE = "gone"


class ProofKind(StrEnum):
    """What a proof of an ExternalId is about: the first, a new one beside an old one, an old one that is over."""

    ONBOARDING = "onboarding"
    ROTATION = "rotation"
    WINDOW_OVER = "window_over"


class ProofState(StrEnum):
    """asked: not over yet. failed: AWS let somebody in who must be kept out, or kept the partner out."""

    ASKED = "asked"
    PROVEN = "proven"
    FAILED = "failed"


class DriftState(StrEnum):
    """open: somebody must decide. accepted: as it is, with a reason. repairing: to be put right. over: it is gone."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REPAIRING = "repairing"
    OVER = "over"


class AlarmKind(StrEnum):
    """What operators are alarmed of."""

    REVOCATION_LATE = "revocation_late"
    SWEEP_STOPPED = "sweep_stopped"
    DENY_CHANGED = "deny_changed"
    PROOF_FAILED = "proof_failed"
    HELD = "held"
    SYNC_STOPPED = "sync_stopped"
    SYNC_FAILED = "sync_failed"
    METADATA_CHANGED = "metadata_changed"
    BREAK_GLASS_USED = "break_glass_used"
    ROLE_WIDENED = "role_widened"
    ROLE_LATE = "role_late"
    EXTERNAL_ID_NOT_PROVEN = "external_id"
    SPONSOR_GONE = "sponsor_gone"


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


_ENDS = frozenset({GrantState.EXPIRED, GrantState.REVOKED, GrantState.RELEASED, GrantState.SUSPENDED})
GRANT_NEXT: Mapping[GrantState, frozenset[GrantState]] = {
    # A grant whose whole window passed while nothing swept goes straight to its end.
    GrantState.SCHEDULED: frozenset({GrantState.ACTIVE}) | _ENDS,
    GrantState.ACTIVE: _ENDS,
    **dict.fromkeys(_ENDS, frozenset()),
}
REVOCATION_NEXT: Mapping[RevocationState, frozenset[RevocationState]] = {
    RevocationState.PENDING: frozenset(
        {RevocationState.APPLIED, RevocationState.FAILING, RevocationState.CLEANED}
    ),
    RevocationState.FAILING: frozenset(
        {RevocationState.PENDING, RevocationState.APPLIED, RevocationState.CLEANED}
    ),
    # Back to pending: another session of the grant was found. To failing: AWS has no room for it any more.
    RevocationState.APPLIED: frozenset(
        {RevocationState.PROVEN, RevocationState.PENDING, RevocationState.FAILING, RevocationState.CLEANED}
    ),
    # Back to applied: the deny had been taken away in AWS and was put back, so that it is to be proven anew.
    RevocationState.PROVEN: frozenset(
        {RevocationState.APPLIED, RevocationState.PENDING, RevocationState.FAILING, RevocationState.CLEANED}
    ),
    RevocationState.CLEANED: frozenset({RevocationState.PENDING}),
}
PARTNER_ROLE_NEXT: Mapping[PartnerRoleState, frozenset[PartnerRoleState]] = {
    PartnerRoleState.MAKING: frozenset({PartnerRoleState.STANDING, PartnerRoleState.CLOSING}),
    PartnerRoleState.STANDING: frozenset({PartnerRoleState.CLOSING}),
    PartnerRoleState.CLOSING: frozenset({PartnerRoleState.GONE}),
    PartnerRoleState.GONE: frozenset(),
}
WAITING = frozenset({RevocationState.PENDING, RevocationState.FAILING})
STANDING = frozenset({RevocationState.APPLIED, RevocationState.PROVEN})
LIVING = frozenset(state for state, following in GRANT_NEXT.items() if following)
ENDED = frozenset(GrantState) - LIVING
# Whatever AWS may have made is denied at the end, also what nobody seems to hold.
MAY_LIVE = frozenset(SessionState) - {SessionState.FAILED}


def stored(states: Iterable[StrEnum]) -> list[str]:
    """Return states as rows hold them; sorted, so that a statement reads the same each time."""
    return sorted(state.value for state in states)


def refusal(state: GrantState, following: GrantState) -> str | None:
    """Return why a grant can't go from `state` to `following`, or None when it can."""
    if following in GRANT_NEXT[state]:
        return None
    if state in ENDED:
        return f"this grant is {state} already; what has ended stays ended"
    return f"a grant that is {state} can't become {following}"

"""The audit trail, played back: each row must be a change that is legal where it comes, and the sum what the rows say.

So a change without its audit row, one with two, and one that the lifecycle forbids all show.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from portal.access.lifecycle import GRANT_NEXT, LIVING, REVOCATION_NEXT, GrantState, RevocationState
from portal.access.models import AwsSession, Grant, Revocation
from portal.audit.events import EventType
from portal.audit.models import AuditEvent

ENDINGS = {
    EventType.GRANT_EXPIRED: GrantState.EXPIRED,
    EventType.GRANT_REVOKED: GrantState.REVOKED,
    EventType.GRANT_RELEASED: GrantState.RELEASED,
    EventType.GRANT_SUSPENDED: GrantState.SUSPENDED,
}
STEPS = {
    EventType.REVOCATION_APPLIED: RevocationState.APPLIED,
    EventType.REVOCATION_PROVEN: RevocationState.PROVEN,
    EventType.REVOCATION_FAILING: RevocationState.FAILING,
    EventType.REVOCATION_REOPENED: RevocationState.PENDING,
    EventType.REVOCATION_CLEANED: RevocationState.CLEANED,
}
# What became of a session that was asked for: `failed` and `lost` share an event.
ANSWERS = {
    EventType.SESSION_ISSUED: {"got"},
    EventType.SESSION_DISCARDED: {"discarded"},
    EventType.SESSION_FAILED: {"failed", "lost"},
}


@dataclass
class Told:
    """What the trail says of one grant."""

    state: GrantState
    ends_at: datetime
    runs_out: bool = False
    revocation: RevocationState | None = None
    unproven: bool = False  # it was proven, and its document was put back since: then it may be applied again
    sessions: dict[str, set[str]] = field(default_factory=dict)


class Trail:
    """Reads what is new in the trail, and plays it."""

    def __init__(self) -> None:
        self.last = self.played = 0
        self.told: dict[UUID, Told] = {}
        self.put_back = 0

    def read(self) -> None:
        new = AuditEvent.objects.filter(pk__gt=self.last).order_by("pk")
        for pk, kind, grant_id, details in new.values_list("pk", "type", "grant_id", "details"):
            self.last, self.played = pk, self.played + 1
            self._play(EventType(kind), grant_id, details)

    def compare(self) -> None:
        """Have the trail tell what the database's rows say, no more and no less."""
        rows = {
            pk: (state, ends_at, runs_out)
            for pk, state, ends_at, runs_out in Grant.objects.values_list(
                "pk", "state", "ends_at", "sessions_run_out"
            )
        }
        told = {pk: (one.state.value, one.ends_at, one.runs_out) for pk, one in self.told.items()}
        assert rows == told, "grants: the rows against the trail"
        self._compare_revocations()
        sessions = {
            str(pk): (grant, state)
            for pk, grant, state in AwsSession.objects.values_list("pk", "grant_id", "state")
        }
        heard = {pk: (grant, one.sessions[pk]) for grant, one in self.told.items() for pk in one.sessions}
        assert sessions.keys() == heard.keys(), "sessions: the rows against the trail"
        for pk, (grant, state) in sessions.items():
            assert heard[pk][0] == grant, "a session is told of under another grant"
            assert state in heard[pk][1], f"a session is {state}, the trail says {heard[pk][1]}"

    def _compare_revocations(self) -> None:
        rows = dict(Revocation.objects.values_list("grant_id", "state"))
        told = {pk: one.revocation for pk, one in self.told.items() if one.revocation is not None}
        assert rows.keys() == told.keys(), "revocations: the rows against the trail"
        for pk, state in rows.items():
            if state == RevocationState.APPLIED and self.told[pk].unproven:
                continue
            assert state == told[pk], f"a revocation is {state}, the trail says {told[pk]}"

    def _play(self, kind: EventType, grant_id: UUID | None, details: dict[str, Any]) -> None:
        if kind == EventType.DENY_PUT_BACK:
            self._put_back()
        if grant_id is None:
            return
        if kind == EventType.GRANT_MADE:
            assert grant_id not in self.told, "a grant was made twice"
            ends_at = datetime.fromisoformat(details["ends_at"])
            self.told[grant_id] = Told(GrantState(details["state"]), ends_at)
            return
        one = self.told[grant_id]
        if kind == EventType.GRANT_ACTIVATED or kind in ENDINGS:
            self._move(one, ENDINGS.get(kind, GrantState.ACTIVE), details)
        elif kind == EventType.GRANT_EXTENDED:
            assert one.state in LIVING, f"a grant that is {one.state} was extended"
            assert datetime.fromisoformat(details["old_ends_at"]) == one.ends_at
            one.ends_at = datetime.fromisoformat(details["ends_at"])
        elif kind == EventType.SESSIONS_CUT:
            assert one.runs_out, "sessions were cut that were cut already"
            one.runs_out, one.revocation = False, RevocationState.PENDING
        elif kind in STEPS:
            self._step(one, STEPS[kind])
        elif "session" in details:
            self._answer(one, kind, details["session"])

    def _put_back(self) -> None:
        """Told once for the whole document; each of its rows is to be proven anew."""
        self.put_back += 1
        for one in self.told.values():
            one.unproven |= one.revocation == RevocationState.PROVEN

    @staticmethod
    def _move(one: Told, state: GrantState, details: dict[str, Any]) -> None:
        assert state in GRANT_NEXT[one.state], f"a grant went from {one.state} to {state}"
        one.state = state
        one.runs_out = bool(details.get("sessions_run_out"))
        if details.get("cuts_sessions"):
            one.revocation = RevocationState.PENDING

    @staticmethod
    def _step(one: Told, state: RevocationState) -> None:
        assert one.revocation is not None, f"a revocation that was never planned is {state}"
        was = RevocationState.APPLIED if one.unproven and state == RevocationState.PROVEN else one.revocation
        legal = REVOCATION_NEXT[was]
        # A pending one that gets another session is pending still.
        assert state in legal or state == one.revocation == RevocationState.PENDING, (
            f"a revocation went from {one.revocation} to {state}"
        )
        one.revocation, one.unproven = state, False

    @staticmethod
    def _answer(one: Told, kind: EventType, session: str) -> None:
        if kind == EventType.SESSION_ASKED:
            assert session not in one.sessions, "a session was asked for twice"
            one.sessions[session] = {"asked"}
        elif kind in ANSWERS:
            assert one.sessions[session] == {"asked"}, f"a session was answered twice: {kind}"
            one.sessions[session] = ANSWERS[kind]

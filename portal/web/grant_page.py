"""From a grant's rows to its page: what is this, who used it, is it really over?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from uuid import UUID

from portal.access.lifecycle import RevocationState, SessionState
from portal.access.models import AwsSession, Grant, Revocation
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.web.cards import card
from portal.web.event_words import event_detail, event_words
from portal.web.lifeline import lifeline
from portal.web.presenters import (
    AuditRow,
    Badge,
    GrantPage,
    Moment,
    RevocationView,
    SessionRow,
    badge,
    moment,
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks, and when. An admin sees addresses and AWS's own words; its holder sees their own addresses."""

    person_id: UUID
    sees_all: bool
    may_revoke: bool
    zone: tzinfo
    now: datetime

    def moment(self, at: datetime) -> Moment:
        return moment(at, now=self.now, zone=self.zone)


@dataclass(frozen=True, slots=True)
class GrantFacts:
    """A grant, its newest sessions, and its events, oldest first."""

    grant: Grant
    sessions: Sequence[AwsSession]
    events: Sequence[AuditEvent]

    @property
    def revocation(self) -> Revocation | None:
        return getattr(self.grant, "revocation", None)


def grant_page(facts: GrantFacts, reader: Reader) -> GrantPage:
    grant = facts.grant
    return GrantPage(
        card=card(grant, now=reader.now, zone=reader.zone),
        person=grant.person.name,
        role_arn=grant.role.arn,
        period=f"{reader.moment(grant.starts_at).clock} to {reader.moment(grant.ends_at).clock}",
        timeline=lifeline(grant, facts.sessions, facts.revocation, reader.moment, reader.now),
        sessions=tuple(_session(session, facts, reader) for session in facts.sessions),
        events=tuple(_event(event, reader) for event in told(facts.events)),
        revocation=_revocation(facts, reader),
        revocable=reader.may_revoke and grant.ended_at is None,
    )


def _session(session: AwsSession, facts: GrantFacts, reader: Reader) -> SessionRow:
    grant = facts.grant
    # The end is in the session's own policy: it never works for longer than the grant.
    until = min(session.expires_at, grant.ended_at or grant.ends_at, grant.ends_at)
    return SessionRow(
        name=session.session_name,
        kind=session.get_kind_display(),
        person=grant.person.name,
        origin=session.ip or "",
        issued=reader.moment(session.answered_at or session.asked_at),
        expires=reader.moment(max(until, session.asked_at)),
        badge=_session_badge(session, facts, reader.now),
    )


def _session_badge(session: AwsSession, facts: GrantFacts, now: datetime) -> Badge:
    if session.state == SessionState.LOST:
        return Badge("No answer", "wait", "alert")
    if session.state == SessionState.DISCARDED:
        return Badge("Thrown away", "quiet", "ban")
    if session.state != SessionState.GOT:
        return badge(session.state)
    if now >= min(session.expires_at, facts.grant.ends_at):
        return badge("ended")
    if facts.grant.ended_at is None:
        return badge("active")
    revocation = facts.revocation
    return badge(_revocation_word(revocation)) if revocation else badge("ended")


def told(events: Sequence[AuditEvent]) -> list[AuditEvent]:
    """Leave out that a session was asked for where a later event tells what came of it."""
    answered = {event.details.get("session") for event in events if event.type != EventType.SESSION_ASKED}
    return [
        event
        for event in events
        if event.type != EventType.SESSION_ASKED or event.details.get("session") not in answered
    ]


def _event(event: AuditEvent, reader: Reader) -> AuditRow:
    sees_origin = reader.sees_all or event.actor_id == reader.person_id
    return AuditRow(
        moment=reader.moment(event.at),
        event=event_words(event),
        actor=event.actor_label,
        origin=(event.ip or "") if sees_origin else "",
        detail=event_detail(event),
    )


def _revocation_word(revocation: Revocation) -> str:
    return "retrying" if revocation.state == RevocationState.FAILING else revocation.state


def _revocation(facts: GrantFacts, reader: Reader) -> RevocationView | None:
    revocation = facts.revocation
    if revocation is None:
        if facts.grant.ended_at is None:
            return None
        return RevocationView(
            badge("ended"), "No session was alive when it ended: there was nothing to end in AWS."
        )
    words = {
        RevocationState.PENDING: "AWS is being told to refuse every session of this grant.",
        RevocationState.FAILING: "AWS hasn't taken the order yet. It is given again until AWS has it; "
        "nothing more is issued under this grant.",
        RevocationState.APPLIED: "AWS refuses every session that was opened under this grant.",
    }
    took = revocation.applied_at - revocation.asked_at if revocation.applied_at else None
    return RevocationView(
        badge=badge(_revocation_word(revocation)),
        words=words[RevocationState(revocation.state)],
        attempts=revocation.attempts,
        seconds=f"{took.total_seconds():.1f} s" if took is not None else "",
        last_error=revocation.last_error if reader.sees_all and took is None else "",
    )

"""From a grant's rows to its page: what is this, who used it, is it really over?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from uuid import UUID

from portal.access.lifecycle import RevocationState, SessionState
from portal.access.models import AwsSession, Grant, Revocation
from portal.access.run_out import RunOut, session_end
from portal.access.telling import end_words
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.kernel.actor import ActorKind
from portal.web.cards import card
from portal.web.event_words import event_detail, event_words
from portal.web.lifeline import Life, lifeline
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
    may_grant: bool
    zone: tzinfo
    now: datetime

    def moment(self, at: datetime) -> Moment:
        return moment(at, now=self.now, zone=self.zone)


@dataclass(frozen=True, slots=True)
class GrantFacts:
    """A grant, its newest sessions, its events, oldest first, and what of it may live on in AWS."""

    grant: Grant
    sessions: Sequence[AwsSession]
    events: Sequence[AuditEvent]
    left: RunOut

    @property
    def revocation(self) -> Revocation | None:
        return getattr(self.grant, "revocation", None)


def grant_page(facts: GrantFacts, reader: Reader) -> GrantPage:
    grant, is_over = facts.grant, facts.grant.ended_at is not None or reader.now >= facts.grant.ends_at
    life = Life(grant, facts.sessions, facts.events, facts.revocation, facts.left, reader.now)
    is_holder = grant.person_id == reader.person_id
    return GrantPage(
        card=card(grant, now=reader.now, zone=reader.zone),
        person=grant.subject_name,
        role_arn=grant.role.arn,
        period=f"{reader.moment(grant.starts_at).clock} to {reader.moment(grant.ends_at).clock}",
        timeline=lifeline(life, reader.moment),
        sessions=tuple(_session(session, facts, reader) for session in facts.sessions),
        events=tuple(audit_row(event, reader) for event in told(facts.events)),
        revocation=_revocation(facts, reader),
        revocable=reader.may_revoke and grant.ended_at is None,
        extendable=reader.may_grant and not is_over and not is_holder,
        releasable=is_holder and not is_over,
        cuttable=reader.may_revoke and _could_be_cut(facts),
        is_for_account=grant.role.is_made_for_partner,
    )


def _could_be_cut(facts: GrantFacts) -> bool:
    grant = facts.grant
    return grant.sessions_run_out and facts.left.total > 0 and grant.role.has_kill_switch


def _session(session: AwsSession, facts: GrantFacts, reader: Reader) -> SessionRow:
    grant, revocation = facts.grant, facts.revocation
    until = session_end(session, grant)
    if revocation is not None and revocation.applied_at is not None:
        until = min(until, revocation.applied_at)  # from then on AWS had the order to refuse it
    return SessionRow(
        name=session.session_name,
        kind=session.get_kind_display(),
        person=grant.subject_name,
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
    if now >= session_end(session, facts.grant):
        return badge("ended")
    if facts.grant.ended_at is None:
        return badge("active")
    return badge(_end_word(facts))


def told(events: Sequence[AuditEvent]) -> list[AuditEvent]:
    """Leave out that a session was asked for where a later event tells what came of it."""
    answered = {event.details.get("session") for event in events if event.type != EventType.SESSION_ASKED}
    return [
        event
        for event in events
        if event.type != EventType.SESSION_ASKED or event.details.get("session") not in answered
    ]


def audit_row(event: AuditEvent, reader: Reader) -> AuditRow:
    """Return an event as a reader sees it: addresses are for admins, and for whom they are their own."""
    sees_origin = reader.sees_all or event.actor_id == reader.person_id
    return AuditRow(
        moment=reader.moment(event.at),
        event=event_words(event),
        actor=f"Sallyport ({event.actor_label})"
        if event.actor_kind == ActorKind.SYSTEM
        else event.actor_label,
        origin=(event.ip or "") if sees_origin else "",
        detail=event_detail(event),
    )


def _end_word(facts: GrantFacts) -> str:
    """Return which badge says how the end in AWS stands."""
    revocation = facts.revocation
    if revocation is None:
        if facts.left.total == 0:
            return "ended"
        return "runs_out" if facts.grant.role.has_kill_switch else "no_kill_switch"
    if revocation.state == RevocationState.APPLIED and (revocation.proof_note or revocation.probe_at is None):
        return "not_proven"
    return "retrying" if revocation.state == RevocationState.FAILING else revocation.state


def _revocation(facts: GrantFacts, reader: Reader) -> RevocationView | None:
    revocation, grant = facts.revocation, facts.grant
    if revocation is None and (grant.ended_at is None or grant.role.is_made_for_partner):
        return None
    words = end_words(grant, revocation, facts.left, lambda at: reader.moment(at).clock)
    if revocation is None:
        return RevocationView(badge(_end_word(facts)), words)
    failing = revocation.state == RevocationState.FAILING
    return RevocationView(
        badge=badge(_end_word(facts)),
        words=words,
        attempts=revocation.attempts,
        applied=_seconds(revocation.asked_at, revocation.applied_at),
        proven=_seconds(revocation.asked_at, revocation.proven_at),
        next_try=reader.moment(revocation.next_try_at) if failing else None,
        last_error=revocation.last_error if reader.sees_all and revocation.applied_at is None else "",
    )


def _seconds(since: datetime, at: datetime | None) -> str:
    return f"{(at - since).total_seconds():.1f} s" if at else ""

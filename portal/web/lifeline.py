"""A grant's life as a line: granted, started, extended, used, ended, ended in AWS too, proven."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.access.lifecycle import GrantState, PartnerRoleState, RevocationState, SessionState
from portal.access.models import AwsSession, Grant, PartnerRole, Revocation
from portal.access.run_out import RunOut
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.web.presenters import Moment, TimelineEvent

At = Callable[[datetime], Moment]
BEFORE_THEIR_TIME = {
    GrantState.REVOKED.value: "Revoked",
    GrantState.RELEASED.value: "Given back",
    GrantState.SUSPENDED.value: "Suspended",
}
IN_AWS, DENY = "Ended in AWS", "Denied in AWS"


@dataclass(frozen=True, slots=True)
class Life:
    """What the line is drawn from. `left`: what may live on in AWS."""

    grant: Grant
    sessions: Sequence[AwsSession]
    events: Sequence[AuditEvent]
    revocation: Revocation | None
    left: RunOut
    now: datetime


def lifeline(life: Life, at: At) -> tuple[TimelineEvent, ...]:
    grant = life.grant
    by = f"by {grant.granted_by.name}" if grant.granted_by else "by command"
    made = (
        ("Granted", by) if grant.entitlement is None else ("Taken", f"through {grant.entitlement.group.name}")
    )
    return (
        TimelineEvent(made[0], "done", at(grant.made_at), made[1]),
        *_role_made(grant, at),
        *_start(grant, at, life.now),
        *_extensions(life.events, at),
        *_uses(life.sessions, at),
        _end(grant, at, life.now),
        *_in_aws(life, at),
    )


def _role_made(grant: Grant, at: At) -> tuple[TimelineEvent, ...]:
    """Of a grant to a partner's account: when its role stood in AWS."""
    role = getattr(grant, "partner_role", None)
    if role is None:
        return ()
    if role.made_at is not None:
        seconds = (role.made_at - role.asked_at).total_seconds()
        return (TimelineEvent("Stands in AWS", "done", at(role.made_at), f"after {seconds:.1f} s"),)
    if role.state != PartnerRoleState.MAKING:
        return (TimelineEvent("Stands in AWS", "none", None, "it ended before that"),)
    state, note = ("failed", "trying on") if role.attempts > 1 and role.last_error else ("now", "being made")
    return (TimelineEvent("Stands in AWS", state, None, note),)


def _role_gone(role: PartnerRole, at: At) -> tuple[TimelineEvent, ...]:
    """Of a grant to a partner's account: when nobody could get in any more, and when AWS knew no such role."""
    return (
        _step_after(role, at, "Closed in AWS", role.closed_at),
        _step_after(role, at, "Gone", role.gone_at),
    )


def _step_after(role: PartnerRole, at: At, label: str, done_at: datetime | None) -> TimelineEvent:
    if role.closing_at is None:
        return TimelineEvent(label, "todo", None)
    if done_at is not None:
        seconds = (done_at - role.closing_at).total_seconds()
        return TimelineEvent(label, "done", at(done_at), f"after {seconds:.1f} s")
    if role.state == PartnerRoleState.GONE:
        return TimelineEvent(label, "none", None, "it never stood")
    if role.attempts > 1 and role.last_error:
        return TimelineEvent(label, "failed", None, f"tried {role.attempts} times, trying on")
    return TimelineEvent(label, "now", None, "under way")


def _start(grant: Grant, at: At, now: datetime) -> tuple[TimelineEvent, ...]:
    if grant.activated_at is not None:
        return (TimelineEvent("Started", "done", at(grant.activated_at)),)
    if grant.ended_at is not None:
        return ()  # it ended before it began
    started = now >= grant.starts_at
    return (
        TimelineEvent("Started" if started else "Starts", "done" if started else "now", at(grant.starts_at)),
    )


def _extensions(events: Sequence[AuditEvent], at: At) -> tuple[TimelineEvent, ...]:
    found = [event for event in events if event.type == EventType.GRANT_EXTENDED]
    if not found:
        return ()
    last = found[-1]
    times = f", {len(found)} times in all" if len(found) > 1 else ""
    until = at(datetime.fromisoformat(last.details["ends_at"])).clock
    return (TimelineEvent("Extended", "done", at(last.at), f"by {last.actor_label}, until {until}{times}"),)


def _uses(sessions: Sequence[AwsSession], at: At) -> tuple[TimelineEvent, ...]:
    labels = {"console": "Console opened", "credentials": "Credentials fetched"}
    got = sorted((s for s in sessions if s.state == SessionState.GOT), key=lambda session: session.asked_at)
    steps = []
    for kind in dict.fromkeys(session.kind for session in got):
        of_kind = [session for session in got if session.kind == kind]
        note = f"{len(of_kind)} times so far" if len(of_kind) > 1 else ""
        steps.append(TimelineEvent(labels[kind], "done", at(of_kind[0].asked_at), note))
    return tuple(steps)


def _end(grant: Grant, at: At, now: datetime) -> TimelineEvent:
    label = BEFORE_THEIR_TIME.get(grant.state)
    if label and grant.ended_at is not None:
        by = f"by {grant.ended_by.name}" if grant.ended_by else "by command"
        return TimelineEvent(label, "done", at(grant.ended_at), f"{by}: {grant.end_reason}")
    if now >= grant.ends_at:
        return TimelineEvent("Ended", "done", at(grant.ends_at), "on time")
    return TimelineEvent("Ends", "now" if now >= grant.starts_at else "todo", at(grant.ends_at))


def _in_aws(life: Life, at: At) -> tuple[TimelineEvent, ...]:
    role = getattr(life.grant, "partner_role", None)
    if role is not None:
        return _role_gone(role, at)
    revocation = life.revocation
    if revocation is None:
        return (_by_itself(life, at),)
    if revocation.state == RevocationState.FAILING:
        note = f"tried {revocation.attempts} times, trying on"
        return (TimelineEvent(DENY, "failed", None, note),)
    if revocation.applied_at is not None:
        applied = TimelineEvent(DENY, "done", at(revocation.applied_at))
        return (applied, _proof(revocation, at), *_cleaned(revocation, at))
    if revocation.state == RevocationState.CLEANED:
        return (TimelineEvent(DENY, "none", None, "AWS never took it"), *_cleaned(revocation, at))
    return (TimelineEvent(DENY, "now", None, "under way"),)


def _by_itself(life: Life, at: At) -> TimelineEvent:
    grant, until = life.grant, life.left.until
    if grant.ended_at is None and life.now < grant.ends_at:
        note = "" if grant.role.has_kill_switch else "no kill switch"
        return TimelineEvent(IN_AWS, "todo", None, note)
    if until is None:
        ran_out = grant.sessions_run_out or not grant.role.has_kill_switch
        return TimelineEvent(IN_AWS, "done", None, "by itself" if ran_out else "nothing was open")
    return TimelineEvent("Sessions run out", "now", at(until), life.left.describe())


def _proof(revocation: Revocation, at: At) -> TimelineEvent:
    if revocation.proven_at is not None:
        seconds = (revocation.proven_at - revocation.asked_at).total_seconds()
        return TimelineEvent("Proven", "done", at(revocation.proven_at), f"after {seconds:.1f} s")
    if revocation.probe_at is not None:
        return TimelineEvent("Proven", "now", None, revocation.proof_note or "being tried")
    return TimelineEvent("Not proven", "none", None, revocation.proof_note)


def _cleaned(revocation: Revocation, at: At) -> tuple[TimelineEvent, ...]:
    if revocation.cleaned_at is None:
        return ()
    return (TimelineEvent("Cleaned up", "done", at(revocation.cleaned_at), "nothing is left in AWS"),)

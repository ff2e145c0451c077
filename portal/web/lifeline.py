"""A grant's life as a line: granted, started, used, ended, ended in AWS too."""

from collections.abc import Callable, Sequence
from datetime import datetime

from portal.access.lifecycle import GrantState, RevocationState, SessionState
from portal.access.models import AwsSession, Grant, Revocation
from portal.web.presenters import Moment, TimelineEvent

At = Callable[[datetime], Moment]


def lifeline(
    grant: Grant, sessions: Sequence[AwsSession], revocation: Revocation | None, at: At, now: datetime
) -> tuple[TimelineEvent, ...]:
    by = f"by {grant.granted_by.name}" if grant.granted_by else "by command"
    return (
        TimelineEvent("Granted", "done", at(grant.made_at), by),
        *_start(grant, at, now),
        *_uses(sessions, at),
        _end(grant, at, now),
        _proof(grant, revocation, at, now),
    )


def _start(grant: Grant, at: At, now: datetime) -> tuple[TimelineEvent, ...]:
    if grant.activated_at is not None:
        return (TimelineEvent("Started", "done", at(grant.activated_at)),)
    if grant.ended_at is not None:
        return ()  # it ended before it began
    started = now >= grant.starts_at
    return (
        TimelineEvent("Started" if started else "Starts", "done" if started else "now", at(grant.starts_at)),
    )


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
    if grant.state == GrantState.REVOKED and grant.ended_at is not None:
        by = f"by {grant.ended_by.name}" if grant.ended_by else "by command"
        return TimelineEvent("Revoked", "done", at(grant.ended_at), f"{by}: {grant.end_reason}")
    if now >= grant.ends_at:
        return TimelineEvent("Ended", "done", at(grant.ends_at), "on time")
    return TimelineEvent("Ends", "now" if now >= grant.starts_at else "todo", at(grant.ends_at))


def _proof(grant: Grant, revocation: Revocation | None, at: At, now: datetime) -> TimelineEvent:
    label = "Ended in AWS"
    if revocation is None:
        over = grant.ended_at is not None or now >= grant.ends_at
        return TimelineEvent(label, "done" if over else "todo", None, "nothing was open" if over else "")
    if revocation.applied_at is not None:
        return TimelineEvent(label, "done", at(revocation.applied_at))
    if revocation.state == RevocationState.FAILING:
        return TimelineEvent(label, "failed", None, f"tried {revocation.attempts} times, trying on")
    return TimelineEvent(label, "now", None, "under way")

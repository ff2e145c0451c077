"""Issuing, in three steps (house rule: calls to AWS stand outside transactions).

1. The first transaction locks the grant, checks its window itself and writes the AwsSession as `asked`, with its
   session name: from then on a revocation covers it, whatever happens next.
2. AWS is asked, with no transaction open.
3. The second locks and checks again, then writes `got` and the audit row, or throws the credentials away.
   No audit row, no credentials.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.db import transaction

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from brokers.types import IssuedSession
from portal.access.lifecycle import RevocationState, SessionState
from portal.access.models import AwsSession, Grant, Revocation
from portal.access.operations.locking import lock_grant
from portal.access.policy import SessionLength, session_length
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.catalog.models import AwsRole
from portal.directory.models import Person
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, DomainError, ForbiddenError, NotFoundError, UpstreamError

# An `asked` row counts as possibly live for longer than AWS will make it: the answer may be slow.
ANSWER_MARGIN = timedelta(minutes=5)
# A console session may start as late as the sign-in URL is honoured, and live its whole duration from then.
SIGN_IN_MARGIN = timedelta(minutes=15)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """A session that was asked for: what step 2 needs, and nothing that the database still holds locked."""

    session: AwsSession
    grant: Grant
    length: SessionLength


def ask_session(
    *, grant_id: UUID, kind: AwsSession.Kind, aws: AwsPorts, actor: Actor, destination: str = ""
) -> Asked:
    """Do step 1. A refusal is written to the audit trail, then raised.

    Raises:
        NotFoundError, ForbiddenError, ConflictError.
    """
    try:
        with transaction.atomic():
            grant = lock_grant(grant_id)
            now = database_now()
            _check_may_use(grant, kind, actor, now)
            length = session_length(
                longest=grant.role.max_session,
                chained=aws.hub_is_chained,
                remaining=grant.period.remaining(now),
            )
            session = _write_asked(grant, kind, aws, actor, now, length, destination)
            return Asked(session=session, grant=grant, length=length)
    except DomainError as refusal:
        _record_refusal(grant_id, kind, actor, refusal)
        raise


def finish_session(
    *, asked: Asked, call: Callable[[], tuple[IssuedSession, T]], actor: Actor
) -> tuple[IssuedSession, T]:
    """Do steps 2 and 3.

    Raises:
        UpstreamError: AWS refused or did not answer; the session is `failed` or `lost`.
        ConflictError: the grant ended meanwhile; what AWS made is thrown away, and denied by the revocation.
    """
    try:
        issued, extra = call()
    except BrokerError as problem:
        _write_failed(asked, problem, actor)
        raise UpstreamError(
            str(problem), upstream_code=problem.code, retryable=problem.retryable
        ) from problem
    with transaction.atomic():
        grant = lock_grant(asked.grant.pk)
        now = database_now()
        is_open = grant.is_open(now) and Person.objects.filter(pk=grant.person_id, is_active=True).exists()
        _write_answer(asked, issued, SessionState.GOT if is_open else SessionState.DISCARDED, now, actor)
        if not is_open:
            _cover(asked, issued, now)
    if not is_open:
        raise ConflictError("This grant ended while AWS was asked; nothing was handed out.")
    return issued, extra


def _check_may_use(grant: Grant, kind: AwsSession.Kind, actor: Actor, now: datetime) -> None:
    if actor.person_id is None or grant.person_id != actor.person_id:
        raise NotFoundError("There is no such grant.")
    if not grant.person.is_active or not grant.role.is_enabled:
        raise ForbiddenError("This access is switched off: ask an admin.")
    if not grant.is_open(now):
        if now < grant.starts_at and grant.ended_at is None:
            raise ConflictError(f"This grant starts only at {grant.starts_at:%Y-%m-%d %H:%M:%S} UTC.")
        raise ConflictError("This grant has ended; ask an admin for a new one.")
    allowed = grant.role.allows_console if kind == AwsSession.Kind.CONSOLE else grant.role.allows_credentials
    if not allowed:
        raise ForbiddenError(f"{grant.role.title} does not allow the {kind.label.lower()}.")


def _write_asked(  # noqa: PLR0913, PLR0917  # the row's own facts
    grant: Grant,
    kind: AwsSession.Kind,
    aws: AwsPorts,
    actor: Actor,
    now: datetime,
    length: SessionLength,
    destination: str,
) -> AwsSession:
    if grant.role.method == AwsRole.Method.ASSUME_ROLE and not grant.role.unique_id:
        # Without it a deny could not name a session whose answer never came.
        raise ConflictError(
            "The portal has not yet read this role's unique id from AWS; try again in a moment."
        )
    lives = length.duration + (
        SIGN_IN_MARGIN + length.duration if kind == AwsSession.Kind.CONSOLE else ANSWER_MARGIN
    )
    session = AwsSession.objects.create(
        grant=grant,
        kind=kind,
        state=SessionState.ASKED.value,
        session_name=aws.session_name(grant.pk),
        destination=destination,
        asked_at=now,
        expires_at=now + lives,
        ip=actor.ip,
        user_agent=actor.user_agent[:300],
    )
    _record(EventType.SESSION_ASKED, session, grant, actor, now)
    return session


def _write_failed(asked: Asked, problem: BrokerError, actor: Actor) -> None:
    state = SessionState.LOST if problem.retryable else SessionState.FAILED
    with transaction.atomic():
        now = database_now()
        AwsSession.objects.filter(pk=asked.session.pk).update(
            state=state.value, answered_at=now, failure=str(problem)[:300]
        )
        _record(
            EventType.SESSION_FAILED,
            asked.session,
            asked.grant,
            actor,
            now,
            outcome=Outcome.FAILED,
            code=problem.code,
            detail=str(problem)[:300],
        )


def _write_answer(
    asked: Asked, issued: IssuedSession, state: SessionState, now: datetime, actor: Actor
) -> None:
    is_console = asked.session.kind == AwsSession.Kind.CONSOLE
    expires_at = (
        max(asked.session.expires_at, issued.credentials.expires_at)
        if is_console
        else issued.credentials.expires_at
    )
    AwsSession.objects.filter(pk=asked.session.pk).update(
        state=state.value,
        answered_at=now,
        userid=issued.userid,
        access_key_id=issued.credentials.access_key_id,
        aws_request_id=issued.request_id,
        expires_at=expires_at,
    )
    _keep_role_id(asked.grant.role, issued)
    got = state == SessionState.GOT
    _record(
        EventType.SESSION_ISSUED if got else EventType.SESSION_DISCARDED,
        asked.session,
        asked.grant,
        actor,
        now,
        outcome=Outcome.DONE if got else Outcome.REFUSED,
        userid=issued.userid,
        access_key_id=issued.credentials.access_key_id,
        aws_request_id=issued.request_id,
        expires_at=expires_at.isoformat(),
        duration_seconds=int(asked.length.duration.total_seconds()),
    )


def _keep_role_id(role: AwsRole, issued: IssuedSession) -> None:
    """A role that was made anew in AWS has another id: the next deny must name that one."""
    if role.method == AwsRole.Method.ASSUME_ROLE:
        found = issued.userid.partition(":")[0]
        AwsRole.objects.filter(pk=role.pk).exclude(unique_id=found).update(unique_id=found)


def _cover(asked: Asked, issued: IssuedSession, now: datetime) -> None:
    """Make sure that the deny names what came too late, also when the role was made anew with another id."""
    revocation = Revocation.objects.select_for_update().filter(grant=asked.grant).first()
    if revocation is None or issued.userid in revocation.userids:
        return
    revocation.userids = sorted({*revocation.userids, issued.userid})
    revocation.covers_until = max(revocation.covers_until, asked.session.expires_at)
    revocation.state, revocation.applied_at, revocation.next_try_at = RevocationState.PENDING.value, None, now
    revocation.save()
    _record(
        EventType.REVOCATION_REOPENED,
        asked.session,
        asked.grant,
        Actor.system("issue"),
        now,
        userid=issued.userid,
    )


def _record_refusal(grant_id: UUID, kind: AwsSession.Kind, actor: Actor, refusal: DomainError) -> None:
    grant = Grant.objects.filter(pk=grant_id).first()
    with transaction.atomic():
        record(
            Entry(
                type=EventType.SESSION_REFUSED,
                at=database_now(),
                actor=actor,
                outcome=Outcome.REFUSED,
                grant_id=grant_id if grant else None,
                person_id=grant.person_id if grant else None,
                role_id=grant.role_id if grant else None,
                details={"kind": kind.value, "code": refusal.code, "why": str(refusal)},
            )
        )


def _record(  # noqa: PLR0913  # an audit row's own facts
    event: EventType,
    session: AwsSession,
    grant: Grant,
    actor: Actor,
    now: datetime,
    *,
    outcome: Outcome = Outcome.DONE,
    **details: str | int,
) -> None:
    record(
        Entry(
            type=event,
            at=now,
            actor=actor,
            outcome=outcome,
            grant_id=grant.pk,
            person_id=grant.person_id,
            role_id=grant.role_id,
            details={
                "session": str(session.pk),
                "kind": session.kind,
                "session_name": session.session_name,
                "destination": session.destination,
                **details,
            },
        )
    )

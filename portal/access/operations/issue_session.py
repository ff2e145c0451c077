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
from portal.access.operations.may_use import check_may_use, switched_off
from portal.access.operations.refusals import refusals_recorded
from portal.access.policy import SessionLength, session_length
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.catalog.models import AwsRole
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, UpstreamError

# An `asked` row counts as possibly live for longer than AWS will make it: a signed request is good for 15 minutes.
ANSWER_MARGIN = timedelta(minutes=15)
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
    with refusals_recorded(grant_id=grant_id, kind=kind.value, actor=actor), transaction.atomic():
        grant = lock_grant(grant_id)
        now = database_now()
        check_may_use(grant, kind, actor, now)
        length = session_length(
            longest=grant.role.max_session,
            chained=aws.hub_is_chained,
            remaining=grant.period.remaining(now),
        )
        session = _write_asked(grant, kind, aws, actor, now, length, destination)
    return Asked(session=session, grant=grant, length=length)


def finish_session(
    *, asked: Asked, call: Callable[[], IssuedSession], then: Callable[[IssuedSession], T], actor: Actor
) -> tuple[IssuedSession, T]:
    """Do steps 2 and 3. `call` has AWS make the session, `then` what is done with it before it is handed out.

    Raises:
        UpstreamError: AWS refused or did not answer; the session is `failed` or `lost`.
        ConflictError: the grant ended meanwhile; what AWS made is thrown away, and denied by the revocation.
    """
    issued: IssuedSession | None = None
    try:
        issued = call()
        extra = then(issued)
    except BrokerError as problem:
        _write_failed(asked, problem, issued, actor)
        raise UpstreamError(
            str(problem), upstream_code=problem.code, retryable=problem.retryable
        ) from problem
    with transaction.atomic():
        grant = lock_grant(asked.grant.pk)
        now = database_now()
        is_open = grant.is_open(now) and switched_off(grant, now) is None
        _write_answer(asked, issued, SessionState.GOT if is_open else SessionState.DISCARDED, now, actor)
        if not is_open:
            _cover(asked, issued, now)
    if not is_open:
        raise ConflictError("This grant ended while AWS was asked; nothing was handed out.")
    return issued, extra


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


def _write_failed(asked: Asked, problem: BrokerError, issued: IssuedSession | None, actor: Actor) -> None:
    """`lost` is what AWS made, or may have made, and nobody got: a revocation covers it as any other."""
    lost = problem.retryable or issued is not None
    made = {"userid": issued.userid, "access_key_id": issued.credentials.access_key_id} if issued else {}
    with transaction.atomic():
        lock_grant(asked.grant.pk)
        now = database_now()
        AwsSession.objects.filter(pk=asked.session.pk).update(
            state=(SessionState.LOST if lost else SessionState.FAILED).value,
            answered_at=now,
            failure=str(problem)[:300],
            **made,
        )
        if issued is not None:
            _cover(asked, issued, now)
        _record(
            EventType.SESSION_FAILED,
            asked.session,
            asked.grant,
            actor,
            now,
            outcome=Outcome.FAILED,
            code=problem.code,
            detail=str(problem)[:300],
            **made,
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
    revocation = Revocation.objects.select_for_update(no_key=True).filter(grant=asked.grant).first()
    if revocation is None or issued.userid in revocation.userids:
        return
    revocation.userids = sorted({*revocation.userids, issued.userid})
    revocation.covers_until = max(
        revocation.covers_until, asked.session.expires_at, issued.credentials.expires_at
    )
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

"""The rows of issuing: what is asked of AWS, and what became of it, each with its audit row in the same transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from brokers.types import IssuedSession
from portal.access.lifecycle import RevocationState, SessionState
from portal.access.models import AwsSession, Grant, Revocation
from portal.access.operations.credentials.read_role_id import lacks_id
from portal.access.operations.credentials.standing import Standing
from portal.access.operations.cutting.deny_entries import deny_entry, userid_of
from portal.access.operations.grants.end_grants import plan_revocations
from portal.access.operations.locking import lock_grant
from portal.access.policy import LENGTH_RULES, SIGN_IN_MARGIN, SessionLength, dead_at
from portal.access.proofs import ReadyProof, VerifiedProof
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.catalog.models import AwsRole
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError
from portal.kernel.prepared_writes import PreparedInsert, PreparedUpdate

# An `asked` row counts as possibly live for longer than AWS will make it: a signed request is good for 15 minutes.
ANSWER_MARGIN = timedelta(minutes=15)


_insert = PreparedInsert(AwsSession)
_update = PreparedUpdate(
    lambda given: AwsSession.objects.filter(pk=given["session"]),
    {"session": UUID("00000000-0000-4000-8000-0000000000a1")},
)


@dataclass(frozen=True, slots=True)
class Origin:
    """By which door it was asked for, and which session of the same grant it is to take the place of."""

    door: str = ""
    renews: UUID | None = None

    @property
    def facts(self) -> dict[str, str]:
        """What the trail says of it."""
        renews = {"renews": str(self.renews)} if self.renews else {}
        return ({"door": self.door} if self.door else {}) | renews


UNTOLD = Origin()


@dataclass(frozen=True, slots=True)
class Asked:
    """A session that was asked for: what step 2 needs, and nothing that the database still holds locked.

    `ends_at`: the end of the grant, or of its window, as it stood under the lock. It goes into the session's policy,
    so what is issued keeps it whatever becomes of the grant.
    """

    session: AwsSession
    grant: Grant
    length: SessionLength
    ends_at: datetime
    origin: Origin = UNTOLD


def write_asked(  # noqa: PLR0913, PLR0917  # the row's own facts
    grant: Grant,
    kind: AwsSession.Kind,
    aws: AwsPorts,
    actor: Actor,
    now: datetime,
    length: SessionLength,
    ends_at: datetime,
    destination: str,
    proof: ReadyProof | None = None,
    origin: Origin = UNTOLD,
) -> AwsSession:
    if lacks_id(grant.role):
        raise ConflictError(
            "The portal has not yet read this role's unique id from AWS; try again in a moment."
        )
    # A console session may start as late as the sign-in URL is honoured, and live its whole duration from then.
    lives = length.duration + (
        SIGN_IN_MARGIN + length.duration if kind == AwsSession.Kind.CONSOLE else ANSWER_MARGIN
    )
    session = AwsSession(
        grant=grant,
        kind=kind,
        state=SessionState.ASKED.value,
        call=LENGTH_RULES[grant.role.method].call,
        session_name=_session_name(grant, aws, proof),
        source_identity=_source_identity(grant, aws, proof),
        duration_seconds=int(length.duration.total_seconds()),
        destination=destination,
        asked_at=now,
        expires_at=now + lives,
        # Where nothing of the call's carries the end, a console that is made of it lives on: never over by the clock.
        ends_at=ends_at if grant.role.carries_end or not grant.role.is_role else None,
        ip=actor.ip,
        user_agent=actor.user_agent[:300],
        client=f"{origin.door} {actor.user_agent}".strip()[:200],
    )
    _insert.run(session)
    _record(
        EventType.SESSION_ASKED,
        session,
        grant,
        actor,
        now,
        outcome=Outcome.DONE,
        ends_at=ends_at.isoformat(),
        call=session.call,
        source_identity=session.source_identity,
        duration_seconds=session.duration_seconds or 0,
        **origin.facts,
    )
    return session


def _session_name(grant: Grant, aws: AwsPorts, proof: ReadyProof | None) -> str:
    """Return what AWS will call it: an assertion says so by itself, anything else is told by us."""
    named = proof.session_name if isinstance(proof, VerifiedProof) else ""
    return named or aws.session_name(grant.pk)


def _source_identity(grant: Grant, aws: AwsPorts, proof: ReadyProof | None) -> str:
    if isinstance(proof, VerifiedProof):
        return proof.source_identity
    role = grant.role
    sends = role.method == AwsRole.Method.ASSUME_ROLE and role.sets_source_identity
    return aws.source_identity(grant.holder.pk) if sends else ""


def write_failed(asked: Asked, problem: BrokerError, issued: IssuedSession | None, actor: Actor) -> None:
    """`lost` is what AWS made, or may have made, and nobody got: a revocation covers it as any other."""
    lost = problem.retryable or issued is not None
    made: dict[str, str] = {}
    if issued is not None:
        userid = userid_of(asked.grant.role, issued)
        made = {"userid": userid, "access_key_id": issued.credentials.access_key_id}
    with transaction.atomic():
        lock_grant(asked.grant.pk)
        now = database_now()
        _update.run(
            {"session": asked.session.pk},
            state=(SessionState.LOST if lost else SessionState.FAILED).value,
            answered_at=now,
            failure=str(problem)[:300],
            **made,
        )
        if issued is not None:
            cover_late_answer(asked, issued, now)
        _record(
            EventType.SESSION_FAILED,
            asked.session,
            asked.grant,
            actor,
            now,
            outcome=Outcome.FAILED,
            code=problem.code,
            detail=str(problem)[:300],
            call=asked.session.call,
            source_identity=asked.session.source_identity,
            duration_seconds=asked.session.duration_seconds or 0,
            **asked.origin.facts,
            **made,
        )


def write_answer(
    asked: Asked, issued: IssuedSession, standing: Standing, actor: Actor, *, discarded: str | None
) -> None:
    now, userid = standing.now, userid_of(asked.grant.role, issued)
    is_console = asked.session.kind == AwsSession.Kind.CONSOLE
    expires_at = (
        max(asked.session.expires_at, issued.credentials.expires_at)
        if is_console
        else issued.credentials.expires_at
    )
    _update.run(
        {"session": asked.session.pk},
        state=(SessionState.DISCARDED if discarded else SessionState.GOT).value,
        answered_at=now,
        userid=userid,
        access_key_id=issued.credentials.access_key_id,
        aws_request_id=issued.request_id,
        expires_at=expires_at,
    )
    _keep_role_id(standing.grant.role, issued)
    _record(
        EventType.SESSION_DISCARDED if discarded else EventType.SESSION_ISSUED,
        asked.session,
        asked.grant,
        actor,
        now,
        outcome=Outcome.REFUSED if discarded else Outcome.DONE,
        userid=userid,
        access_key_id=issued.credentials.access_key_id,
        aws_request_id=issued.request_id,
        expires_at=expires_at.isoformat(),
        call=asked.session.call,
        source_identity=asked.session.source_identity,
        ends_at=asked.ends_at.isoformat(),
        duration_seconds=int(asked.length.duration.total_seconds()),
        **asked.origin.facts,
        **({"why": discarded[:300]} if discarded else {}),
    )


def _keep_role_id(role: AwsRole, issued: IssuedSession) -> None:
    """What was made anew in AWS has another id: the next deny must name that one."""
    found = issued.userid.partition(":")[0]
    if (role.is_role or role.method == AwsRole.Method.SESSION_TOKEN) and role.unique_id != found:
        AwsRole.objects.filter(pk=role.pk).update(unique_id=found)


def cover_late_answer(asked: Asked, issued: IssuedSession, now: datetime) -> None:
    """Make sure that the deny names what came too late, also when the role was made anew with another id."""
    role = asked.grant.role
    revocation = Revocation.objects.select_for_update(no_key=True).filter(grant=asked.grant).first()
    if revocation is None:
        _plan_late(asked, issued, now)
        return
    over_at = dead_at(
        max(asked.session.expires_at, issued.credentials.expires_at),
        asked.ends_at if role.carries_end else None,
        at=now,
        makes_console=role.is_role,
    )
    entry = deny_entry(role, userid_of(role, issued), at=now)
    if entry in revocation.userids and over_at <= revocation.covers_until:
        return
    revocation.userids = sorted({*revocation.userids, entry})
    revocation.covers_until = max(revocation.covers_until, over_at)
    revocation.state, revocation.next_try_at = RevocationState.PENDING.value, now
    revocation.applied_at = revocation.proven_at = revocation.probe_at = revocation.cleaned_at = None
    revocation.probes, revocation.proof_note = 0, ""
    revocation.save()
    _record_late(asked, issued, now)


def _plan_late(asked: Asked, issued: IssuedSession, now: datetime) -> None:
    """The grant ended when this session's row counted as dead already: whoever asked had slept for that long."""
    cut = Grant.objects.filter(pk=asked.grant.pk, ended_at__isnull=False, sessions_run_out=False)
    if plan_revocations(list(cut), now):
        _record_late(asked, issued, now)


def _record_late(asked: Asked, issued: IssuedSession, now: datetime) -> None:
    _record(
        EventType.REVOCATION_REOPENED,
        asked.session,
        asked.grant,
        Actor.system("issue"),
        now,
        userid=userid_of(asked.grant.role, issued),
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

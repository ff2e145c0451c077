"""Issuing, in three steps (house rule: calls to AWS stand outside transactions).

1. The first transaction locks the grant, checks its window itself and writes the AwsSession as `asked`, with its
   session name: from then on a revocation covers it, whatever happens next.
2. AWS is asked, with no transaction open.
3. The second locks and checks again, then writes `got`, the audit row and what is kept of it, or throws the
   credentials away. No audit row, no credentials.
"""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from django.db import transaction

from brokers.errors import AwsUnavailable, BrokerError
from brokers.ports import AwsPorts
from brokers.types import IssuedSession
from portal.access.models import AwsSession
from portal.access.operations.credentials.account_hubs import is_chained
from portal.access.operations.credentials.check_callable import check_callable
from portal.access.operations.credentials.fresh_factor import check_fresh_factor
from portal.access.operations.credentials.ready_proof import take_once
from portal.access.operations.credentials.standing import Standing, lock_standing
from portal.access.operations.credentials.sts_budget import note_throttled
from portal.access.operations.credentials.write_sessions import (
    UNTOLD,
    Asked,
    Origin,
    cover_late_answer,
    write_answer,
    write_asked,
    write_failed,
)
from portal.access.operations.grants.may_use import check_may_use, issued_until, what_ends
from portal.access.operations.refusals import refusals_recorded
from portal.access.policy import session_length
from portal.access.proofs import ReadyProof, VerifiedProof
from portal.catalog.models import AwsRole
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError, DomainError, UpstreamError

T = TypeVar("T")


def ask_session(  # noqa: PLR0913  # keyword-only facts of one asking
    *,
    grant_id: UUID,
    kind: AwsSession.Kind,
    aws: AwsPorts,
    actor: Actor,
    destination: str = "",
    proof: ReadyProof | None = None,
    origin: Origin = UNTOLD,
) -> Asked:
    """Do step 1. A refusal is written to the audit trail, then raised. An assertion counts from here on.

    Raises:
        StepUpNeededError: the role asks for a fresh second factor.
        NotFoundError, ForbiddenError, ConflictError.
        ProofNeededError, ProofRefusedError: as `check_callable` and `take_once` say.
    """
    with refusals_recorded(grant_id=grant_id, kind=kind.value, actor=actor), transaction.atomic():
        standing = lock_standing(grant_id)
        grant, now = standing.grant, standing.now
        standing.check_issuing_open()
        vouched = check_may_use(grant, kind, actor, now)
        check_fresh_factor(grant, actor, now)
        check_callable(grant, proof, aws, now)
        ends_at = issued_until(grant, now, vouched=vouched)
        length = session_length(
            longest=grant.role.max_session,
            chained=is_chained(grant.role, aws),
            remaining=ends_at - now,
            end=what_ends(grant, ends_at, now, vouched=vouched),
            method=grant.role.method,
        )
        if isinstance(proof, VerifiedProof):
            take_once(proof, now)
        session = write_asked(grant, kind, aws, actor, now, length, ends_at, destination, proof, origin)
    return Asked(session=session, grant=grant, length=length, ends_at=ends_at, origin=origin)


def finish_session(
    *,
    asked: Asked,
    call: Callable[[], IssuedSession],
    then: Callable[[IssuedSession], T],
    actor: Actor,
    keep: Callable[[T, Standing], object] = lambda *_: None,
) -> T:
    """Do steps 2 and 3. `call` has AWS make the session, `then` what is done with it before it is handed out.

    `keep` writes what `then` returned along with the answer, in its transaction, where it may be handed out.

    Raises:
        UpstreamError: AWS refused or did not answer; the session is `failed` or `lost`.
        ConflictError: the grant ended meanwhile, its window closed, or it was switched off; what AWS made is thrown
            away, and denied by the revocation.
    """
    issued: IssuedSession | None = None
    try:
        issued = call()
        extra = then(issued)
    except BrokerError as problem:
        write_failed(asked, problem, issued, actor)
        if isinstance(problem, AwsUnavailable) and problem.throttled and not _is_own_key(asked):
            note_throttled(asked.grant.role.account_id)
        raise UpstreamError(
            str(problem), upstream_code=problem.code, retryable=problem.retryable
        ) from problem
    with transaction.atomic():
        standing = lock_standing(asked.grant.pk)
        closed = _closed_meanwhile(asked, standing, actor)
        write_answer(asked, issued, standing, actor, discarded=closed)
        if closed:
            cover_late_answer(asked, issued, standing.now)
        else:
            keep(extra, standing)
    if closed:
        raise ConflictError(f"{closed} Nothing was handed out.")
    return extra


def _is_own_key(asked: Asked) -> bool:
    """Whether it was called with a key that somebody brought: AWS may have throttled another account than ours."""
    return asked.grant.role.method == AwsRole.Method.SESSION_TOKEN


def _closed_meanwhile(asked: Asked, standing: Standing, actor: Actor) -> str | None:
    """Return why what came may not leave: asked under the grant's lock, by all that was asked in step 1."""
    grant, now = standing.grant, standing.now
    if grant.ended_at is not None or now >= grant.ends_at:
        return "This grant ended while AWS was asked."
    if now >= asked.ends_at:
        return "The time in which this grant is open ended while AWS was asked."
    try:
        standing.check_issuing_open()
        vouched = check_may_use(grant, AwsSession.Kind(asked.session.kind), actor, now)
    except DomainError as refusal:
        return str(refusal)
    if vouched < asked.ends_at:
        return "Whoever vouched for you that long does so no longer: try again."
    return None

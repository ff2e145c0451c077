"""Cut off after all what was let run out when its grant was revoked."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from portal.access.lifecycle import ENDED
from portal.access.models import AwsSession, Grant, Revocation
from portal.access.operations.grants.end_grants import may_be_left, plan_revocations
from portal.access.operations.grants.revoke_grant import check_may_revoke
from portal.access.operations.locking import lock_grant
from portal.access.operations.reasons import checked_reason
from portal.audit.events import EventType
from portal.audit.operations import Entry, record_all
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError


def cut_sessions(*, grant_id: UUID, reason: str, actor: Actor) -> Revocation:
    """Make the revocation that the grant's end left out, for every session that may still be alive.

    Raises:
        NotFoundError, ForbiddenError: as revoke_grant.
        InvalidError: no reason, or a longer one than 500 characters.
        ConflictError: it has not ended, was cut at its end, has nothing alive, or its role has no kill switch.
    """
    reason = checked_reason(reason)
    with transaction.atomic():
        grant = lock_grant(grant_id)
        check_may_revoke(grant, actor)
        _check_runs_out(grant)
        now = database_now()
        made = _cut([grant], reason, actor, now)
        if not made:
            raise ConflictError("Nothing was changed: no session of this grant is alive any more.")
    return made[0]


def cut_what_runs_out(
    held: QuerySet[Grant], *, reason: str, actor: Actor, at: datetime
) -> Sequence[Revocation]:
    """Cut the sessions that were let run out of those of `held` that were revoked so: their holder is to have none.

    In the caller's transaction, once it holds the people's locks and those of the living grants.
    """
    may_live = AwsSession.objects.filter(may_be_left(at), grant=OuterRef("pk"))
    run_out = held.filter(Exists(may_live.order_by()), sessions_run_out=True, revocation=None)
    locked = run_out.select_for_update(no_key=True, of=("self",)).select_related("role__account")
    return _cut(list(locked.order_by("pk")), reason, actor, at)


def _cut(grants: Sequence[Grant], reason: str, actor: Actor, now: datetime) -> Sequence[Revocation]:
    made = plan_revocations(grants, now)
    if not made:
        return made
    Grant.objects.filter(pk__in=[row.grant_id for row in made]).update(sessions_run_out=False)
    record_all(
        Entry(
            type=EventType.SESSIONS_CUT,
            at=now,
            actor=actor,
            grant_id=row.grant_id,
            person_id=row.grant.person_id,
            role_id=row.grant.role_id,
            details={"reason": reason, "entries": row.userids},
        )
        for row in made
    )
    # The topic of every ending: it wakes the worker that brings the deny to AWS.
    outbox.post("access.grants.ended", at=now, state=made[0].grant.state, count=str(len(made)))
    return made


def _check_runs_out(grant: Grant) -> None:
    if grant.state not in ENDED:
        raise ConflictError("Nothing was changed: this grant has not ended; revoke it.")
    if not grant.sessions_run_out:
        raise ConflictError("Nothing was changed: this grant's sessions were cut off when it ended.")
    if not grant.role.has_kill_switch:
        raise ConflictError("Nothing was changed: this role has no kill switch.")

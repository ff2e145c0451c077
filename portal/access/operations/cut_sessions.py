"""Cut off after all what was let run out when its grant was revoked."""

from uuid import UUID

from django.db import transaction

from portal.access.lifecycle import ENDED
from portal.access.models import Grant, Revocation
from portal.access.operations.end_grants import plan_revocations
from portal.access.operations.locking import lock_grant
from portal.access.operations.reasons import checked_reason
from portal.access.operations.revoke_grant import check_may_revoke
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
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
        made = plan_revocations([grant], now)
        if not made:
            raise ConflictError("Nothing was changed: no session of this grant is alive any more.")
        grant.sessions_run_out = False
        grant.save(update_fields=["sessions_run_out"])
        record(
            Entry(
                type=EventType.SESSIONS_CUT,
                at=now,
                actor=actor,
                grant_id=grant.pk,
                person_id=grant.person_id,
                role_id=grant.role_id,
                details={"reason": reason, "entries": made[0].userids},
            )
        )
        # The topic of every ending: it wakes the worker that brings the deny to AWS.
        outbox.post("access.grants.ended", at=now, state=grant.state, count="1")
    return made[0]


def _check_runs_out(grant: Grant) -> None:
    if grant.state not in ENDED:
        raise ConflictError("Nothing was changed: this grant has not ended; revoke it.")
    if not grant.sessions_run_out:
        raise ConflictError("Nothing was changed: this grant's sessions were cut off when it ended.")
    if not grant.role.has_kill_switch:
        raise ConflictError("Nothing was changed: this role has no kill switch.")

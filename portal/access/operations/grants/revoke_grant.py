"""End a grant before its time. The doors close at once; the deny in AWS follows within seconds."""

from uuid import UUID

from django.db import transaction

from portal.access.lifecycle import GrantState
from portal.access.models import Grant
from portal.access.operations.grants.end_grants import Ending, end_locked_grants
from portal.access.operations.locking import lock_grant
from portal.access.operations.permissions import may, person_of
from portal.access.operations.reasons import checked_reason
from portal.audit.events import EventType
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError, NotFoundError


def revoke_grant(*, grant_id: UUID, reason: str, actor: Actor, cut: bool = True) -> Grant:
    """Revoke one grant, its live sessions included, and nobody else's.

    `cut` False: nothing more is issued, but what was issued lives to its own end. `cut_sessions` cuts it still.

    Raises:
        NotFoundError: there is none, or the actor may not know of it.
        ForbiddenError: its own holder may see it, but not revoke it here.
        InvalidError: no reason, or a longer one than 500 characters.
        ConflictError: it has ended already.
    """
    reason = checked_reason(reason)
    with transaction.atomic():
        grant = lock_grant(grant_id)
        check_may_revoke(grant, actor)
        end_locked_grants(
            [grant],
            Ending(GrantState.REVOKED, EventType.GRANT_REVOKED, actor, database_now(), reason, cuts=cut),
        )
    grant.refresh_from_db()
    return grant


def check_may_revoke(grant: Grant, actor: Actor) -> None:
    if may(actor, "access.revoke_grant"):
        return
    person = person_of(actor)
    if person is not None and grant.person_id == person.pk:
        raise ForbiddenError("Only an admin can revoke a grant.")
    raise NotFoundError("There is no such grant.")

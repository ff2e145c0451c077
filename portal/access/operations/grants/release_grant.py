"""Give a grant back early: its own holder ends it, and with it what was issued under it."""

from uuid import UUID

from django.db import transaction

from portal.access.lifecycle import GrantState
from portal.access.models import Grant
from portal.access.operations.grants.end_grants import Ending, end_locked_grants
from portal.access.operations.locking import lock_grant
from portal.access.operations.permissions import person_of
from portal.access.operations.reasons import REASON_LIMIT
from portal.audit.events import EventType
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError, InvalidError, NotFoundError

NO_REASON = "given back by its holder"


def release_grant(*, grant_id: UUID, actor: Actor, reason: str = "") -> Grant:
    """Release one's own grant, scheduled or active; its live sessions are cut off.

    Raises:
        NotFoundError: there is none, or the actor may not know of it.
        ForbiddenError: the actor may see it, but it is another's: they revoke it instead.
        InvalidError: a longer reason than 500 characters.
        ConflictError: it has ended already.
    """
    reason = reason.strip()
    if len(reason) > REASON_LIMIT:
        raise InvalidError(f"A reason has at most {REASON_LIMIT} characters.", field="reason")
    with transaction.atomic():
        grant = lock_grant(grant_id)
        _check_is_holder(grant, actor)
        now = database_now()
        ending = Ending(GrantState.RELEASED, EventType.GRANT_RELEASED, actor, now, reason or NO_REASON)
        end_locked_grants([grant], ending)
    grant.refresh_from_db()
    return grant


def _check_is_holder(grant: Grant, actor: Actor) -> None:
    if not actor.is_trusted:
        person = person_of(actor)
        if person is not None and person.pk == grant.person_id:
            return
        if person is None or not person.may("access.revoke_grant"):
            raise NotFoundError("There is no such grant.")
    raise ForbiddenError("Only its holder can give a grant back; revoke it instead.")

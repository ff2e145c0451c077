from uuid import UUID

from django.db import transaction

from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import SignIn
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now


def record_sign_out(*, actor: Actor, sign_in_id: UUID | None = None) -> None:
    """Write to the audit trail that the actor signed out. The session itself is the web's to end."""
    with transaction.atomic():
        if sign_in_id is not None:
            SignIn.objects.filter(pk=sign_in_id, person=actor.owner_id).delete()
        record(Entry(type=EventType.SIGNED_OUT, at=database_now(), actor=actor, person_id=actor.person_id))

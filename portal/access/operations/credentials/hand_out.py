"""To whom kept credentials were handed out: the first time to each door, program and address, before they leave."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from portal.access.models import Grant, HandOut
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.kernel.actor import Actor
from portal.kernel.prepared_writes import PreparedInsert

# A program says itself what it is called: whoever calls itself otherwise each time must not fill the trail.
MOST_PLACES = 200
MANY = "one of many"
_insert = PreparedInsert(HandOut, or_leave=True)


@dataclass(frozen=True, slots=True)
class Place:
    """By which door, from where and by which program somebody asks."""

    door: str
    ip: str
    client: str

    @classmethod
    def of(cls, actor: Actor, door: str) -> "Place":
        return cls(door[:80], actor.ip or "", actor.user_agent[:200])


def note_first(session_id: UUID, place: Place, at: datetime) -> bool:
    """Write down that this session went there; False where that is known already."""
    return _insert.run(
        HandOut(session_id=session_id, door=place.door, ip=place.ip, client=place.client, at=at)
    )


def hand_out(grant: Grant, session_id: UUID, place: Place, *, actor: Actor, at: datetime) -> None:
    """Write the rows of a hand-out to somebody who had none of this session yet. No audit row, no credentials.

    After 200 of one door's, programs are no longer told apart there; addresses are.
    """
    with transaction.atomic():
        if HandOut.objects.filter(session=session_id, door=place.door).count() >= MOST_PLACES:
            place = Place(place.door, place.ip, MANY)
        if not note_first(session_id, place, at):
            return
        record(
            Entry(
                type=EventType.SESSION_HANDED_OUT,
                at=at,
                actor=actor,
                grant_id=grant.pk,
                person_id=grant.person_id,
                role_id=grant.role_id,
                details={"session": str(session_id), "door": place.door},
            )
        )

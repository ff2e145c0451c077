"""The portal's own groups: who is in them is the admins' to say. Whoever is taken out loses what they took through it.

A provider's groups are as the provider says: `keep_groups`.
"""

from uuid import UUID

from django.db import transaction

from portal.access.operations.grants.end_with_group import end_what_groups_gave
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import Group, GroupMembership
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError


def check_may_join(*, person_id: UUID, actor: Actor) -> None:
    """Raise ForbiddenError where somebody would put themselves in: what a group gives is given by somebody else."""
    if person_id == actor.owner_id:
        raise ForbiddenError("Nobody puts themselves into a group: ask another admin.")


def note_joined(*, membership: GroupMembership, actor: Actor) -> None:
    """Write down that an admin put somebody into a group, in the transaction that did."""
    check_may_join(person_id=membership.person_id, actor=actor)
    _record(membership.group, membership.person_id, actor, joined=True)


def leave_group(*, membership: GroupMembership, actor: Actor) -> int:
    """Take somebody out of one of the portal's own groups; returns how many of their grants ended by it.

    Raises:
        ForbiddenError: the group is a provider's.
    """
    group = membership.group
    if group.provider_id is not None:
        raise ForbiddenError(f"Who is in {group.name} is its provider's to say.")
    with transaction.atomic():
        GroupMembership.objects.filter(group=group, person=membership.person_id).delete()
        ended = end_what_groups_gave(person_id=membership.person_id, group_ids=[group.pk], actor=actor)
        _record(group, membership.person_id, actor, joined=False)
    return ended


def _record(group: Group, person_id: UUID, actor: Actor, *, joined: bool) -> None:
    joined_to, left = ([group.name], []) if joined else ([], [group.name])
    record(
        Entry(
            type=EventType.PERSON_GROUPS_CHANGED,
            at=database_now(),
            actor=actor,
            person_id=person_id,
            details={"provider": "", "joined": joined_to, "left": left},
        )
    )

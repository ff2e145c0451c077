"""From what SCIM told of a group's members to who is in the portal's group: whoever of them is active, in bulk.

Whoever is no longer in loses what they took through the group, in the same transaction.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from django.db.models import F, QuerySet

from portal.access.models import Grant
from portal.access.operations.grants.end_with_group import end_what_groups_gave
from portal.audit.events import EventType
from portal.audit.operations import Entry, record_all
from portal.directory.models import Group, GroupMembership, ScimGroup, ScimMembership, ScimUser
from portal.identity.operations.provisioning import MemberChange, lock_people, portions
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError

SHOWN = 5


def change_members(*, group: ScimGroup, change: MemberChange, actor: Actor) -> bool:
    """Have these users be in the group, or no longer. To be called under the provider's lock.

    Returns whether that was news.

    Raises:
        InvalidError: who shall join is no user of this provider.
    """
    told = _told(group, None if change.only else change.added | change.removed)
    joining = change.added - told
    leaving = told - change.added if change.only else (told & change.removed) - change.added
    _check_known(group, joining)
    concerned = _people(joining | leaving)
    if change.only:
        concerned |= _strangers(group)
    lock_people(concerned)
    for portion in portions(sorted(leaving)):
        ScimMembership.objects.filter(group=group, user__in=portion).delete()
    ScimMembership.objects.bulk_create(
        (ScimMembership(group=group, user_id=user) for user in sorted(joining)), batch_size=1000
    )
    _settle(group, concerned, actor)
    for portion in portions(sorted(joining | leaving)):
        next_version(ScimUser.objects.filter(pk__in=portion))
    return bool(joining or leaving)


def rejoin_groups(*, user: ScimUser, actor: Actor) -> None:
    """Put somebody who is active again into the groups that they were told to be in."""
    person = user.identity.person_id
    told = Group.objects.filter(scim_group__told_members__user=user)
    groups = list(told.exclude(memberships__person=person))
    GroupMembership.objects.bulk_create(
        (GroupMembership(group=group, person_id=person) for group in groups), ignore_conflicts=True
    )
    if groups:
        names = [group.name for group in groups[:50]]
        details = {"provider": user.provider.slug, "joined": names, "left": []}
        record_all([_entry(person, actor, database_now(), details)])


def next_version(rows: "QuerySet[ScimUser] | QuerySet[ScimGroup]") -> None:
    """Note that their representation is another one now (RFC 7644, 3.14)."""
    rows.update(version=F("version") + 1, modified_at=database_now())


def _told(group: ScimGroup, among: Collection[UUID] | None) -> set[UUID]:
    """Return which users were told to be in the group: of those `among`, or all."""
    told = ScimMembership.objects.filter(group=group)
    if among is None:
        return set(told.values_list("user_id", flat=True))
    found: set[UUID] = set()
    for portion in portions(sorted(among)):
        found.update(told.filter(user__in=portion).values_list("user_id", flat=True))
    return found


def _check_known(group: ScimGroup, users: Collection[UUID]) -> None:
    unknown = set(users)
    for portion in portions(sorted(users)):
        known = ScimUser.objects.filter(provider=group.provider_id, pk__in=portion)
        unknown.difference_update(known.values_list("pk", flat=True))
    if unknown:
        some = ", ".join(str(user) for user in sorted(unknown)[:SHOWN])
        raise InvalidError(f"{len(unknown)} members are no users here, such as {some}.", field="members")


def _people(users: Collection[UUID]) -> set[UUID]:
    found: set[UUID] = set()
    for portion in portions(sorted(users)):
        rows = ScimUser.objects.filter(pk__in=portion)
        found.update(rows.values_list("identity__person_id", flat=True))
    return found


def _strangers(group: ScimGroup) -> set[UUID]:
    """Return who is in the portal's group without being told: from before SCIM told of it."""
    # Two plain reads: as one statement, a database without fresh statistics looked at each pair of thousands.
    told = ScimMembership.objects.filter(group=group).values_list("user__identity__person_id", flat=True)
    return set(group.group.memberships.values_list("person_id", flat=True)) - set(told)


def _settle(group: ScimGroup, people: Collection[UUID], actor: Actor) -> None:
    """Have those of these people be in the portal's group who were told to be, and are active."""
    active = ScimMembership.objects.filter(group=group, user__is_active=True, user__identity__gone_at=None)
    memberships = GroupMembership.objects.filter(group=group.group_id)
    joined: list[UUID] = []
    left: list[UUID] = []
    for portion in portions(sorted(people)):
        told = active.filter(user__identity__person__in=portion)
        wanted = set(told.values_list("user__identity__person_id", flat=True))
        here = set(memberships.filter(person__in=portion).values_list("person_id", flat=True))
        joined += sorted(wanted - here)
        left += sorted(here - wanted)
    GroupMembership.objects.bulk_create(
        (GroupMembership(group_id=group.group_id, person_id=person) for person in joined), batch_size=1000
    )
    for portion in portions(left):
        memberships.filter(person__in=portion).delete()
        through = Grant.objects.filter(entitlement__group=group.group_id, person__in=portion)
        for person in through.order_by("person_id").values_list("person_id", flat=True).distinct():
            end_what_groups_gave(person_id=person, group_ids=[group.group_id], actor=actor)
    name, slug, now = group.group.name, group.provider.slug, database_now()
    record_all(
        [
            *(
                _entry(person, actor, now, {"provider": slug, "joined": [name], "left": []})
                for person in joined
            ),
            *(
                _entry(person, actor, now, {"provider": slug, "joined": [], "left": [name]})
                for person in left
            ),
        ]
    )


def _entry(person: UUID, actor: Actor, at: datetime, details: Mapping[str, object]) -> Entry:
    return Entry(type=EventType.PERSON_GROUPS_CHANGED, at=at, actor=actor, person_id=person, details=details)

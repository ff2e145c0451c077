"""The groups of one person by one provider: exactly those that it names. What was held through a lost one ends."""

from collections.abc import Iterable

from portal.access.operations.end_with_group import end_what_groups_gave
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import Group, GroupMembership, IdentityProvider, Person
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now

MAX_GROUPS = 500
LONGEST_GROUP = 200


def keep_groups(
    *, person: Person, provider: IdentityProvider, told: Iterable[str], actor: Actor
) -> tuple[list[str], list[str]]:
    """Have the person be in the provider's groups of these names alone; returns who was joined and who was left.

    Only this provider's own groups: another source's and the portal's stay as they are. To be called in a transaction.
    """
    names = group_names(provider, told)
    held = GroupMembership.objects.filter(person=person, group__provider=provider)
    before = dict(held.values_list("group__name", "group_id"))
    lost = sorted(set(before) - names)
    gained = sorted(names - set(before))
    if lost:
        held.filter(group__in=[before[name] for name in lost]).delete()
    for name in gained:
        group, _ = Group.objects.get_or_create(provider=provider, name=name)
        GroupMembership.objects.get_or_create(group=group, person=person)
    if lost:
        end_what_groups_gave(person_id=person.pk, group_ids=[before[name] for name in lost], actor=actor)
    if lost or gained:
        record(
            Entry(
                type=EventType.PERSON_GROUPS_CHANGED,
                at=database_now(),
                actor=actor,
                person_id=person.pk,
                details={"provider": provider.slug, "joined": gained[:50], "left": lost[:50]},
            )
        )
    return gained, lost


def group_names(provider: IdentityProvider, told: Iterable[str]) -> set[str]:
    """Return what the groups are called here. A longer name is left out: cut short, it would be another group's."""
    ours = (provider.group_names.get(name, name) for name in list(told)[:MAX_GROUPS])
    return {name for name in ours if 1 <= len(name) <= LONGEST_GROUP}

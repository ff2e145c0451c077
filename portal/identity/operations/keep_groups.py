"""The groups of one person by one provider: exactly those that it names. What was held through a lost one ends."""

from collections.abc import Collection, Iterable
from uuid import UUID

from portal.access.operations.grants.end_with_group import end_what_groups_gave
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
    known = dict(Group.objects.filter(provider=provider, name__in=names).values_list("name", "pk"))
    for name in sorted(names - set(known)):
        group, _ = Group.objects.get_or_create(provider=provider, name=name)
        known[name] = group.pk
    return keep_membership(person=person, provider=provider, group_ids=set(known.values()), actor=actor)


def keep_membership(
    *, person: Person, provider: IdentityProvider, group_ids: Collection[UUID], actor: Actor
) -> tuple[list[str], list[str]]:
    """Have the person be in these groups of the provider alone; else as `keep_groups`.

    Groups that SCIM tells of are SCIM's: a sign-in that doesn't name them takes nobody out, nor in.
    """
    held = GroupMembership.objects.filter(person=person, group__provider=provider, group__scim_group=None)
    before = dict(held.values_list("group_id", "group__name"))
    groups = Group.objects.filter(provider=provider, pk__in=group_ids, scim_group=None)
    wanted = dict(groups.values_list("pk", "name"))
    lost = before.keys() - wanted.keys()
    gained = wanted.keys() - before.keys()
    if lost:
        held.filter(group__in=lost).delete()
        end_what_groups_gave(person_id=person.pk, group_ids=lost, actor=actor)
    for group_id in gained:
        GroupMembership.objects.get_or_create(group_id=group_id, person=person)
    joined, left = sorted(wanted[group] for group in gained), sorted(before[group] for group in lost)
    if lost or gained:
        record(
            Entry(
                type=EventType.PERSON_GROUPS_CHANGED,
                at=database_now(),
                actor=actor,
                person_id=person.pk,
                details={"provider": provider.slug, "joined": joined[:50], "left": left[:50]},
            )
        )
    return joined, left


def group_names(provider: IdentityProvider, told: Iterable[str]) -> set[str]:
    """Return what the groups are called here. A longer name is left out: cut short, it would be another group's.

    So is one that is called there as another is called here: whoever may name groups there would be in that one.
    """
    renamed = provider.group_names
    taken = set(renamed.values()) - set(renamed)
    ours = (renamed.get(name, name) for name in list(told)[:MAX_GROUPS] if name not in taken)
    return {name for name in ours if 1 <= len(name) <= LONGEST_GROUP}

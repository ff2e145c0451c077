"""Groups and what they are entitled to, for the tests of what people take for themselves."""

from typing import Any

from portal.catalog.models import AwsRole, Entitlement
from portal.directory.models import ExternalIdentity, Group, GroupMembership, Person
from portal.identity.operations.keep_groups import keep_groups
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from tests.vouched import tests_provider


def make_group(*members: Person, name: str = "operators", told: bool = True) -> Group:
    """A group of the tests' provider, or with `told` False one of the portal's own, and who is in it."""
    group, _ = Group.objects.get_or_create(name=name, provider=tests_provider() if told else None)
    for member in members:
        GroupMembership.objects.get_or_create(group=group, person=member)
    return group


def entitle(group: Group, role: AwsRole, **fields: Any) -> Entitlement:
    return Entitlement.objects.create(group=group, role=role, **fields)


def leave(person: Person, group: Group) -> None:
    """What a sign-in, a sync and SCIM do when the provider names a person's groups, and this one is not among them."""
    assert group.provider is not None
    names = Group.objects.filter(members=person, provider=group.provider).exclude(pk=group.pk)
    keep_groups(
        person=person,
        provider=group.provider,
        told=list(names.values_list("name", flat=True)),
        actor=Actor.system("tests"),
    )


def be_gone(person: Person, **fields: Any) -> None:
    """Have the person's identity at the tests' provider be gone, as a row alone."""
    ExternalIdentity.objects.filter(person=person, provider=tests_provider()).update(
        **{"gone_at": database_now(), "gone_why": "gone", **fields}
    )

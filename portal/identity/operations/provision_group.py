"""Groups as a provider's SCIM client tells them: their names, and who is in them. What membership gave ends with it.

A group that is there already, from sign-ins or made by an admin, is taken over; from then on SCIM alone tells its
members. A deleted group loses its members; its row stays where entitlements point to it.
"""

from collections.abc import Callable, Collection
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import Group, IdentityProvider, ScimGroup, ScimUser
from portal.identity.operations.provisioned_groups import change_members, next_version
from portal.identity.operations.provisioning import (
    LONGEST_GROUP,
    LONGEST_NAME,
    MemberChange,
    TakenError,
    ToldGroup,
    check_version,
    checked,
    lock_provider,
)
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError, NotFoundError

Change = Callable[[ScimGroup], tuple[ToldGroup, MemberChange]]


def provision_group(
    *, provider: IdentityProvider, told: ToldGroup, members: Collection[UUID], actor: Actor
) -> ScimGroup:
    """Make a group of these users.

    Raises:
        TakenError: SCIM told of a group of that name already.
        InvalidError: a name that can't be used, or a member that is no user of this provider.
    """
    _check(told)
    with transaction.atomic():
        lock_provider(provider)
        group, _ = Group.objects.get_or_create(provider=provider, name=told.name)
        if ScimGroup.objects.filter(group=group).exists():
            raise _taken(provider, told)
        now = database_now()
        made = ScimGroup.objects.create(
            provider=provider, group=group, external_id=told.external_id, created_at=now, modified_at=now
        )
        change_members(group=made, change=MemberChange(frozenset(members), only=True), actor=actor)
        _record(made, actor, what="made", members=len(members))
    return made


def change_group(
    *,
    provider: IdentityProvider,
    group_id: UUID,
    change: Change,
    actor: Actor,
    versions: Collection[int] | None = None,
) -> ScimGroup:
    """Have a group be what `change` makes of it, under the lock; `versions`: only one of these.

    Nothing is written where nothing differs.

    Raises:
        NotFoundError: no such group of this provider.
        OverwrittenError: another version.
        TakenError: the new name is another's.
        InvalidError: a name that can't be used, or a member that is no user of this provider.
    """
    with transaction.atomic():
        group = _locked(provider, group_id)
        check_version(group.version, versions)
        told, members = change(group)
        _check(told)
        fields = [name for name, differs in _differences(group, told).items() if differs]
        if "displayName" in fields:
            _rename(group, told)
        if change_members(group=group, change=members, actor=actor):
            fields.append("members")
        if not fields:
            return group
        group.external_id, group.version = told.external_id, group.version + 1
        group.modified_at = database_now()
        group.save(update_fields=["external_id", "version", "modified_at"])
        counts = {"joined": len(members.added), "left": len(members.removed), "replaced": members.only}
        _record(group, actor, what="changed", fields=fields, **counts)
    return group


def deprovision_group(
    *, provider: IdentityProvider, group_id: UUID, actor: Actor, versions: Collection[int] | None = None
) -> None:
    """Forget a group: nobody is in it any more. Raises NotFoundError, OverwrittenError as change_group."""
    with transaction.atomic():
        group = _locked(provider, group_id)
        check_version(group.version, versions)
        change_members(group=group, change=MemberChange(only=True), actor=actor)
        _record(group, actor, what="removed")
        row = group.group
        group.delete()
        try:
            with transaction.atomic():
                row.delete()
        except (ProtectedError, IntegrityError):
            # Entitlements point to it: it stays without members, and the next group of this name takes it over.
            return


def _check(told: ToldGroup) -> None:
    checked(told.name, name="displayName", longest=LONGEST_GROUP)
    if len(told.external_id) > LONGEST_NAME:
        raise InvalidError(f"externalId has at most {LONGEST_NAME} characters.", field="externalId")


def _locked(provider: IdentityProvider, group_id: UUID) -> ScimGroup:
    lock_provider(provider)
    group = ScimGroup.objects.select_related("group", "provider").filter(provider=provider, pk=group_id)
    if (found := group.first()) is None:
        raise NotFoundError("There is no such group.")
    return found


def _differences(group: ScimGroup, told: ToldGroup) -> dict[str, bool]:
    return {
        "displayName": group.group.name != told.name,
        "externalId": group.external_id != told.external_id,
    }


def _rename(group: ScimGroup, told: ToldGroup) -> None:
    if Group.objects.filter(provider=group.provider_id, name=told.name).exists():
        raise _taken(group.provider, told)
    group.group.name = told.name
    group.group.save(update_fields=["name"])
    # It stands in what is told of its members (RFC 7643, 4.1.2: groups.display).
    next_version(ScimUser.objects.filter(told_groups__group=group))


def _taken(provider: IdentityProvider, told: ToldGroup) -> TakenError:
    return TakenError(f"A group of {provider.name} is called {told.name} already.")


def _record(group: ScimGroup, actor: Actor, **details: object) -> None:
    record(
        Entry(
            type=EventType.SCIM_GROUP_CHANGED,
            at=database_now(),
            actor=actor,
            details={
                "provider": group.provider.slug,
                "group": str(group.pk),
                "name": group.group.name,
                **details,
            },
        )
    )

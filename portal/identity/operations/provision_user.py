"""Users as a provider's SCIM client tells them: who is there, what they are called, and who has left.

A user is a person's identity at that provider, found by (provider, format, subject) exactly and never by e-mail;
somebody who signed in before is taken over, not doubled. Whoever is told inactive or is deleted is gone, with all that
`gone.py` ends, in the same transaction.
"""

from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import ExternalIdentity, IdentityProvider, ScimGroup, ScimUser
from portal.identity.operations.gone import person_back, person_gone
from portal.identity.operations.provisioned_groups import next_version, rejoin_groups
from portal.identity.operations.provisioned_identity import (
    admit_told,
    identity_of,
    keep_person,
    move_user,
    subject_of,
    take_over,
)
from portal.identity.operations.provisioning import (
    TakenError,
    ToldUser,
    check_version,
    lock_people,
    lock_provider,
)
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import NotFoundError

DISABLED = "disabled"
REMOVED = "removed"
Change = Callable[[ScimUser], ToldUser]


def provision_user(*, provider: IdentityProvider, told: ToldUser, actor: Actor) -> ScimUser:
    """Make a user, with their identity and person where the provider never told of them before.

    Raises:
        TakenError: a user of that name, or of that subject, is there already.
        ConflictError: the identity is somebody's for whom a partner's provider doesn't vouch.
        PeopleQuotaError: active, and the partner has as many active people as it may; nothing is changed.
        InvalidError: a name that can't be used, or none where sign-ins need it.
    """
    subject = subject_of(provider, told)
    try:
        with transaction.atomic():
            known = identity_of(provider, subject)
            identity = take_over(known, told, actor) if known else admit_told(provider, subject, told, actor)
            now = database_now()
            user = ScimUser.objects.create(
                provider=provider,
                identity=identity,
                user_name=told.user_name,
                external_id=told.external_id,
                is_active=told.is_active is not False,
                resource=dict(told.resource),
                created_at=now,
                modified_at=now,
            )
            _record(user, actor, what="made")
            if known is not None or not user.is_active:
                _settle(user, actor)
    except IntegrityError:
        if (taken := _taken(provider, subject, told)) is None:
            raise
        raise taken from None
    return user


def change_user(
    *,
    provider: IdentityProvider,
    user_id: UUID,
    change: Change,
    actor: Actor,
    versions: Collection[int] | None = None,
) -> ScimUser:
    """Have a user be what `change` makes of them, under the lock; `versions`: only one of these.

    Nothing is written where nothing differs. `change` may raise; nothing is changed then.

    Raises:
        NotFoundError: no such user of this provider.
        OverwrittenError: another version.
        TakenError: the new name is another's.
        FixedError: the subject of somebody who has signed in with it.
        PeopleQuotaError: active again, and the partner has as many active people as it may.
        InvalidError: a name that can't be used.
    """
    try:
        with transaction.atomic():
            user = _locked(provider, user_id)
            check_version(user.version, versions)
            told, was_active = change(user), user.is_active
            if fields := _differences(user, told):
                _write(user, told, fields, actor)
            if user.is_active != was_active or not user.is_active:
                _settle(user, actor)
    except IntegrityError:
        raise TakenError(f"Another user of {provider.name} is called {told.user_name}.") from None
    return user


def deprovision_user(
    *, provider: IdentityProvider, user_id: UUID, actor: Actor, versions: Collection[int] | None = None
) -> None:
    """Forget a user: they are gone. Their person, identity and history stay. Raises as change_user."""
    with transaction.atomic():
        user = _locked(provider, user_id)
        check_version(user.version, versions)
        person_gone(identity_id=user.identity_id, why=REMOVED, actor=actor)
        ExternalIdentity.objects.filter(pk=user.identity_id).update(is_provisioned=False)
        next_version(ScimGroup.objects.filter(told_members__user=user))
        _record(user, actor, what="removed")
        user.delete()


def _locked(provider: IdentityProvider, user_id: UUID) -> ScimUser:
    """Return the user, with the provider's and their person's rows locked."""
    lock_provider(provider)
    users = ScimUser.objects.filter(provider=provider, pk=user_id)
    person_id = users.values_list("identity__person", flat=True).first()
    if person_id is None:
        raise NotFoundError("There is no such user.")
    lock_people([person_id])
    return users.select_related("identity__person", "identity__provider").get()


def _differences(user: ScimUser, told: ToldUser) -> list[str]:
    """Return the names of the attributes that would change."""
    columns = {
        "userName": (user.user_name, told.user_name),
        "externalId": (user.external_id, told.external_id),
        "active": (user.is_active, user.is_active if told.is_active is None else told.is_active),
    }
    before: dict[str, Any] = user.resource
    return sorted(
        {name for name, (old, new) in columns.items() if old != new}
        | {name for name in {*before, *told.resource} if before.get(name, 0) != told.resource.get(name, 0)}
    )


def _write(user: ScimUser, told: ToldUser, fields: list[str], actor: Actor) -> None:
    subject = subject_of(user.provider, told)
    if subject != user.identity.subject:
        move_user(user, subject)
    identity, now = user.identity, database_now()
    user.user_name, user.external_id = told.user_name, told.external_id
    user.is_active = user.is_active if told.is_active is None else told.is_active
    user.resource, user.version, user.modified_at = dict(told.resource), user.version + 1, now
    user.save()
    identity.login, identity.is_provisioned, identity.confirmed_at = told.user_name, True, now
    identity.save(update_fields=["subject", "login", "is_provisioned", "confirmed_at"])
    _record(user, actor, what="changed", fields=fields[:50])
    keep_person(identity, told, actor)


def _settle(user: ScimUser, actor: Actor) -> None:
    """Let the person in, or have them be gone, as the user is active or not."""
    if not user.is_active:
        person_gone(identity_id=user.identity_id, why=DISABLED, actor=actor)
        return
    person_back(identity_id=user.identity_id, actor=actor)
    rejoin_groups(user=user, actor=actor)


def _taken(provider: IdentityProvider, subject: str, told: ToldUser) -> TakenError | None:
    """Return why a constraint refused the user, where it was one of theirs."""
    users = ScimUser.objects.filter(provider=provider)
    if users.filter(user_name__iexact=told.user_name).exists():
        return TakenError(f"A user of {provider.name} is called {told.user_name} already.")
    if identity_of(provider, subject) is not None:
        return TakenError(f"A user of {provider.name} is {subject} already.")
    return None


def _record(user: ScimUser, actor: Actor, **details: object) -> None:
    record(
        Entry(
            type=EventType.SCIM_USER_CHANGED,
            at=database_now(),
            actor=actor,
            person_id=user.identity.person_id,
            details={
                "provider": user.provider.slug,
                "user": str(user.pk),
                "user_name": user.user_name,
                "active": user.is_active,
                **details,
            },
        )
    )

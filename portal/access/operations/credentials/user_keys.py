"""A person's own IAM user, for GetSessionToken: its key, sealed or brought along each time, and its MFA device.

An admin makes the role's row with the user's name, and grants it; whose user it is, is who may use such a grant.
"""

import re
from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from portal.access.models import Grant, UserKey
from portal.access.operations.credentials.ready_proof import check_key
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.catalog.models import AwsRole
from portal.directory.models import Person
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, InvalidError, NotFoundError
from portal.kernel.sealing import seal

# A hardware device's serial number, or the ARN of a virtual one or a passkey (AWS STS API Reference: 9 to 256).
_SERIAL = re.compile(r"[\w+=/:,.@-]{9,256}", re.ASCII)


def own_users(person_id: UUID) -> Sequence[AwsRole]:
    """Return the IAM users of which the person holds a grant that has not ended, or keeps a key."""
    held = Q(grants__person=person_id, grants__ended_at=None) | Q(user_key__person=person_id)
    roles = AwsRole.objects.filter(held, method=AwsRole.Method.SESSION_TOKEN)
    return list(roles.select_related("account", "user_key").distinct().order_by("title"))


def held_users(person_id: UUID) -> set[UUID]:
    """Return the ids of those of which the person holds a grant: a key can be kept of these alone."""
    held = Grant.objects.filter(person=person_id, ended_at=None, role__method=AwsRole.Method.SESSION_TOKEN)
    return set(held.values_list("role_id", flat=True))


def keep_user_key(
    *, role_id: UUID, access_key_id: str, secret: str, mfa_serial: str, actor: Actor
) -> UserKey:
    """Keep the key of the actor's own IAM user, sealed. `secret` empty: it is brought along for each call.

    Raises:
        NotFoundError: there is no such user, or the actor holds no grant of it.
        ConflictError: somebody else has a key of it here.
        InvalidError: names the field and what is allowed.
    """
    access_key_id, secret, mfa_serial = access_key_id.strip(), secret.strip(), mfa_serial.strip()
    # Without a secret only the id's form counts.
    check_key(access_key_id, secret or "x" * 40)
    with transaction.atomic():
        person = Person.objects.select_for_update(no_key=True, of=("self",)).filter(pk=actor.owner_id).first()
        role = _own_user(role_id, actor)
        if person is None or role is None:
            raise NotFoundError("There is no such IAM user of yours.")
        _check_serial(mfa_serial, role)
        now = database_now()
        before = UserKey.objects.select_for_update(of=("self",)).filter(role=role).first()
        if before is not None and before.person_id != person.pk:
            raise ConflictError("Somebody else has a key of this IAM user here: ask an admin.")
        kept, _ = UserKey.objects.update_or_create(
            role=role,
            defaults={
                "person": person,
                "access_key_id": access_key_id,
                "secret": seal(secret.encode()) if secret else b"",
                "mfa_serial": mfa_serial,
                "kept_at": now,
            },
        )
        _record(EventType.USER_KEY_KEPT, kept, actor, with_secret=bool(secret))
    return kept


def remove_user_key(*, role_id: UUID, actor: Actor) -> None:
    """Forget the actor's own key. Live sessions go on to their end; nothing new is had by it.

    Raises:
        NotFoundError: the actor keeps none of that user.
    """
    with transaction.atomic():
        kept = (
            UserKey.objects.select_for_update(of=("self",))
            .filter(role=role_id, person=actor.owner_id)
            .first()
        )
        if kept is None:
            raise NotFoundError("There is no such key of yours.")
        _record(EventType.USER_KEY_REMOVED, kept, actor, with_secret=bool(kept.secret))
        kept.delete()


def forget_user_keys(*, person: Person, actor: Actor) -> None:
    """Forget all keys of a person who is deactivated, in that transaction: nobody is left whose they would be."""
    for kept in UserKey.objects.select_for_update(of=("self",)).filter(person=person).order_by("pk"):
        _record(EventType.USER_KEY_REMOVED, kept, actor, with_secret=bool(kept.secret))
        kept.delete()


def _own_user(role_id: UUID, actor: Actor) -> AwsRole | None:
    held = Grant.objects.filter(
        role=role_id, person=actor.owner_id, ended_at=None, role__method=AwsRole.Method.SESSION_TOKEN
    )
    grant = held.select_related("role__account").first()
    return grant.role if grant else None


def _check_serial(mfa_serial: str, role: AwsRole) -> None:
    if not _SERIAL.fullmatch(mfa_serial):
        raise InvalidError(
            "An MFA device is named by its serial number, or by an ARN such as arn:aws:iam::123456789012:mfa/name.",
            field="mfa_serial",
        )
    start = f"arn:{role.account.partition}:iam::{role.account.account_id}:"
    if mfa_serial.startswith("arn:") and not mfa_serial.startswith(start):
        raise InvalidError(
            f"This device is in another account: {start}mfa/… is expected.", field="mfa_serial"
        )


def _record(event: EventType, kept: UserKey, actor: Actor, *, with_secret: bool) -> None:
    record(
        Entry(
            type=event,
            at=database_now(),
            actor=actor,
            person_id=kept.person_id,
            role_id=kept.role_id,
            details={
                "access_key_id": kept.access_key_id,
                "mfa_serial": kept.mfa_serial,
                "with_secret": with_secret,
            },
        )
    )

"""Deactivate somebody: what they hold ends in the same transaction, suspended, and is cut off.

Reactivation gives nothing back.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from portal.access.lifecycle import LIVING, GrantState, stored
from portal.access.models import Grant
from portal.access.operations.credentials.user_keys import forget_user_keys
from portal.access.operations.cutting.cut_sessions import cut_what_runs_out
from portal.access.operations.grants.end_grants import Ending, end_locked_grants
from portal.access.operations.permissions import person_of
from portal.access.operations.reasons import checked_reason
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import ApiToken, Person, SignIn
from portal.directory.people_quota import take_place
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, NotFoundError

REASON_LIMIT = 300
# What reactivating writes.
BACK = (
    *("is_active", "deactivated_at", "deactivated_by_provider", "deactivated_by_company"),
    *("is_staff", "is_superuser", "is_partner_admin"),
)


@dataclass(frozen=True, slots=True)
class Deactivated:
    """What ended with the person: grants, those of them whose sessions AWS must cut, API tokens."""

    person: Person
    grants: int
    revocations: int
    tokens: int


def deactivate_person(*, person_id: UUID, reason: str, actor: Actor) -> Deactivated:
    """End a person's sign-ins, API tokens and living grants, live AWS sessions included, and what was let run out.

    Raises:
        NotFoundError: no such person, or the actor may not know.
        ForbiddenError: oneself, or an admin when the actor is not a superuser.
        InvalidError: no reason, or a longer one than 300 characters.
        ConflictError: deactivated already.
    """
    reason = checked_reason(reason, most=REASON_LIMIT)
    with transaction.atomic():
        return deactivate_locked(person=_lock(person_id, actor), reason=reason, actor=actor)


def deactivate_locked(
    *, person: Person, reason: str, actor: Actor, by_own_company: bool = False
) -> Deactivated:
    """Do it to a person whom the caller has locked, once it is known that the actor may.

    `by_own_company`: by an admin of the partner that they are of, who may then bring them back.

    Raises:
        ConflictError: deactivated already.
    """
    with transaction.atomic():
        if not person.is_active:
            raise ConflictError(f"{person.name} is deactivated already.")
        # Locked after the person, as making a grant does: none can come in between.
        grants = list(
            Grant.objects.select_for_update(no_key=True, of=("self",))
            .select_related("role__account")
            .filter(person=person, state__in=stored(LIVING))
            .order_by("pk")
        )
        now = database_now()
        why = f"{person.name} was deactivated: {reason}"[:500]
        ending = Ending(GrantState.SUSPENDED, EventType.GRANT_SUSPENDED, actor, now, why)
        revocations = end_locked_grants(grants, ending) if grants else []
        left = cut_what_runs_out(Grant.objects.filter(person=person), reason=why, actor=actor, at=now)
        tokens = ApiToken.objects.filter(person=person, revoked_at=None).update(revoked_at=now)
        SignIn.objects.filter(person=person).delete()
        forget_user_keys(person=person, actor=actor)
        person.is_active, person.deactivated_at = False, now
        person.deactivated_by_company = by_own_company
        # Django's sessions are bound to this value: a new one ends them all, for good.
        person.set_unusable_password()
        person.save(update_fields=["is_active", "deactivated_at", "deactivated_by_company", "password"])
        _record(
            person, actor, is_active=False, reason=reason, grants_ended=len(grants), tokens_revoked=tokens
        )
    return Deactivated(person, len(grants), len(revocations) + len(left), tokens)


def reactivate_person(*, person_id: UUID, reason: str, actor: Actor) -> Person:
    """Let a person sign in again. Grants, tokens and being an admin stay ended.

    Raises as deactivate_person, and:
        PeopleQuotaError: a partner's, which has as many active people as it may.
    """
    reason = checked_reason(reason, most=REASON_LIMIT)
    with transaction.atomic():
        return reactivate_locked(person=_lock(person_id, actor), reason=reason, actor=actor)


def reactivate_locked(*, person: Person, reason: str, actor: Actor) -> Person:
    """Do it to a person whom the caller has locked, once it is known that the actor may.

    Raises:
        ConflictError: active already.
        PeopleQuotaError: a partner's, which has as many active people as it may.
    """
    with transaction.atomic():
        if person.is_active:
            raise ConflictError(f"{person.name} is active already.")
        take_place(person.partner_id)
        person.is_active, person.deactivated_at = True, None
        person.is_staff = person.is_superuser = person.is_partner_admin = False
        person.deactivated_by_provider, person.deactivated_by_company = None, False
        person.save(update_fields=BACK)
        person.user_permissions.clear()
        _record(person, actor, is_active=True, reason=reason)
    return person


def _lock(person_id: UUID, actor: Actor) -> Person:
    """Return the person, locked, once the actor is known to be allowed."""
    by = None if actor.is_trusted else person_of(actor)
    if not actor.is_trusted and (by is None or not by.may("directory.change_person")):
        raise NotFoundError("There is no such person.")
    person = Person.objects.select_for_update(no_key=True, of=("self",)).filter(pk=person_id).first()
    if person is None:
        raise NotFoundError("There is no such person.")
    if by is not None and by.pk == person.pk:
        raise ForbiddenError("Nobody deactivates or reactivates themselves: ask another admin.")
    if by is not None and person.is_staff and not by.is_superuser:
        raise ForbiddenError(f"{person.name} is an admin: only a superuser can do this.")
    return person


def _record(person: Person, actor: Actor, **details: str | int | bool) -> None:
    now = database_now()
    record(
        Entry(
            type=EventType.PERSON_CHANGED,
            at=now,
            actor=actor,
            person_id=person.pk,
            partner_id=person.partner_id,
            details={"name": person.name, "fields": ["is_active"], **details},
        )
    )
    word = "reactivated" if person.is_active else "deactivated"
    outbox.post(f"directory.person.{word}", at=now, person=str(person.pk))

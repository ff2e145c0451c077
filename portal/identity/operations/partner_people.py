"""A partner's people, looked after by its own admins: within their company and its quota, and nothing else of anybody.

They never make anybody an admin of ours, never touch another company's person, and never bring back whom an admin of
ours deactivated. Locks: the people by id, then their partner.
"""

from collections.abc import Collection
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from portal.access.operations.grants.deactivate_person import (
    Deactivated,
    deactivate_locked,
    reactivate_locked,
)
from portal.access.operations.reasons import checked_reason
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import ExternalIdentity, IdentityProvider, Partner, Person
from portal.identity.operations.admit_person import LONGEST_TOLD, admit_as
from portal.identity.operations.subjects import checked_subject
from portal.kernel import outbox
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError

REASON_LIMIT = 300
Kind = IdentityProvider.Kind


def own_providers(partner_id: UUID) -> Collection[IdentityProvider]:
    """Return where a partner's own people sign in: only there may its admins say who somebody is."""
    providers = IdentityProvider.objects.filter(partner=partner_id, is_enabled=True).exclude(kind=Kind.LOCAL)
    return list(providers.order_by("name"))


def add_partner_person(  # noqa: PLR0913  # keyword-only facts of one person
    *,
    name: str,
    email: str,
    provider_id: UUID,
    subject: str,
    actor: Actor,
    subject_format: str = "",
) -> Person:
    """Add somebody to the actor's own company, whom its own provider calls `subject`. They hold nothing yet.

    Raises:
        NotFoundError: the actor is no partner's admin.
        PeopleQuotaError: the company has as many active people as it may.
        ConflictError: somebody has that identity already, or the company is suspended.
        InvalidError: names the field and what is allowed.
    """
    name, email = _checked_name(name), _checked_email(email)
    try:
        with transaction.atomic():
            partner = _lock_company(actor)
            _check_not_suspended(partner)
            provider = next((one for one in own_providers(partner.pk) if one.pk == provider_id), None)
            if provider is None:
                raise InvalidError("Choose one of your company's own identity providers.", field="provider")
            subject, subject_format = checked_subject(provider, subject, subject_format)
            # In any format: it would be a second person of one account.
            if ExternalIdentity.objects.filter(provider=provider, subject=subject).exists():
                raise _taken(subject, provider)
            identity = ExternalIdentity(
                provider=provider, subject=subject, subject_format=subject_format, login=subject
            )
            return admit_as(identity, name=name, email=email, actor=actor, is_vouched=False).person
    except IntegrityError:
        # A first sign-in of theirs was quicker; the lock on the partner's row doesn't hold a known identity's off.
        raise ConflictError("Somebody has that identifier since a moment ago: look at the list.") from None


def deactivate_partner_person(*, person_id: UUID, reason: str, actor: Actor) -> Deactivated:
    """End the sign-ins, API tokens and grants of somebody of the actor's own company.

    Raises:
        NotFoundError: no such person in the actor's company, or the actor is no admin of one.
        ForbiddenError: its last active admin.
        ConflictError: deactivated already.
        InvalidError: no reason, or a longer one than 300 characters.
    """
    reason = checked_reason(reason, most=REASON_LIMIT)
    with transaction.atomic():
        person = _lock_colleague(person_id, actor)
        if person.is_active and person.is_partner_admin:
            _check_not_last(person)
        return deactivate_locked(person=person, reason=reason, actor=actor, by_own_company=True)


def reactivate_partner_person(*, person_id: UUID, reason: str, actor: Actor) -> Person:
    """Let somebody of the actor's own company sign in again whom it deactivated itself; nothing else is given back.

    Raises:
        NotFoundError, InvalidError: as deactivate_partner_person.
        ForbiddenError: deactivated by the other side, or by the word of a provider.
        PeopleQuotaError: the company has as many active people as it may.
        ConflictError: active already, or the company is suspended.
    """
    reason = checked_reason(reason, most=REASON_LIMIT)
    with transaction.atomic():
        person = _lock_colleague(person_id, actor)
        _check_not_suspended(person.partner)
        if not person.is_active and not person.deactivated_by_company:
            raise ForbiddenError(_why_not_back(person))
        return reactivate_locked(person=person, reason=reason, actor=actor)


def set_partner_admin(*, person_id: UUID, is_admin: bool, actor: Actor) -> Person:
    """Have somebody of the actor's own company look after its people, or no longer.

    Raises:
        NotFoundError: as deactivate_partner_person.
        ForbiddenError: its last active admin.
        ConflictError: deactivated, or it is so already.
    """
    with transaction.atomic():
        person = _lock_colleague(person_id, actor)
        if not person.is_active:
            raise ConflictError(f"{person.name} is deactivated.")
        if person.is_partner_admin == is_admin:
            raise ConflictError(
                f"{person.name} is {'an admin already' if is_admin else 'no admin'} of your company."
            )
        if not is_admin:
            _check_not_last(person)
        person.is_partner_admin = is_admin
        person.save(update_fields=["is_partner_admin"])
        note_partner_admin(person, actor)
    return person


def note_partner_admin(person: Person, actor: Actor) -> None:
    """Write to the trail, in the change's transaction, that somebody became their company's admin, or ceased to be."""
    now = database_now()
    record(
        Entry(
            type=EventType.PARTNER_ADMIN_CHANGED,
            at=now,
            actor=actor,
            person_id=person.pk,
            partner_id=person.partner_id,
            details={"name": person.name, "is_admin": person.is_partner_admin},
        )
    )
    outbox.post("directory.partner.admin_changed", at=now, person=str(person.pk))


def _lock_company(actor: Actor) -> Partner:
    """Return the actor's own company, locked, once it is known that they are its admin still."""
    _, partner = _lock_with_company(actor, {actor.owner_id})
    return partner


def _lock_colleague(person_id: UUID, actor: Actor) -> Person:
    """Return somebody of the actor's own company, locked with it. Raises NotFoundError for anybody else."""
    people, partner = _lock_with_company(actor, {actor.owner_id, person_id})
    person = people.get(person_id)
    if person is None or person.partner_id != partner.pk:
        raise NotFoundError("There is no such person in your company.")
    return person


def _lock_with_company(actor: Actor, ids: Collection[UUID]) -> tuple[dict[UUID, Person], Partner]:
    locked = Person.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=ids).order_by("pk")
    people = {person.pk: person for person in locked}
    by = people.get(actor.owner_id)
    if actor.kind != ActorKind.PERSON or by is None or by.partner_id is None:
        raise NotFoundError("This is for a partner's own admins.")
    partner = Partner.objects.select_for_update(no_key=True, of=("self",)).get(pk=by.partner_id)
    # Judged under both locks: of two who take it from each other at once, one is left.
    if not by.is_active or not by.is_partner_admin:
        raise NotFoundError("This is for a partner's own admins.")
    return people, partner


def _check_not_last(person: Person) -> None:
    others = Person.objects.filter(partner=person.partner_id, is_active=True, is_partner_admin=True)
    if not others.exclude(pk=person.pk).exists():
        raise ForbiddenError(
            f"{person.name} is the last admin of your company here: make somebody else one first."
        )


def _check_not_suspended(partner: Partner | None) -> None:
    if partner is not None and partner.suspended_at is not None:
        raise ConflictError(f"{partner.name} is suspended: nobody is added until it is resumed.")


def _why_not_back(person: Person) -> str:
    if person.deactivated_by_provider is not None:
        return (
            f"{person.deactivated_by_provider.name} says that {person.name} has left: they are back here when it "
            "says so again."
        )
    return f"{person.name} was not deactivated by your company: ask whoever answers for it in-house."


def _taken(subject: str, provider: IdentityProvider) -> ConflictError:
    return ConflictError(f"Somebody is {subject} at {provider.name} already: look at the list.")


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_TOLD or not name.isprintable():
        raise InvalidError(f"A name has 1 to {LONGEST_TOLD} characters.", field="name")
    return name


def _checked_email(email: str) -> str:
    email = email.strip()
    try:
        validate_email(email)
    except ValidationError:
        raise InvalidError("Write an e-mail address, such as kim@example.com.", field="email") from None
    return email

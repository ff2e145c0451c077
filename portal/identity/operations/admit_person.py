"""Who is it that a provider vouches for? Matched by (provider, format, subject) exactly; never by e-mail."""

from collections.abc import Mapping

from django.db import IntegrityError, transaction

from brokers.types import ProvenIdentity
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import ExternalIdentity, IdentityProvider, Person
from portal.directory.people_quota import PeopleQuotaError, take_place
from portal.identity.operations.keep_groups import keep_groups
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError

LONGEST_TOLD = 200


def person_for(*, provider: IdentityProvider, proven: ProvenIdentity, actor: Actor) -> ExternalIdentity:
    """Return the identity with its person, made at a first sign-in where the provider may do that.

    Name and groups become what the provider says; what was held through a group that it doesn't name any more ends.
    To be called in a transaction.

    Raises:
        ForbiddenError: unknown here, deactivated, gone at the source, or not of the partner whose provider this is.
        PeopleQuotaError: a first sign-in, and the partner has as many active people as it may.
    """
    known = _known(provider, proven) or _first_sign_in(provider, proven, actor)
    person = known.person
    if not person.is_active:
        raise ForbiddenError(f"{person.name} is deactivated.")
    if known.gone_at is not None:
        raise ForbiddenError(f"{person.name} is {known.gone_why or 'gone'} at {provider.name}.")
    if provider.partner_id is not None and person.partner_id != provider.partner_id:
        # Somebody who changed companies: a partner's provider must not let anybody in as somebody else's. The own
        # company's may vouch for guests: its admins linked them.
        raise ForbiddenError(
            f"{provider.name} doesn't vouch for people of {person.partner or 'the own company'}."
        )
    known.last_seen_at = known.confirmed_at = database_now()
    known.login = proven.login[:256] or known.login
    known.save(update_fields=["last_seen_at", "confirmed_at", "login"])
    update_person(person=person, provider=provider, proven=proven, actor=actor)
    if proven.groups is not None:
        keep_groups(person=person, provider=provider, told=proven.groups, actor=actor)
    return known


def admit(*, provider: IdentityProvider, proven: ProvenIdentity, actor: Actor) -> ExternalIdentity:
    """Make the person that a provider vouches for. The caller has made sure that nobody has that identity."""
    identity = ExternalIdentity(
        provider=provider,
        subject=proven.subject,
        subject_format=proven.subject_format,
        login=proven.login[:256],
    )
    name = told_of(proven, provider.name_attribute) or proven.login or proven.subject
    return admit_as(identity, name=name, email=told_of(proven, provider.email_attribute), actor=actor)


def admit_as(  # noqa: PLR0913  # keyword-only facts of one person
    identity: ExternalIdentity,
    *,
    name: str,
    email: str,
    actor: Actor,
    is_active: bool = True,
    is_vouched: bool = True,
) -> ExternalIdentity:
    """Make the person whom an unsaved identity is of, and save both: the one way in for people of any provider.

    `is_active` False: whoever calls deactivates them in the same transaction, so that they take no place.
    `is_vouched`: it is the provider's own word that they are there.

    Raises:
        PeopleQuotaError: the provider's company has as many active people as it may.
    """
    provider = identity.provider
    if is_active:
        take_place(provider.partner_id)
    now = database_now()
    identity.person = Person.objects.admit(name=name, email=email, partner=provider.partner)
    identity.confirmed_at = now if is_vouched else None
    identity.save(force_insert=True)
    record(
        Entry(
            type=EventType.PERSON_ADMITTED,
            at=now,
            actor=actor,
            person_id=identity.person_id,
            partner_id=provider.partner_id,
            details={"provider": provider.slug, "subject": identity.subject, "name": name},
        )
    )
    return identity


def update_person(
    *, person: Person, provider: IdentityProvider, proven: ProvenIdentity, actor: Actor
) -> list[str]:
    """Have name and e-mail be what the provider says; returns the fields that changed."""
    name = told_of(proven, provider.name_attribute)
    return keep_told(
        person, provider, name=name, email=told_of(proven, provider.email_attribute), actor=actor
    )


def keep_told(
    person: Person, provider: IdentityProvider, *, name: str, email: str, actor: Actor
) -> list[str]:
    """Have name and e-mail be what was told, where it was; returns the fields that changed."""
    told = {"name": name or person.name, "email": email or person.email}
    changed = {field: value for field, value in told.items() if getattr(person, field) != value}
    if not changed:
        return []
    for field, value in changed.items():
        setattr(person, field, value)
    person.save(update_fields=list(changed))
    record(
        Entry(
            type=EventType.PERSON_CHANGED,
            at=database_now(),
            actor=actor,
            person_id=person.pk,
            details={"provider": provider.slug, "fields": sorted(changed)},
        )
    )
    return sorted(changed)


def told_of(proven: ProvenIdentity, name: str) -> str:
    """Return the first value of an attribute on one line: it stands in logs, mails and the audit trail."""
    return first_line(proven.attributes, name)


def first_line(attributes: Mapping[str, tuple[str, ...]], name: str) -> str:
    values = attributes.get(name, ())
    return one_line(values[0]) if values else ""


def one_line(text: str) -> str:
    return " ".join(text.split())[:LONGEST_TOLD]


def _known(provider: IdentityProvider, proven: ProvenIdentity) -> ExternalIdentity | None:
    """Return the identity as it is once its person's row is locked: people come first in the order of locks."""
    found = ExternalIdentity.objects.filter(
        provider=provider, subject_format=proven.subject_format, subject=proven.subject
    )
    for person in found.values_list("person_id", flat=True):
        list(Person.objects.select_for_update(no_key=True).filter(pk=person).values_list("pk"))
    return found.select_related("person__partner").first()


def _first_sign_in(provider: IdentityProvider, proven: ProvenIdentity, actor: Actor) -> ExternalIdentity:
    if not provider.admits_people:
        raise ForbiddenError(f"{provider.name} vouches for somebody who is not known here.")
    told = ExternalIdentity.objects.filter(provider=provider, subject=proven.subject, is_provisioned=True)
    if told.exists():
        # Made a second person, they would stay when SCIM says that the first one left.
        raise ForbiddenError(
            f"SCIM told of {proven.subject} by another NameID format than {proven.subject_format}: set it at "
            f"{provider.name}."
        )
    try:
        with transaction.atomic():
            return admit(provider=provider, proven=proven, actor=actor)
    except (IntegrityError, PeopleQuotaError):
        # The same person's other browser was first: the constraint, or the last place, let one of the two make them.
        if (known := _known(provider, proven)) is None:
            raise
        return known

"""Who is it that a provider vouches for? Matched by (provider, format, subject) exactly; never by e-mail."""

from django.db import IntegrityError, transaction

from brokers.types import SamlIdentity
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import ExternalIdentity, Group, GroupMembership, IdentityProvider, Person
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError

MAX_GROUPS = 500
LONGEST_GROUP = 200


def person_for(*, provider: IdentityProvider, identity: SamlIdentity, actor: Actor) -> Person:
    """Return the person, made at a first sign-in where the provider may do that; name and groups as it says.

    Raises:
        ForbiddenError: unknown here, deactivated, or not of the partner whose provider this is.
    """
    known = _known(provider, identity) or _first_sign_in(provider, identity, actor)
    person = known.person
    if not person.is_active:
        raise ForbiddenError(f"{person.name} is deactivated.")
    if provider.partner_id is not None and person.partner_id != provider.partner_id:
        # Somebody who changed companies: a partner's provider must not let anybody in as somebody else's. The own
        # company's may vouch for guests: its admins linked them.
        raise ForbiddenError(
            f"{provider.name} doesn't vouch for people of {person.partner or 'the own company'}."
        )
    ExternalIdentity.objects.filter(pk=known.pk).update(last_seen_at=database_now())
    _update(person, provider, identity, actor)
    _sync_groups(person, provider, identity)
    return person


def _known(provider: IdentityProvider, identity: SamlIdentity) -> ExternalIdentity | None:
    return (
        ExternalIdentity.objects.select_related("person")
        .filter(provider=provider, subject_format=identity.name_id_format, subject=identity.name_id)
        .first()
    )


def _first_sign_in(provider: IdentityProvider, identity: SamlIdentity, actor: Actor) -> ExternalIdentity:
    try:
        with transaction.atomic():
            return _admit(provider, identity, actor)
    except IntegrityError:
        # The same person's other browser was first: the constraint let one of the two make the person.
        if (known := _known(provider, identity)) is None:
            raise
        return known


def _admit(provider: IdentityProvider, identity: SamlIdentity, actor: Actor) -> ExternalIdentity:
    if not provider.admits_people:
        raise ForbiddenError(f"{provider.name} vouches for somebody who is not known here.")
    now = database_now()
    person = Person.objects.admit(
        name=_attribute(identity, provider.name_attribute) or identity.name_id,
        email=_attribute(identity, provider.email_attribute),
        partner=provider.partner,
    )
    known = ExternalIdentity.objects.create(
        provider=provider,
        person=person,
        subject=identity.name_id,
        subject_format=identity.name_id_format,
        last_seen_at=now,
    )
    record(
        Entry(
            type=EventType.PERSON_ADMITTED,
            at=now,
            actor=actor,
            person_id=person.pk,
            details={"provider": provider.slug, "subject": identity.name_id, "name": person.name},
        )
    )
    return known


def _update(person: Person, provider: IdentityProvider, identity: SamlIdentity, actor: Actor) -> None:
    told = {
        "name": _attribute(identity, provider.name_attribute) or person.name,
        "email": _attribute(identity, provider.email_attribute) or person.email,
    }
    changed = {field: value for field, value in told.items() if getattr(person, field) != value}
    if not changed:
        return
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


def _sync_groups(person: Person, provider: IdentityProvider, identity: SamlIdentity) -> None:
    """Only this provider's own groups: another source's and the portal's stay as they are."""
    names = identity.attributes.get(provider.groups_attribute, ())[:MAX_GROUPS]
    # A longer name is left out: cut short, it would be another group's.
    told = {name for name in names if 1 <= len(name) <= LONGEST_GROUP}
    held = GroupMembership.objects.filter(person=person, group__provider=provider)
    held.exclude(group__name__in=told).delete()
    for name in sorted(told - set(held.values_list("group__name", flat=True))):
        group, _ = Group.objects.get_or_create(provider=provider, name=name)
        GroupMembership.objects.get_or_create(group=group, person=person)


def _attribute(identity: SamlIdentity, name: str) -> str:
    values = identity.attributes.get(name, ())
    # One line: it stands in logs, mails and the audit trail.
    return " ".join(values[0].split())[:200] if values else ""

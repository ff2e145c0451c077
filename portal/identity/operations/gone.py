"""Gone at the source, and back again: what a sync, SCIM or a check at issue learned of one identity.

Gone: sessions in the portal end, API tokens die, grants end with their live sessions cut, in one transaction. Back:
the person may sign in again, and nothing else is given back.
"""

from uuid import UUID

from django.db import transaction

from portal.access.operations.grants.deactivate_person import deactivate_person, reactivate_person
from portal.access.operations.grants.end_with_group import end_what_groups_gave
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import ExternalIdentity, GroupMembership, Person, SignIn
from portal.directory.vouching import counting_identities
from portal.identity.operations.end_sign_ins import end_sign_ins
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now


def person_gone(*, identity_id: UUID, why: str, actor: Actor) -> bool:
    """Note that the provider no longer vouches for this identity; `why` in a word or two, such as `disabled`.

    The person is deactivated where the provider's word counts everywhere, or nobody else vouches for them; else they
    lose what they held by this provider: its groups, and the sessions that it opened. Returns whether that was news.
    """
    with transaction.atomic():
        identity = _lock(identity_id)
        if identity.gone_at is not None:
            return False
        person, provider = identity.person, identity.provider
        now = database_now()
        ExternalIdentity.objects.filter(pk=identity.pk).update(gone_at=now, gone_why=why[:40])
        _record(EventType.IDENTITY_GONE, identity, actor, why=why)
        others = counting_identities(person.pk).exclude(pk=identity.pk)
        # A partner's word counts everywhere for its own people; for a guest it is about what they hold by it.
        counts = provider.gone_everywhere and provider.partner_id in {None, person.partner_id}
        if person.is_active and (counts or not others.exists()):
            deactivate_person(person_id=person.pk, reason=f"{why} at {provider.name}"[:300], actor=actor)
            Person.objects.filter(pk=person.pk).update(deactivated_by_provider=provider)
        held = GroupMembership.objects.filter(person=person, group__provider=provider)
        lost = list(held.values_list("group_id", flat=True))
        held.delete()
        if lost:
            end_what_groups_gave(person_id=person.pk, group_ids=lost, actor=actor)
        end_sign_ins(SignIn.objects.filter(identity=identity), why=why, actor=actor)
    return True


def person_back(*, identity_id: UUID, actor: Actor) -> bool:
    """Note that the provider vouches for this identity again. Returns whether that was news.

    Whom this provider's word had deactivated may sign in again; whom an admin deactivated may not.

    Raises:
        PeopleQuotaError: they would be active again, and their company has as many active people as it may; nothing
            is changed, so that it can be told again.
    """
    with transaction.atomic():
        identity = _lock(identity_id)
        now = database_now()
        if identity.gone_at is None:
            return False
        ExternalIdentity.objects.filter(pk=identity.pk).update(gone_at=None, gone_why="", confirmed_at=now)
        _record(EventType.IDENTITY_BACK, identity, actor)
        person = identity.person
        if not person.is_active and person.deactivated_by_provider_id == identity.provider_id:
            reactivate_person(
                person_id=person.pk, reason=f"back at {identity.provider.name}"[:300], actor=actor
            )
    return True


def _lock(identity_id: UUID) -> ExternalIdentity:
    """Return the identity once its person's row is locked: people come first in the order of locks."""
    person = ExternalIdentity.objects.values_list("person_id", flat=True).get(pk=identity_id)
    list(Person.objects.select_for_update(no_key=True).filter(pk=person).values_list("pk"))
    return ExternalIdentity.objects.select_related("person", "provider").get(pk=identity_id)


def _record(event: EventType, identity: ExternalIdentity, actor: Actor, **more: str) -> None:
    record(
        Entry(
            type=event,
            at=database_now(),
            actor=actor,
            person_id=identity.person_id,
            details={"provider": identity.provider.slug, "subject": identity.subject, **more},
        )
    )

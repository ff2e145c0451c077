"""One person, several identities: a second one is linked by both proofs, here and there. Never by e-mail."""

from django.db import IntegrityError, transaction

from brokers.types import ProvenIdentity
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import ExternalIdentity, IdentityProvider, Person
from portal.identity.operations.complete_sign_in import Once, remember
from portal.identity.operations.fresh import check_fresh
from portal.identity.operations.keep_groups import keep_groups
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError


def check_may_link(*, person: Person, actor: Actor) -> None:
    """Refuse unless `actor` is that person, at a browser, freshly signed in: asked before the browser is sent away.

    Raises:
        ForbiddenError: somebody else, by a token, or an old sign-in (NotFreshError).
    """
    if actor.kind != ActorKind.PERSON or actor.person_id != person.pk:
        raise ForbiddenError("Only the person who asked can link an identity, at the same browser.")
    check_fresh(actor)


def link_identity(
    *,
    provider: IdentityProvider,
    proven: ProvenIdentity,
    person: Person,
    actor: Actor,
    once: Once | None = None,
) -> ExternalIdentity:
    """Have a second provider's word count for a person who proved both: who they are here, and who they are there.

    `person`: who asked, by the pending sign-in; `actor`: who is signed in at the browser that came back.

    Raises:
        SignInRefusedError: what proved it counted before.
        ForbiddenError: somebody else, an old sign-in (NotFreshError), deactivated, a provider that is switched off,
            or another company's.
        ConflictError: the identity is known already: this person's, or somebody else's.
    """
    check_may_link(person=person, actor=actor)
    try:
        with transaction.atomic():
            if once is not None:
                remember(provider, once)
            return _link(provider, proven, person, actor)
    except IntegrityError:
        # Another browser was first: the constraint let one of the two have it.
        raise ConflictError(f"This identity at {provider.name} was linked a moment ago.") from None


def _link(
    provider: IdentityProvider, proven: ProvenIdentity, person: Person, actor: Actor
) -> ExternalIdentity:
    # The person first, in the order of locks: nobody is deactivated, or moves to another company, meanwhile.
    person = Person.objects.select_for_update(no_key=True, of=("self",)).get(pk=person.pk)
    _check_vouches_for(IdentityProvider.objects.get(pk=provider.pk), person)
    known = ExternalIdentity.objects.filter(
        provider=provider, subject_format=proven.subject_format, subject=proven.subject
    ).first()
    if known is not None:
        theirs = "yours already" if known.person_id == person.pk else "somebody else's here"
        raise ConflictError(f"This identity at {provider.name} is {theirs}; nothing was changed.")
    now = database_now()
    made = ExternalIdentity.objects.create(
        provider=provider,
        person=person,
        subject=proven.subject,
        subject_format=proven.subject_format,
        login=proven.login[:256],
        linked_at=now,
        last_seen_at=now,
        confirmed_at=now,
    )
    if proven.groups is not None:
        keep_groups(person=person, provider=provider, told=proven.groups, actor=actor)
    record_identity(EventType.IDENTITY_LINKED, made, actor)
    return made


def _check_vouches_for(provider: IdentityProvider, person: Person) -> None:
    if not person.is_active:
        raise ForbiddenError(f"{person.name} is deactivated.")
    if not provider.is_enabled:
        raise ForbiddenError(f"{provider.name} is switched off.")
    if provider.partner_id is not None and provider.partner_id != person.partner_id:
        raise ForbiddenError(f"{provider.name} vouches for its own company's people only.")


def record_identity(event: EventType, identity: ExternalIdentity, actor: Actor, **more: str) -> None:
    """Write to the trail what became of an identity."""
    record(
        Entry(
            type=event,
            at=database_now(),
            actor=actor,
            person_id=identity.person_id,
            details={
                "provider": identity.provider.slug,
                "subject": identity.subject,
                "subject_format": identity.subject_format,
                **more,
            },
        )
    )

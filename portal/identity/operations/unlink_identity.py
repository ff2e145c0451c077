"""Take an identity off a person: what came by it goes with it."""

from uuid import UUID

from django.db import transaction

from portal.access.operations.grants.end_with_group import end_what_groups_gave
from portal.access.operations.permissions import person_of
from portal.access.operations.reasons import checked_reason
from portal.audit.events import EventType
from portal.directory.models import (
    ExternalIdentity,
    GroupMembership,
    IdentityProvider,
    Person,
    SignIn,
)
from portal.directory.vouching import counting_identities
from portal.identity.operations.end_sign_ins import end_sign_ins
from portal.identity.operations.fresh import check_fresh
from portal.identity.operations.link_identity import record_identity
from portal.kernel.actor import Actor
from portal.kernel.errors import ForbiddenError, NotFoundError


def unlink_identity(*, identity_id: UUID, actor: Actor, reason: str = "") -> None:
    """Take an identity off a person, with the groups and the sign-ins that came by it.

    One's own: freshly signed in, never the last that counts, and not where that provider tells by itself when people
    leave. Somebody else's: a superuser, with a reason.

    Raises:
        NotFoundError: no such identity, or not the actor's to see.
        ForbiddenError: one's own may not go, or the sign-in is old (NotFreshError).
        InvalidError: a superuser gave no reason, or a longer one than 500 characters.
    """
    with transaction.atomic():
        identity = _lock(identity_id)
        if identity.person_id == actor.person_id:
            _check_may_unlink_own(identity, actor)
        else:
            _check_may_unlink(actor)
            reason = checked_reason(reason)
        _unlink(identity, actor, reason.strip())


def _lock(identity_id: UUID) -> ExternalIdentity:
    """Return the identity once its person is locked."""
    people = Person.objects.select_for_update(no_key=True, of=("self",)).filter(identities=identity_id)
    list(people.values_list("pk"))
    identity = ExternalIdentity.objects.select_related("person", "provider").filter(pk=identity_id).first()
    if identity is None:
        raise NotFoundError("There is no such identity.")
    return identity


def why_kept(identity: ExternalIdentity) -> str:
    """Return why its own person may not take it off; empty when they may.

    Whoever could take off what their company's directory knows them by would outlive their leaving.
    """
    provider = identity.provider
    if identity.is_provisioned or provider.kind == IdentityProvider.Kind.LDAP:
        return f"{provider.name} tells when people leave. Ask an admin."
    if not counting_identities(identity.person_id).exclude(pk=identity.pk).exists():
        return "It is the only way left to sign in. Link another first."
    return ""


def _check_may_unlink_own(identity: ExternalIdentity, actor: Actor) -> None:
    check_fresh(actor)
    if identity.gone_at is not None:
        raise ForbiddenError(f"{identity.provider.name} says that you have left. Ask an admin.")
    if why := why_kept(identity):
        raise ForbiddenError(f"It can't be taken off: {why}")


def _check_may_unlink(actor: Actor) -> None:
    by = None if actor.is_trusted else person_of(actor)
    if not actor.is_trusted and (by is None or not by.is_superuser):
        raise NotFoundError("There is no such identity.")


def _unlink(identity: ExternalIdentity, actor: Actor, reason: str) -> None:
    person, provider = identity.person, identity.provider
    end_sign_ins(SignIn.objects.filter(identity=identity), why="unlinked", actor=actor)
    others = ExternalIdentity.objects.filter(person=person, provider=provider, gone_at=None)
    if not others.exclude(pk=identity.pk).exists():
        held = GroupMembership.objects.filter(person=person, group__provider=provider)
        lost = list(held.values_list("group_id", flat=True))
        held.delete()
        if lost:
            end_what_groups_gave(person_id=person.pk, group_ids=lost, actor=actor)
    record_identity(EventType.IDENTITY_UNLINKED, identity, actor, reason=reason)
    identity.delete()

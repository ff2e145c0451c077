"""Who may do what: the portal's own work and its commands anything, people by their permissions."""

from portal.directory.models import Person
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import ForbiddenError


def person_of(actor: Actor) -> Person | None:
    """Return the person who acts, also by a token; None for anything else, and for who is deactivated."""
    return Person.objects.filter(pk=actor.owner_id, is_active=True).first()


def may(actor: Actor, permission: str) -> bool:
    if actor.is_trusted:
        return True
    person = person_of(actor)
    return person is not None and person.may(permission)


def check_superuser(actor: Actor, refusal: str) -> None:
    """Raise ForbiddenError with the sentence `refusal` unless it is a superuser's own hand, or the portal's.

    For what could make anybody anyone: no permission gives it, and no API token does.
    """
    if actor.is_trusted:
        return
    person = person_of(actor) if actor.kind == ActorKind.PERSON else None
    if person is None or not person.is_superuser:
        raise ForbiddenError(refusal)


def check_may_revoke_any(actor: Actor, refusal: str) -> None:
    """Raise ForbiddenError with the sentence `refusal` unless the actor may revoke whatever there is."""
    if not may(actor, "access.revoke_grant"):
        raise ForbiddenError(refusal)

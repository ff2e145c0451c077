"""Who may do what ends or mends access as a whole: people who may revoke, and the portal's own commands."""

from portal.directory.models import Person
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import ForbiddenError


def check_may_revoke_any(actor: Actor, refusal: str) -> None:
    """Raise ForbiddenError with the sentence `refusal` unless the actor may revoke whatever there is."""
    if actor.kind in {ActorKind.COMMAND, ActorKind.SYSTEM}:
        return
    person = Person.objects.filter(pk=actor.owner_id, is_active=True).first()
    if person is None or not person.may("access.revoke_grant"):
        raise ForbiddenError(refusal)

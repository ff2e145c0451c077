"""Whether a grant may be used, by whom, for what, at this moment: asked under the grant's lock."""

from datetime import datetime

from portal.access.models import AwsSession, Grant
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError, ForbiddenError, NotFoundError


def check_may_use(grant: Grant, kind: AwsSession.Kind, actor: Actor, now: datetime) -> None:
    """Refuse unless `actor` is the grant's own person, its window is open and the role gives that kind.

    Raises:
        NotFoundError: it is another's.
        ForbiddenError: person or role is switched off, the contract is over, or the role gives no such kind.
        ConflictError: before the start, or after the end.
    """
    if actor.person_id is None or grant.person_id != actor.person_id:
        raise NotFoundError("There is no such grant.")
    if why := switched_off(grant, now):
        raise ForbiddenError(why)
    if not grant.is_open(now):
        if now < grant.starts_at and grant.ended_at is None:
            raise ConflictError(f"This grant starts only at {grant.starts_at:%Y-%m-%d %H:%M:%S} UTC.")
        raise ConflictError("This grant has ended; ask an admin for a new one.")
    allowed = grant.role.allows_console if kind == AwsSession.Kind.CONSOLE else grant.role.allows_credentials
    if not allowed:
        raise ForbiddenError(f"{grant.role.title} does not allow the {kind.label.lower()}.")


def switched_off(grant: Grant, now: datetime) -> str | None:
    """Return why nothing is issued under any grant like this one now, or None."""
    if not grant.person.is_active or not grant.role.is_enabled:
        return "This access is switched off: ask an admin."
    partner = grant.person.partner
    # The contract may have been shortened since the grant was made.
    if partner is not None and not partner.contract_starts_at <= now < partner.contract_ends_at:
        return f"The contract with {partner.name} is not in force."
    return None

"""Whether a grant may be used, by whom, for what, at this moment: asked under the grant's lock."""

from datetime import datetime
from uuid import UUID

from portal.access.models import AwsSession, Grant
from portal.access.operations.permissions import person_of
from portal.directory.vouching import check_vouched
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError, ForbiddenError, NotFoundError
from portal.kernel.periods import utc_clock


def check_may_use(grant: Grant, kind: AwsSession.Kind, actor: Actor, now: datetime) -> datetime:
    """Refuse unless `actor` is the grant's own person, its window is open and the role gives that kind.

    Returns until when somebody vouches for the person: nothing that is issued may outlive that.

    Raises:
        NotFoundError: it is another's.
        ForbiddenError: person or role is switched off, the partner is suspended, its contract is over, or the
            role gives no such kind.
        SignInTooOldError: nobody vouches for the person any more, until they sign in again.
        ConflictError: before the start, after the end, or between two windows.
    """
    return check_vouched(check_open_to(grant, kind, actor, now), at=now)


def check_open_to(grant: Grant, kind: AwsSession.Kind, actor: Actor, now: datetime) -> UUID:
    """Ask all of it but who vouches for the person; return who that is. Raises as `check_may_use`."""
    if actor.person_id is None or grant.person_id != actor.person_id:
        _check_comes_in_here(grant, actor)
        raise NotFoundError("There is no such grant.")
    if why := switched_off(grant, now):
        raise ForbiddenError(why)
    if not grant.is_open(now):
        raise ConflictError(why_closed(grant, now))
    allowed = grant.role.allows_console if kind == AwsSession.Kind.CONSOLE else grant.role.allows_credentials
    if not allowed:
        raise ForbiddenError(f"{grant.role.title} does not allow the {kind.label.lower()}.")
    return actor.person_id


def _check_comes_in_here(grant: Grant, actor: Actor) -> None:
    """Tell whoever may know of a grant to a partner's account that the portal issues nothing under it."""
    account, person = grant.partner_account, person_of(actor)
    if account is None or person is None:
        return
    is_theirs = person.is_partner_admin and person.partner_id == account.partner_id
    if is_theirs or any(
        person.may(each) for each in ("access.view_grant", "access.make_grant", "access.revoke_grant")
    ):
        raise ForbiddenError(
            f"{account.partner.name} comes in from its own AWS account {account.account_id} under this grant: "
            "the portal issues nothing for it."
        )


def why_closed(grant: Grant, now: datetime) -> str:
    """Say of a grant that is not open at this moment why, and when it opens."""
    if grant.ended_at is not None or now >= grant.ends_at:
        return "This grant has ended; ask an admin for a new one."
    if now < grant.starts_at:
        return f"This grant starts only at {utc_clock(grant.starts_at)}."
    opens = grant.next_period(now)
    words = f"This grant is open {grant.window.describe() if grant.window else 'never'} only"
    return f"{words}; next at {utc_clock(opens.starts_at)}." if opens else f"{words}, and never again."


def switched_off(grant: Grant, now: datetime) -> str | None:
    """Return why nothing is issued under any grant like this one now, or None."""
    if (grant.person is not None and not grant.person.is_active) or not grant.role.is_enabled:
        return "This access is switched off: ask an admin."
    partner = grant.partner
    if partner is not None and partner.suspended_at is not None:
        return (
            f"{partner.name} is suspended: its people get nothing until it is resumed, and then new grants."
        )
    # The contract may have been shortened since the grant was made.
    if partner is not None and not partner.contract_starts_at <= now < whole_second(partner.contract_ends_at):
        return f"The contract with {partner.name} is not in force."
    return None


def issued_until(grant: Grant, now: datetime, *, vouched: datetime) -> datetime:
    """Return when what is issued now ends: with the grant, its window, the contract or the providers' word.

    Whichever is first; of whole seconds, as IAM's dates are. For a grant that check_may_use let pass, which said until
    when the person is `vouched` for.
    """
    until, partner = min(grant.usable_until(now) or now, vouched), grant.partner
    return until if partner is None else min(until, whole_second(partner.contract_ends_at))


def what_ends(grant: Grant, ends_at: datetime, now: datetime, *, vouched: datetime) -> str:
    """Say what it is that ends what was issued now, for whoever gets it."""
    if ends_at == grant.ends_at:
        return "the grant's end"
    if ends_at == grant.usable_until(now):
        return "the window's end"
    return "the age of your sign-in" if ends_at == vouched else "the contract's end"


def whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)

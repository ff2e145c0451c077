"""Who may look at partners and act on them. To everybody else, a partner's own people included, nothing is there."""

from uuid import UUID

from portal.directory.models import Partner, PartnerAccount, Person
from portal.kernel.errors import ForbiddenError, NotFoundError

NOT_THERE = "There is no such partner."


def sees_partners(person: Person) -> bool:
    return person.may("directory.view_partner")


def may_change(person: Person) -> bool:
    return sees_partners(person) and person.may("directory.change_partner")


def may_add(person: Person) -> bool:
    return sees_partners(person) and person.may("directory.add_partner")


def check_sees(person: Person) -> None:
    if not sees_partners(person):
        raise NotFoundError(NOT_THERE)


def check_may(person: Person, permission: str, refusal: str) -> None:
    """Raise NotFoundError for who may not even look, ForbiddenError with the sentence for who may not do this."""
    check_sees(person)
    if not person.may(permission):
        raise ForbiddenError(refusal)


def found(person: Person, slug: str) -> Partner:
    """Return the partner for somebody who may see it. Raises NotFoundError for everybody else."""
    check_sees(person)
    partner = Partner.objects.select_related("sponsor", "deputy").filter(slug=slug).first()
    if partner is None:
        raise NotFoundError(NOT_THERE)
    return partner


def found_to_change(person: Person, slug: str) -> Partner:
    """Return it for somebody who may change it, too. Raises ForbiddenError for who may only look."""
    partner = found(person, slug)
    check_may(person, "directory.change_partner", "You may look at partners, and not change them.")
    return partner


def account_of(partner: Partner, account_id: UUID) -> PartnerAccount:
    """Return an AWS account of that partner's, and of no other's. Raises NotFoundError."""
    account = PartnerAccount.objects.filter(pk=account_id, partner=partner).select_related("partner").first()
    if account is None:
        raise NotFoundError("This partner has no such account.")
    return account

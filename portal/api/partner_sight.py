"""Which partners a caller may read: admins all, a company's own admin their own. To everybody else there are none."""

from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request

from portal.access.models import Grant
from portal.access.operations.permissions import may, person_of
from portal.api.authentication import caller
from portal.directory.models import Partner, PartnerAccount
from portal.kernel.errors import ForbiddenError, NotFoundError

NO_PARTNER = "There is no such partner."
NO_ACCOUNT = "There is no such account of a partner's."
NOBODYS = "Only admins see partners, and a company's own admins theirs."


def sees_all(request: Request) -> bool:
    return may(caller(request), "directory.view_partner")


def check_sees_all(request: Request) -> None:
    """Raise ForbiddenError for whoever is no admin of partners."""
    if not sees_all(request):
        raise ForbiddenError("Only admins of partners may do this.")


def visible_partners(request: Request) -> QuerySet[Partner]:
    """Return what the caller may read. Raises ForbiddenError for somebody who reads of none."""
    partners = Partner.objects.select_related("sponsor", "deputy")
    if sees_all(request):
        return partners
    person = person_of(caller(request))
    if person is None or person.partner_id is None or not person.is_partner_admin:
        raise ForbiddenError(NOBODYS)
    return partners.filter(pk=person.partner_id)


def visible_partner(request: Request, partner_id: UUID) -> Partner:
    """Return one of them. Raises NotFoundError for another's as for none."""
    return _one(request, partner_id)


def visible_account(request: Request, partner_account_id: UUID) -> PartnerAccount:
    accounts = PartnerAccount.objects.select_related("partner").filter(pk=partner_account_id)
    account = accounts.first()
    if account is None:
        raise NotFoundError(NO_ACCOUNT)
    try:
        _one(request, account.partner_id)
    except NotFoundError:
        raise NotFoundError(NO_ACCOUNT) from None
    return account


def grants_of_accounts(partner: Partner) -> QuerySet[Grant]:
    """Return the grants to a partner's own AWS accounts."""
    grants = Grant.objects.filter(partner_account__partner=partner)
    return grants.select_related(
        "role__account", "partner_account__partner", "partner_role__role__account", "granted_by"
    )


def _one(request: Request, partner_id: UUID) -> Partner:
    try:
        partner = visible_partners(request).filter(pk=partner_id).first()
    except ForbiddenError:
        partner = None
    if partner is None:
        raise NotFoundError(NO_PARTNER)
    return partner

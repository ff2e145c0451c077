"""Lock an outside company, or one of its AWS accounts, for whoever may change partners."""

from uuid import UUID

from django.db.models import QuerySet

from portal.access.operations.permissions import may
from portal.directory.models import Partner, PartnerAccount
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError, NotFoundError

NO_PARTNER = "There is no such partner."
NO_ACCOUNT = "There is no such account of a partner's."


def lock_partner(partner_id: UUID, actor: Actor) -> Partner:
    """Return the partner, locked until the transaction ends.

    Raises:
        NotFoundError: there is none, or the actor may not change partners.
    """
    if not may(actor, "directory.change_partner"):
        raise NotFoundError(NO_PARTNER)
    list(_partners().filter(pk=partner_id).values_list("pk"))
    partner = Partner.objects.filter(pk=partner_id).first()
    if partner is None:
        raise NotFoundError(NO_PARTNER)
    return partner


def lock_open_account(partner_account_id: UUID, actor: Actor) -> PartnerAccount:
    """Return the partner's account, locked after its partner: none of its grants is made or extended meanwhile.

    Raises:
        NotFoundError: there is none, or the actor may not change partners.
        ConflictError: it was closed.
    """
    if not may(actor, "directory.change_partner"):
        raise NotFoundError(NO_ACCOUNT)
    list(_partners().filter(aws_accounts=partner_account_id).values_list("pk"))
    accounts = PartnerAccount.objects.select_for_update(no_key=True, of=("self",))
    list(accounts.filter(pk=partner_account_id).values_list("pk"))
    account = PartnerAccount.objects.select_related("partner").filter(pk=partner_account_id).first()
    if account is None:
        raise NotFoundError(NO_ACCOUNT)
    if not account.is_open:
        raise ConflictError(f"{account} was closed already.")
    return account


def _partners() -> QuerySet[Partner]:
    return Partner.objects.select_for_update(no_key=True, of=("self",))

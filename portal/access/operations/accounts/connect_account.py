"""Add an AWS account of the company's own, with what its roles are to be called. Nothing is asked of the account."""

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from brokers.types import Partition
from portal.access.operations.permissions import may
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.catalog.models import AwsAccount
from portal.directory.models import PartnerAccount
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError, InvalidError


@dataclass(frozen=True, slots=True)
class AccountOrder:
    """An account to connect. `account_id`: 12 digits; spaces and dashes between them are taken out."""

    name: str
    account_id: str
    partition: Partition = Partition.AWS
    lets_partners_in: bool = True


def connect_account(*, order: AccountOrder, aws: AwsPorts, actor: Actor) -> AwsAccount:
    """Add the account, with the names of the roles that the templates make.

    In the hub's own account there is no revoker: the hub writes there itself.

    Raises:
        ForbiddenError: the actor may not add accounts.
        InvalidError: names the field and what is allowed; a number or a name that is taken, or a partner's account.
    """
    if not may(actor, "catalog.add_awsaccount"):
        raise ForbiddenError("Only somebody who looks after AWS accounts can connect one.")
    number = order.account_id.replace("-", "").replace(" ", "").strip()
    account = AwsAccount(name=order.name.strip(), account_id=number, partition=order.partition.value)
    _check(account)
    roles = aws.partners.accounts.roles(order.partition, number)
    if not _is_hubs_own(number, aws):
        account.revoker_role_arn = roles.revoker_arn
    if order.lets_partners_in:
        account.provisioner_role_arn = roles.provisioner_arn
    with transaction.atomic():
        try:
            with transaction.atomic():
                account.save(force_insert=True)
        except IntegrityError:
            raise InvalidError("This account was connected just now.", field="account_id") from None
        details = {"record": "AWS account", "id": str(account.pk), "name": str(account)}
        record(Entry(type=EventType.RECORD_ADDED, at=database_now(), actor=actor, details=details))
    return account


def _check(account: AwsAccount) -> None:
    try:
        account.full_clean()
    except ValidationError as error:
        field, texts = next(iter(error.message_dict.items()))
        raise InvalidError(" ".join(texts), field=field) from None
    if PartnerAccount.objects.filter(account_id=account.account_id, closed_at=None).exists():
        raise InvalidError(
            "This is a partner's own account: the portal does nothing in it.", field="account_id"
        )


def _is_hubs_own(account_id: str, aws: AwsPorts) -> bool:
    try:
        return aws.partners.hub_arn().split(":")[4] == account_id
    except BrokerError:  # the check says so, with what to do
        return False

"""What stands under the portal's path in an account of ours and belongs to nothing: roles without a row, old twins."""

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.db import transaction

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from brokers.types import DriftKind, ListedRole, RoleDifference
from portal.access.lifecycle import PartnerRoleState, ProofState
from portal.access.models import ExternalIdProof, PartnerRole, RoleDrift
from portal.access.operations.drift.record_drift import WHOLE, WITH, end_drifts, write_drifts
from portal.access.operations.running.hold import is_held
from portal.catalog.models import AwsAccount
from portal.directory.models import PartnerAccount
from portal.kernel.clock import database_now

log = logging.getLogger(__name__)
PAUSE = 2.0
# IAM may list a role for a while after it said that there is none.
JUST_GONE = timedelta(minutes=2)


def find_orphans(account: AwsAccount, aws: AwsPorts) -> str:
    """List the path twice, and write down what is nobody's; twins that no proof needs any more are taken away.

    Returns why AWS gave no answer, or nothing. No transaction may be open.
    """
    try:
        strangers = _strangers(account, aws)
        if strangers:
            time.sleep(PAUSE)
            again = _strangers(account, aws)
            strangers = [each for each in again if each in strangers]
        strangers = _without_twins(account, strangers, aws)
    except BrokerError as problem:
        log.warning("the roles for partners in %s could not be listed: %s", account, problem)
        return str(problem)
    _record(account, strangers)
    return ""


def _strangers(account: AwsAccount, aws: AwsPorts) -> Sequence[ListedRole]:
    """Return the roles that no row says should be there. What is being taken away is its row's matter."""
    listed = aws.partners.roles.list(account.place)
    rows = PartnerRole.objects.filter(role__account=account, role__name__in=[each.name for each in listed])
    rows = rows.exclude(state=PartnerRoleState.GONE.value, gone_at__lt=database_now() - JUST_GONE)
    known = set(rows.values_list("role__name", flat=True))
    return [each for each in listed if each.name not in known]


def _without_twins(
    account: AwsAccount, strangers: Sequence[ListedRole], aws: AwsPorts
) -> Sequence[ListedRole]:
    """Return what is no twin of the portal's; take away those that a worker which died has left."""
    if not strangers:
        return strangers
    twins = {aws.partners.twin_name(pk): pk for pk in PartnerAccount.objects.values_list("pk", flat=True)}
    found = [each for each in strangers if each.name in twins]
    asked = ExternalIdProof.objects.filter(account=account, state=ProofState.ASKED.value)
    needed = set(asked.values_list("partner_account_id", flat=True))
    for twin in found:
        if twins[twin.name] not in needed and not is_held():
            log.warning("the twin %s in %s is left over: it is taken away", twin.name, account)
            aws.partners.external_ids.remove_twin(account.place, twin.name)
    return [each for each in strangers if each not in found]


def _record(account: AwsAccount, strangers: Sequence[ListedRole]) -> None:
    with transaction.atomic():
        # One after the other: two that look at once would write the same.
        list(AwsAccount.objects.select_for_update(no_key=True).filter(pk=account.pk).values_list("pk"))
        now = database_now()
        rows = _rows_of(account, strangers)
        for each in strangers:
            row = rows.get(each.name)
            if row is None or row.state == PartnerRoleState.GONE:
                write_drifts(account, each.name, row, [_orphan(each, row)], at=now)
        left = RoleDrift.objects.filter(account=account, kind=DriftKind.ORPHANED.value, over_at=None)
        gone = left.exclude(role_name__in=[each.name for each in strangers]).select_related(*WITH)
        end_drifts(gone.select_for_update(no_key=True, of=("self",)).order_by("pk"), at=now)


def _rows_of(account: AwsAccount, strangers: Sequence[ListedRole]) -> Mapping[str, PartnerRole]:
    rows = PartnerRole.objects.filter(
        role__account=account, role__name__in=[each.name for each in strangers]
    ).select_related("role", "grant__partner_account__partner", "grant__person__partner")
    return {row.role.name: row for row in rows}


def _orphan(role: ListedRole, row: PartnerRole | None) -> RoleDifference:
    why = (
        "The portal made no role of this name, or doesn't know of it any more."
        if row is None
        else "The grant's role was gone, and one of its name is there again."
    )
    found = {"arn": role.arn, "unique_id": role.unique_id}
    return RoleDifference(WHOLE, DriftKind.ORPHANED, None, found, why)

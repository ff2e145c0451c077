"""Find what of the partners' roles in AWS is not as it should be: each standing role every few minutes, or on a click.

1. Claim roles whose look is due, so that two workers look at different ones.
2. With no transaction open ask AWS (look_at_roles.py).
3. Under each row's lock record it, if the role is as it was: what is worked on is left alone until it is done.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from brokers.ports import AwsPorts
from brokers.types import RoleDifference
from portal.access.lifecycle import PartnerRoleState, ProofKind
from portal.access.models import ExternalIdProof, PartnerRole, RoleDrift
from portal.access.operations.drift.find_orphans import find_orphans
from portal.access.operations.drift.look_at_roles import look_twice
from portal.access.operations.drift.record_drift import end_moot_drifts, write_drifts
from portal.access.operations.permissions import may
from portal.access.operations.running.hold import is_held
from portal.catalog.models import AwsAccount
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import NotFoundError

BATCH = 20
# How long after a look the next one is due, about; and after one that AWS gave no answer to.
LOOK_AGAIN = timedelta(minutes=5)
# Longer than a batch may take; what a worker that died had claimed is due again after this.
CLAIM = timedelta(minutes=2)
# No batch of a run begins later: the next run is a minute away.
LOOK_FOR = 45.0
_WITH = ("role__account", "grant__partner_account__partner", "grant__person__partner")


@dataclass(frozen=True, slots=True)
class Checked:
    """How many roles were looked at, what is not as it should be, and why something could not be looked at."""

    looked_at: int
    drifts: Sequence[RoleDrift]
    problem: str = ""


def check_due_roles(*, aws: AwsPorts) -> int:
    """Look at the roles whose turn it is, and at the accounts' paths by turns. Returns how many roles were compared.

    In hold nothing is said of AWS by itself: which roles should stand is what is in doubt. 0.
    """
    if is_held():
        return 0
    with transaction.atomic():
        end_moot_drifts(at=database_now())
    looked, until = 0, time.monotonic() + LOOK_FOR
    while time.monotonic() < until and (rows := _claim()):
        looked += _look_and_record(rows, aws)[0]
    for account in _accounts_in_turn(database_now()):
        if time.monotonic() < until:
            find_orphans(account, aws)
    return looked


def check_account_roles(*, account_id: UUID, aws: AwsPorts, actor: Actor) -> Checked:
    """Look at all standing roles of one account of ours now, and at what else stands under the portal's path there.

    Raises:
        NotFoundError: there is no such account, or the actor may not see partners.
    """
    account = AwsAccount.objects.filter(pk=account_id).first()
    if account is None or not may(actor, "directory.view_partner"):
        raise NotFoundError("There is no such account.")
    rows = list(_calm(database_now()).filter(role__account=account).select_related(*_WITH).order_by("pk"))
    looked, problem = _look_and_record(rows, aws)
    problem = find_orphans(account, aws) or problem
    drifts = RoleDrift.objects.filter(account=account, over_at=None).order_by("role_name", "part")
    return Checked(looked, list(drifts), problem)


def due_for_a_look(*, at: datetime) -> QuerySet[PartnerRole]:
    """Return the standing roles whose look is due and that nobody works on."""
    return _calm(at).filter(check_at__lte=at)


def _calm(at: datetime) -> QuerySet[PartnerRole]:
    """Roles that stand, and of which nothing is to be written now."""
    # An old ExternalId's time is over, and its statement is about to go from the roles: no worker began that yet.
    over = ExternalIdProof.objects.filter(
        partner_account=OuterRef("grant__partner_account"),
        kind=ProofKind.WINDOW_OVER.value,
        due_at__lte=at,
        attempts=0,
    )
    return PartnerRole.objects.filter(
        ~Exists(over),
        Q(due_at=None) | Q(due_at__gt=at),
        Q(leased_until=None) | Q(leased_until__lte=at),
        state=PartnerRoleState.STANDING.value,
    )


def _claim() -> Sequence[PartnerRole]:
    with transaction.atomic():
        now = database_now()
        due = due_for_a_look(at=now).select_for_update(skip_locked=True, no_key=True, of=("self",))
        rows = list(due.select_related(*_WITH).order_by("check_at", "pk")[:BATCH])
        PartnerRole.objects.filter(pk__in=[row.pk for row in rows]).update(check_at=now + CLAIM)
    return rows


def _look_and_record(rows: Sequence[PartnerRole], aws: AwsPorts) -> tuple[int, str]:
    """Return how many looks counted, and why not all could be made."""
    seen, problem = look_twice(rows, aws)
    return sum(_record(row, differences) for row, differences in seen.items()), problem


def _record(before: PartnerRole, differences: Sequence[RoleDifference]) -> bool:
    """Write what was seen of one role; False where it was worked on meanwhile, so that the look says nothing."""
    with transaction.atomic():
        list(PartnerRole.objects.select_for_update(no_key=True).filter(pk=before.pk).values_list("pk"))
        now = database_now()
        row = _calm(now).filter(pk=before.pk).select_related(*_WITH).first()
        if row is None or _mark(row) != _mark(before):
            return False
        write_drifts(row.role.account, row.role.name, row, differences, at=now)
        wait = LOOK_AGAIN * random.uniform(0.8, 1.2)  # noqa: S311  # spread over time, no secret
        PartnerRole.objects.filter(pk=row.pk).update(checked_at=now, check_at=now + wait)
    return True


def _mark(row: PartnerRole) -> tuple[object, ...]:
    """What changes with every work on the role, and with its grant's window."""
    return row.wanted, row.written, row.fence, row.grant.ends_at, row.role.unique_id


def _accounts_in_turn(at: datetime) -> Sequence[AwsAccount]:
    """Return the accounts whose path is looked at in this minute: each in one of five, without a row that says so."""
    minute, turns = int(at.timestamp()) // 60, int(LOOK_AGAIN.total_seconds()) // 60
    connected = AwsAccount.objects.exclude(provisioner_role_arn="").order_by("pk")
    return [account for account in connected if (account.pk.int + minute) % turns == 0]

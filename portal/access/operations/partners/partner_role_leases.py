"""The lease of one partner's role, so that one worker works on it at a time, and the fencing number that goes with it.

AWS knows no fence: a call of a holder that was overtaken can land late. So a role whose last holder never gave its
lease back is not called gone before such a call has landed or died.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce

from portal.access.lifecycle import PartnerRoleState
from portal.access.models import PartnerRole
from portal.kernel.clock import database_now

# Longer than one call to AWS may take by its time-outs; it is renewed before each step. A killed worker's lease runs
# out within it.
LEASE = timedelta(seconds=45)
# How long after it was overtaken a holder's call may still land.
LATE_CALL = timedelta(seconds=45)
_WITH = ("role__account", "grant__role__account", "grant__partner_account__partner")


@dataclass(frozen=True, slots=True)
class RoleLease:
    """Held while the row's fence is still this one. `row`: as it was when the lease was taken."""

    row: PartnerRole
    fence: int


def take_role_lease(row_id: UUID, holder: str) -> RoleLease | None:
    """Return the lease, or None while another holds it, or is about to, or where nothing is due any more."""
    with transaction.atomic():
        free = PartnerRole.objects.select_for_update(skip_locked=True, no_key=True)
        if not list(free.filter(pk=row_id).values_list("pk")):
            return None
        row = PartnerRole.objects.select_related(*_WITH).get(pk=row_id)
        now = database_now()
        if (
            row.due_at is None
            or row.due_at > now
            or (row.leased_until is not None and row.leased_until > now)
        ):
            return None
        if row.leased_until is not None:
            row.unsure_until = now + LATE_CALL
        row.fence += 1
        row.holder, row.leased_until = holder[:80] or "somebody", now + LEASE
        row.save(update_fields=["fence", "holder", "leased_until", "unsure_until"])
    return RoleLease(row, row.fence)


def renew_role_lease(lease: RoleLease) -> bool:
    """Hold it for another while; False when it was overtaken, and nothing may be asked of AWS any more."""
    return bool(_held(lease).update(leased_until=database_now() + LEASE))


def lock_leased(lease: RoleLease) -> PartnerRole | None:
    """In the caller's transaction: return the row as it is now, locked. None when the lease was overtaken.

    Then nothing may be recorded. But what was done may have landed over what the newer holder did: AWS is looked at
    again, unless the role is gone, which the caller must see to.
    """
    list(PartnerRole.objects.select_for_update(no_key=True).filter(pk=lease.row.pk).values_list("pk"))
    row = PartnerRole.objects.select_related(*_WITH).get(pk=lease.row.pk)
    if row.fence == lease.fence:
        return row
    if row.state != PartnerRoleState.GONE:
        bring_up(PartnerRole.objects.filter(pk=row.pk), at=database_now())
    return None


def give_back(row: PartnerRole, **facts: Any) -> None:
    """In the caller's transaction, for a row of `lock_leased`: free it, and write what became of it."""
    PartnerRole.objects.filter(pk=row.pk).update(leased_until=None, holder="", **facts)


def bring_up(rows: QuerySet[PartnerRole], *, at: datetime) -> int:
    """Have roles that are not gone brought to what they should be by now; in the caller's transaction.

    To be called by whoever changed what a role should be: its window, its ExternalIds, what was found in AWS.
    """
    living = rows.exclude(state=PartnerRoleState.GONE.value)
    since = Coalesce("behind_since", Value(at))
    return living.update(wanted=F("wanted") + 1, behind_since=since, due_at=at, attempts=0)


def _held(lease: RoleLease) -> QuerySet[PartnerRole]:
    return PartnerRole.objects.filter(pk=lease.row.pk, fence=lease.fence)

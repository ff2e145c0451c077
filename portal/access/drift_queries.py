"""What admins look at of differences between partners' roles in AWS and what these should be. Read-only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Case, Count, IntegerField, Min, Value, When

from brokers.types import DriftKind
from portal.access.lifecycle import DriftState, PartnerRoleState
from portal.access.models import PartnerRole, RoleDrift
from portal.access.partner_queries import MOST, places_for_partners
from portal.catalog.models import AwsAccount

_WITH = ("account", "decided_by", "partner_role__role", "partner_role__grant__partner_account__partner")


@dataclass(frozen=True, slots=True)
class Watched:
    """An account of ours in which roles stand for partners. `looked_at`: since when every one of them was looked at."""

    account: AwsAccount
    roles: int
    looked_at: datetime | None


def open_drifts(*, limit: int) -> tuple[Sequence[RoleDrift], int]:
    """Return what is not over: what somebody must decide first, of that what may let in more; and how many, capped."""
    rows = RoleDrift.objects.filter(over_at=None).select_related(*_WITH)
    states = Case(
        When(state=DriftState.OPEN.value, then=Value(0)),
        When(state=DriftState.REPAIRING.value, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    mild = [DriftKind.CHANGED.value, DriftKind.MISSING.value]
    kinds = Case(When(kind__in=mild, then=Value(1)), default=Value(0), output_field=IntegerField())
    ordered = rows.order_by(states, kinds, "account__name", "role_name", "part")
    return list(ordered[:limit]), rows.order_by()[: MOST + 1].count()


def find_drift(drift_id: UUID) -> RoleDrift | None:
    return RoleDrift.objects.select_related(*_WITH).filter(pk=drift_id).first()


def watched_accounts() -> Sequence[Watched]:
    standing = PartnerRole.objects.filter(state=PartnerRoleState.STANDING.value).order_by()
    rows = standing.values("role__account").annotate(n=Count("pk"), oldest=Min("checked_at"))
    counted = {row["role__account"]: (row["n"], row["oldest"]) for row in rows}
    # Of those that AWS has shown, one that nobody looked at yet is not told by the oldest look.
    new = set(standing.filter(checked_at=None).values_list("role__account", flat=True).distinct())
    found = []
    for account in places_for_partners():
        number, oldest = counted.get(account.pk, (0, None))  # type: ignore[call-overload]  # the stubs say str
        found.append(Watched(account, number, None if account.pk in new else oldest))
    return found

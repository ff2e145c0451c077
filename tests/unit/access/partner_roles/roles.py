"""One grant to a partner's account, its role standing in AWS, and time that passes."""

from collections.abc import Callable
from datetime import timedelta

from django.db.models import F

from portal.access.models import Grant, PartnerRole
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.partners.partner_role_leases import (
    RoleLease,
)
from portal.access.operations.partners.record_partner_roles import (
    record_failing,
    record_waiting,
)
from tests.fakes import UNAVAILABLE, FakeAws
from tests.partner_world import (
    SHELL,
)

MADE = ["grant.made", "partner_role.made"]
TAKEN = ["grant.revoked", "partner_role.closed", "partner_role.gone"]
MINUTE = timedelta(minutes=1)
RECORDS: tuple[Callable[[RoleLease], None], ...] = (
    lambda lease: record_failing(lease, UNAVAILABLE),
    lambda lease: record_waiting(lease, "something"),
)


def revoke(grant: Grant) -> None:
    revoke_grant(grant_id=grant.pk, reason="over", actor=SHELL)


def role_calls(aws: FakeAws) -> list[str]:
    return [name for name, _ in aws.calls if name in {"make_role", "close_role", "delete_role", "read_role"}]


def pass_time(row: PartnerRole, by: timedelta) -> None:
    """Have all moments of the work lie so much further back."""
    row.refresh_from_db()
    moments = (
        "asked_at",
        "behind_since",
        "due_at",
        "leased_until",
        "unsure_until",
        "closing_at",
        "closed_at",
    )
    for name in moments:
        if (moment := getattr(row, name)) is not None:
            setattr(row, name, moment - by)
    row.save()


def overtake(row: PartnerRole) -> None:
    """Have another worker hold the lease."""
    PartnerRole.objects.filter(pk=row.pk).update(fence=F("fence") + 1)

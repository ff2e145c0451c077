"""Workers pull: each takes the lease of one partner's role with work due, does it, and takes the next.

What is to go comes before what is to be made. By turns among our AWS accounts, so that one that answers nothing holds
a few workers at most, and each of them tries it once before it turns to the others.
"""

import logging
from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, F, Q, Value, When, Window
from django.db.models.functions import RowNumber

from brokers.errors import AwsUnavailable, BrokerError
from brokers.ports import AwsPorts
from portal.access.lifecycle import PartnerRoleState
from portal.access.models import PartnerRole
from portal.access.operations.partners.do_partner_role import do_partner_role
from portal.access.operations.partners.partner_role_leases import RoleLease, take_role_lease
from portal.access.operations.partners.record_partner_roles import record_failing
from portal.access.operations.running.hold import is_held
from portal.kernel.clock import database_now

log = logging.getLogger(__name__)
# How many roles of one account may be worked on at once, by all workers together.
ACCOUNT_SHARE = 3
LOOKED_AT = 200
_making_last = Case(When(state=PartnerRoleState.CLOSING.value, then=Value(0)), default=Value(1))


def work_partner_roles(*, aws: AwsPorts, holder: str, at_most: int = 1000) -> int:
    """Work off what is due until nothing is left. Returns how many roles were worked on without an error.

    In hold nothing is written to AWS: 0.
    """
    done = 0
    silent: set[UUID] = set()
    for _ in range(at_most):
        lease = None if is_held() else _next_lease(holder, silent)
        if lease is None:
            break
        try:
            problem = do_partner_role(lease, aws)
        except Exception:  # the row says that it failed; the other roles go on
            log.exception("%s was not brought to AWS", lease.row.role.arn)
            continue
        done += problem is None
        if isinstance(problem, AwsUnavailable):
            silent.add(lease.row.role.account_id)
    return done


def fail_due_partner_roles(*, problem: BrokerError, holder: str) -> None:
    """Write down for all that is due that AWS can't even be asked, such as without hub credentials."""
    for row_id in due_partner_roles(at=database_now()):
        lease = take_role_lease(row_id, holder)
        if lease is not None:
            record_failing(lease, problem)


def due_partner_roles(
    *, at: datetime, limit: int = LOOKED_AT, last: Collection[UUID] = frozenset()
) -> list[UUID]:
    """Return the roles that have work due and no holder, within each account's share, as they are to be done.

    `last`: accounts whose turn comes after all others'.
    """
    at_work: Counter[Any] = Counter(
        PartnerRole.objects.filter(leased_until__gt=at).values_list("role__account_id", flat=True).order_by()
    )
    full = [account for account, number in at_work.items() if number >= ACCOUNT_SHARE]
    free = Q(leased_until=None) | Q(leased_until__lte=at)
    turn = Window(
        RowNumber(),
        partition_by=F("role__account_id"),
        order_by=[_making_last.asc(), F("due_at").asc(), "pk"],
    )
    rows = (
        PartnerRole.objects.filter(free, due_at__lte=at)
        .exclude(role__account__in=full)
        .annotate(turn=turn, late=_making_last)
        .filter(turn__lte=ACCOUNT_SHARE)
        .order_by("turn", "late", "due_at")
        .values_list("pk", "role__account_id", "turn", "late", "due_at")[:limit]
    )
    places = [
        ((account in last, at_work[account] + turn, late, due_at), pk)
        for pk, account, turn, late, due_at in rows
        if at_work[account] + turn <= ACCOUNT_SHARE
    ]
    return [pk for _, pk in sorted(places, key=lambda place: place[0])]


def _next_lease(holder: str, silent: Collection[UUID]) -> RoleLease | None:
    for row_id in due_partner_roles(at=database_now(), last=silent):
        lease = take_role_lease(row_id, holder)
        if lease is not None:
            return lease
    return None

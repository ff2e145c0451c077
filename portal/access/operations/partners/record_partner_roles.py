"""What became of the work on a partner's role: recorded under the row's lock, while the fence is ours."""

import random
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from brokers.errors import BrokerError
from brokers.types import StandingRole
from portal.access.lifecycle import PartnerRoleState
from portal.access.models import PartnerRole
from portal.access.operations.partners.partner_role_leases import RoleLease, give_back, lock_leased
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.catalog.models import AwsRole
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now

FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
# What stands is compared with AWS about once a minute.
CHECK_AGAIN = timedelta(seconds=60)
# Who waits for something else looks again after a tenth of the time that it has waited already.
PATIENCE = 0.1
MAKER = Actor.system("partners' roles")


def record_standing(lease: RoleLease, shown: StandingRole) -> bool:
    """Record that AWS showed the role as it was to be when the lease was taken. False when that was overtaken.

    Where its grant has ended meanwhile, or it is to be another by now, the work goes on.
    """
    with transaction.atomic():
        row = lock_leased(lease)
        if row is None:
            return False
        now = database_now()
        AwsRole.objects.filter(pk=row.role_id).exclude(unique_id=shown.unique_id).update(
            unique_id=shown.unique_id
        )
        if row.state == PartnerRoleState.CLOSING:
            give_back(row)
            return True
        is_first, was_behind = row.state == PartnerRoleState.MAKING, row.written < lease.row.wanted
        is_done = row.wanted == lease.row.wanted
        # An older call may yet land over this one: then it is written once more.
        unsure_until = row.unsure_until if row.unsure_until is not None and row.unsure_until > now else None
        give_back(
            row,
            state=PartnerRoleState.STANDING.value,
            made_at=row.made_at or now,
            written=lease.row.wanted,
            behind_since=None if is_done else row.behind_since,
            due_at=unsure_until if is_done else now,
            unsure_until=unsure_until,
            check_at=now + CHECK_AGAIN if is_first else now,
            attempts=0,
            last_error="",
        )
        if is_first or was_behind:
            event = EventType.PARTNER_ROLE_MADE if is_first else EventType.PARTNER_ROLE_CHANGED
            record(_entry(event, row, now, unique_id=shown.unique_id, seconds=_since(row.behind_since, now)))
    return True


def record_waiting(lease: RoleLease, what_for: str) -> None:
    """Record what must come first, and look again a little later; no failure."""
    with transaction.atomic():
        row = lock_leased(lease)
        if row is None:
            return
        now = database_now()
        if row.wanted != lease.row.wanted:
            give_back(row)
            return
        wait = min(LONGEST_WAIT, max(FIRST_WAIT, PATIENCE * (now - row.asked_at).total_seconds()))
        give_back(row, last_error=what_for[:500], due_at=now + _jitter(wait))


def record_closed(lease: RoleLease, *, was_there: bool) -> bool:
    """Record that nobody gets in any more and that its sessions were cut; the lease is kept. False: overtaken."""
    with transaction.atomic():
        row = lock_leased(lease)
        if row is None:
            return False
        now = database_now()
        PartnerRole.objects.filter(pk=row.pk).update(closed_at=now)
        seconds = _since(row.closing_at, now)
        record(_entry(EventType.PARTNER_ROLE_CLOSED, row, now, was_there=was_there, seconds=seconds))
    return True


def record_gone(lease: RoleLease) -> bool:
    """Record that AWS said that there is no such role, and whether it stays so. False: there is more to do.

    Where a call of a worker that was overtaken may still land, it is looked for once more after that.
    """
    with transaction.atomic():
        row = lock_leased(lease)
        if row is None:
            return False
        now = database_now()
        if row.unsure_until is not None and row.unsure_until > now:
            give_back(row, due_at=row.unsure_until)
            return False
        if row.wanted != lease.row.wanted:
            give_back(row, due_at=now)
            return False
        give_back(
            row,
            state=PartnerRoleState.GONE.value,
            gone_at=now,
            written=row.wanted,
            behind_since=None,
            unsure_until=None,
            due_at=None,
            check_at=None,
            attempts=0,
            last_error="",
        )
        AwsRole.objects.filter(pk=row.role_id).update(is_enabled=False)
        record(_entry(EventType.PARTNER_ROLE_GONE, row, now, seconds=_since(row.closing_at, now)))
    return True


def record_failing(lease: RoleLease, problem: BrokerError) -> None:
    """Record why it did not work, and when it is tried again: with a capped wait, for ever."""
    with transaction.atomic():
        row = lock_leased(lease)
        if row is None:
            return
        now = database_now()
        if row.wanted != lease.row.wanted:  # something else is to be done by now, and soon
            give_back(row)
            return
        attempts = row.attempts + 1
        give_back(row, attempts=attempts, last_error=str(problem)[:500], due_at=now + _wait(attempts))
        if attempts == 1:
            told = {"code": problem.code, "detail": str(problem)[:300]}
            record(_entry(EventType.PARTNER_ROLE_FAILING, row, now, outcome=Outcome.FAILED, **told))


def _since(moment: datetime | None, now: datetime) -> float:
    return round((now - (moment or now)).total_seconds(), 3)


def _wait(attempts: int) -> timedelta:
    return _jitter(min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempts, 10)))


def _jitter(longest: float) -> timedelta:
    return timedelta(seconds=longest * random.uniform(0.5, 1.0))  # noqa: S311  # jitter, not a secret


def _entry(
    event: EventType, row: PartnerRole, now: datetime, *, outcome: Outcome = Outcome.DONE, **details: Any
) -> Entry:
    grant = row.grant
    return Entry(
        type=event,
        at=now,
        actor=MAKER,
        outcome=outcome,
        grant_id=grant.pk,
        role_id=row.role_id,
        partner_id=grant.partner.pk if grant.partner else None,
        details={"role_arn": row.role.arn, "state": row.state, **details},
    )

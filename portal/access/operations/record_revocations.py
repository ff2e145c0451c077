"""What became of an attempt to bring denies to AWS: recorded under the document's lock, while the fence is ours."""

import random
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from brokers.errors import BrokerError
from portal.access.lifecycle import RevocationState
from portal.access.models import Revocation
from portal.access.operations.leases import Lease, give_back
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record_all
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now

FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
REVOKER = Actor.system("revoke")


def record_applied(
    lease: Lease,
    waiting: Collection[Revocation],
    unfit: Mapping[Revocation, BrokerError],
    entries: int,
) -> int:
    """Record what AWS was seen to have, and that it never will name the unfit. Returns how many were applied."""
    with transaction.atomic():
        now = database_now()
        if not give_back(lease, applied_at=now, entries=entries):
            return 0
        rows = _unchanged(waiting)
        now = database_now()
        Revocation.objects.filter(pk__in=[row.pk for row in rows]).update(
            state=RevocationState.APPLIED.value, applied_at=now, last_error="", attempts=F("attempts") + 1
        )
        record_all(
            _entry(
                EventType.REVOCATION_APPLIED,
                row,
                lease,
                now,
                seconds=round((now - row.asked_at).total_seconds(), 3),
                attempts=row.attempts + 1,
            )
            for row in rows
        )
        _write_failures(lease, unfit)
    return len(rows)


def record_failure(lease: Lease, failed: Mapping[Revocation, BrokerError]) -> None:
    """Record why it did not work, and when it is tried again."""
    with transaction.atomic():
        if give_back(lease, recheck_at=database_now() + timedelta(seconds=LONGEST_WAIT)):
            _write_failures(lease, failed)


def record_overtaken(lease: Lease) -> None:
    with transaction.atomic():
        give_back(lease)


def _write_failures(lease: Lease, failed: Mapping[Revocation, BrokerError]) -> None:
    rows = _unchanged(failed.keys())
    now = database_now()
    problems = {row.pk: problem for row, problem in failed.items()}
    alike: dict[tuple[int, str], list[Revocation]] = {}
    for row in rows:
        alike.setdefault((row.attempts, str(problems[row.pk])[:500]), []).append(row)
    for (attempts, why), group in alike.items():
        Revocation.objects.filter(pk__in=[row.pk for row in group]).update(
            state=RevocationState.FAILING.value,
            applied_at=None,
            last_error=why,
            attempts=attempts + 1,
            next_try_at=now + _wait(attempts + 1),
        )
    record_all(
        _entry(
            EventType.REVOCATION_FAILING,
            row,
            lease,
            now,
            outcome=Outcome.FAILED,
            code=problems[row.pk].code,
            detail=str(problems[row.pk])[:300],
        )
        for row in rows
        if row.state == RevocationState.PENDING
    )


def _unchanged(judged: Collection[Revocation]) -> list[Revocation]:
    """Lock the rows anew; one that got another entry meanwhile stays for the next round."""
    written = {row.pk: row.userids for row in judged}
    locked = Revocation.objects.select_for_update(no_key=True, of=("self",)).select_related("grant")
    return [row for row in locked.filter(pk__in=written).order_by("pk") if row.userids == written[row.pk]]


def _wait(attempts: int) -> timedelta:
    """Back off with jitter, capped, for ever."""
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempts, 10))
    return timedelta(seconds=longest * random.uniform(0.5, 1.0))  # noqa: S311  # jitter, not a secret


def _entry(
    event: EventType,
    row: Revocation,
    lease: Lease,
    now: datetime,
    *,
    outcome: Outcome = Outcome.DONE,
    **details: Any,
) -> Entry:
    return Entry(
        type=event,
        at=now,
        actor=REVOKER,
        outcome=outcome,
        grant_id=row.grant_id,
        person_id=row.grant.person_id,
        role_id=row.grant.role_id,
        details={"document": str(lease.document), "entries": row.userids, **details},
    )

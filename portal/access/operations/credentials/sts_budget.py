"""How often each account's STS is asked: a token bucket by the database's clock, so that all processes share it.

Calls go out at SALLYPORT_STS_RATE a second and account, SALLYPORT_STS_BURST at once. While others want some, too, a
tenant (the own company, or one partner) gets an equal share: one's flood leaves room for the next. Where AWS says that
it is asked too often nobody asks for a while, which doubles each time.
"""

import math
import secrets
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from portal.access.models import Grant, StsBudget
from portal.kernel.clock import database_now
from portal.kernel.errors import BusyError
from portal.kernel.prepared import PreparedModels
from portal.kernel.prepared_writes import PreparedInsert, PreparedUpdate
from portal.kernel.tallies import count

ALL, OWN = "", "own"
# How long a caller waits for its turn, in seconds; and for how long who asked counts as wanting some.
PATIENCE = 1.0
WANTS = timedelta(seconds=3)
FIRST_BLOCK = timedelta(seconds=1)
LONGEST_BLOCK = timedelta(seconds=60)
# After so long without another one AWS counts as calm again.
CALM = timedelta(seconds=60)
LONGEST_NAP = 0.25


def take_turn(*, own: Grant | None) -> datetime:
    """Wait a little for leave to ask the STS of a grant's account once; return when that was, by the database's clock.

    Not to be called in a transaction.

    Raises:
        BusyError: it would take longer, or AWS wants to be left alone.
    """
    if own is None:
        return database_now()
    tenant = str(own.holder.partner_id or OWN)
    gives_up = time.monotonic() + PATIENCE
    while True:
        now, wait = _take(own.role.account_id, tenant)
        if not wait:
            return now
        seconds = wait.total_seconds()
        if time.monotonic() + seconds > gives_up:
            count("sts_busy")
            raise BusyError(
                "AWS is asked for credentials too often at this moment. Nothing is wrong with your access.",
                retry_after_seconds=math.ceil(seconds),
            )
        # Not all at the same moment.
        time.sleep(min(seconds, LONGEST_NAP) * (0.75 + secrets.randbelow(500) / 1000))


def note_throttled(account_id: UUID) -> None:
    """AWS said that it is asked too often: have nobody ask for a while, and begin with an empty bucket then."""
    with transaction.atomic():
        everybody = _all_locked(account_id, ALL)[ALL]
        now = database_now()
        if everybody.blocked_until is not None and everybody.blocked_until > now:
            return  # told already: this call was on its way
        is_calm = everybody.blocked_until is None or now - everybody.blocked_until > CALM
        times = 0 if is_calm else everybody.throttled
        everybody.blocked_until = now + min(FIRST_BLOCK * 2 ** min(times, 10), LONGEST_BLOCK)
        everybody.throttled = min(times + 1, 1000)
        everybody.tokens, everybody.filled_at = 0.0, everybody.blocked_until
        everybody.save(update_fields=["blocked_until", "throttled", "tokens", "filled_at"])
    count("sts_throttled")


def _take(account_id: UUID, tenant: str) -> tuple[datetime, timedelta]:
    """Take one if there is one. Returns the time, and for how long to wait where there is none."""
    with transaction.atomic():
        rows = _all_locked(account_id, tenant)
        now = database_now()
        everybody, own = rows.pop(ALL), rows[tenant]
        if everybody.blocked_until is not None and everybody.blocked_until > now:
            return now, everybody.blocked_until - now
        share = 1 / (1 + _others(rows, tenant, now))
        _fill(everybody, now, share=1)
        _fill(own, now, share=share)
        wait = max(_wait(everybody, 1), _wait(own, share) if share < 1 else timedelta())
        if not wait:
            everybody.tokens -= 1
            own.tokens = max(0.0, own.tokens - 1)
        for row in (everybody, own):
            _update.run({"row": row.pk}, tokens=row.tokens, filled_at=row.filled_at)
    return now, wait


def _all_locked(account_id: UUID, tenant: str) -> dict[str, StsBudget]:
    """Lock the account's rows, by tenant. Everybody's, which is the first, and one tenant's are made where missing.

    The buckets of who never asked are full. Each row is as it stands under its lock; only one that another has made
    since this began to wait may be missing, and counts from the next time.
    """
    rows = _found(account_id)
    if missing := {ALL, tenant} - rows.keys():
        new = {"tokens": settings.STS_BURST, "filled_at": database_now()}
        for name in sorted(missing):
            _insert.run(StsBudget(account_id=account_id, tenant=name, **new))
        rows = _found(account_id)
    return rows


def _found(account_id: UUID) -> dict[str, StsBudget]:
    return {row.tenant: row for row, _ in _rows.all({"account": account_id})}


def _of_account(given: Mapping[str, Any]) -> QuerySet[StsBudget]:
    rows = StsBudget.objects.select_for_update(no_key=True).filter(account=given["account"])
    return rows.order_by("tenant")


_rows = PreparedModels(_of_account, {"account": UUID("00000000-0000-4000-8000-0000000000a1")})
_insert = PreparedInsert(StsBudget, or_leave=True)
_update = PreparedUpdate(lambda given: StsBudget.objects.filter(pk=given["row"]), {"row": 7_000_000_000_001})


def _others(rows: Mapping[str, StsBudget], tenant: str, now: datetime) -> int:
    return sum(name != tenant and now - row.filled_at <= WANTS for name, row in rows.items())


def _fill(row: StsBudget, now: datetime, *, share: float) -> None:
    """Add what has come since it was last filled; a clock that was set back adds nothing."""
    come = max(0.0, (now - row.filled_at).total_seconds()) * settings.STS_RATE * share
    row.tokens = min(max(1.0, settings.STS_BURST * share), row.tokens + come)
    row.filled_at = now


def _wait(row: StsBudget, share: float) -> timedelta:
    return timedelta(seconds=max(0.0, 1 - row.tokens) / (settings.STS_RATE * share))

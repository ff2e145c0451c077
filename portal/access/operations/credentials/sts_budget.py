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
from uuid import UUID

from django.conf import settings
from django.db import transaction

from portal.access.models import Grant, StsBudget
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import BusyError
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


def take_turn(*, grant_id: UUID, actor: Actor) -> None:
    """Wait a little for leave to ask the STS of a grant's account once. Not to be called in a transaction.

    For the grant's own person alone: others are refused when they ask.

    Raises:
        BusyError: it would take longer, or AWS wants to be left alone.
    """
    found = Grant.objects.filter(pk=grant_id, person_id=actor.owner_id)
    row = found.values_list("role__account_id", "person__partner_id").first()
    if row is None:
        return
    account, partner = row
    gives_up = time.monotonic() + PATIENCE
    while (wait := _take(UUID(str(account)), str(partner or OWN))) > timedelta():
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
        everybody = _locked(account_id)
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


def _take(account_id: UUID, tenant: str) -> timedelta:
    """Take one if there is one; else return for how long to wait."""
    with transaction.atomic():
        everybody = _locked(account_id)
        now = database_now()
        if everybody.blocked_until is not None and everybody.blocked_until > now:
            return everybody.blocked_until - now
        # All of an account's rows change under the lock of the first.
        rows = {row.tenant: row for row in StsBudget.objects.filter(account=account_id).exclude(tenant=ALL)}
        own = rows.get(tenant) or StsBudget(
            account_id=account_id, tenant=tenant, tokens=settings.STS_BURST, filled_at=now
        )
        share = 1 / (1 + _others(rows, tenant, now))
        _fill(everybody, now, share=1)
        _fill(own, now, share=share)
        wait = max(_wait(everybody, 1), _wait(own, share) if share < 1 else timedelta())
        if not wait:
            everybody.tokens -= 1
            own.tokens = max(0.0, own.tokens - 1)
        everybody.save()
        own.save()
    return wait


def _locked(account_id: UUID) -> StsBudget:
    """Lock the account's row; made with a full bucket where AWS was never asked."""
    mine = StsBudget.objects.select_for_update(no_key=True).filter(account=account_id, tenant=ALL)
    if (found := mine.first()) is None:
        new = StsBudget(
            account_id=account_id, tenant=ALL, tokens=settings.STS_BURST, filled_at=database_now()
        )
        StsBudget.objects.bulk_create([new], ignore_conflicts=True)
        found = mine.get()
    return found


def _others(rows: Mapping[str, StsBudget], tenant: str, now: datetime) -> int:
    return sum(name != tenant and now - row.filled_at <= WANTS for name, row in rows.items())


def _fill(row: StsBudget, now: datetime, *, share: float) -> None:
    """Add what has come since it was last filled; a clock that was set back adds nothing."""
    come = max(0.0, (now - row.filled_at).total_seconds()) * settings.STS_RATE * share
    row.tokens = min(max(1.0, settings.STS_BURST * share), row.tokens + come)
    row.filled_at = now


def _wait(row: StsBudget, share: float) -> timedelta:
    return timedelta(seconds=max(0.0, 1 - row.tokens) / (settings.STS_RATE * share))

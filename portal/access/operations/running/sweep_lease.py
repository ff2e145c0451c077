"""The sweep's lease, so that no two sweep at once, and its heartbeat, by the database's clock.

What the sweep does is safe without it (rows are taken with SKIP LOCKED): the lease saves work, and says who sweeps.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from portal.access.models import Sweep
from portal.kernel.clock import database_now

# A killed sweeper's lease runs out within it; it is renewed every half second, and between batches.
LEASE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class SweepLease:
    """Held while the row's fence is still this one."""

    fence: int


def take_sweep(*, holder: str) -> SweepLease | None:
    """Return the lease, or None while another holds it."""
    with transaction.atomic():
        row, _ = Sweep.objects.select_for_update(no_key=True).get_or_create(pk=1)
        if _is_held(row.leased_until, database_now()):
            return None
        row.fence += 1
        row.holder, row.leased_until = holder[:80] or "somebody", database_now() + LEASE
        row.save(update_fields=["fence", "holder", "leased_until"])
    return SweepLease(row.fence)


def _is_held(until: datetime | None, now: datetime) -> bool:
    """A lease that reaches further than any can was given by a clock that has been set back since."""
    return until is not None and now < until <= now + LEASE


def renew_sweep(lease: SweepLease) -> bool:
    """Hold it for another while; False when it was overtaken or given back."""
    return bool(_held(lease).update(leased_until=database_now() + LEASE))


def beat_sweep(lease: SweepLease, *, late_seconds: float) -> bool:
    """Renew it, and say that all that was due is done, and how late the latest of it was; False as `renew_sweep`."""
    now = database_now()
    return bool(_held(lease).update(leased_until=now + LEASE, ran_at=now, late_seconds=late_seconds))


def note_seen(lease: SweepLease, event: int) -> None:
    """Note the newest audit row that all who remember it outside of the database remember by now."""
    _held(lease).update(seen_event=event)


def give_back_sweep(lease: SweepLease) -> None:
    _held(lease).update(leased_until=None, holder="")


def _held(lease: SweepLease) -> QuerySet[Sweep]:
    return Sweep.objects.filter(pk=1, fence=lease.fence, leased_until__isnull=False)

"""Do batch after batch until none is left: by several connections at once where there is more than one batch."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import connection

from portal.access.operations.running.sweep_grants import Swept
from portal.jobs.waking import quietly


def drain(one_batch: Callable[[], Swept], *, seconds: float, between: Callable[[], object]) -> Swept:
    """Return what all of it came to; what is left after `seconds` is left for the next time.

    `between` is called after each batch of this thread's own. The other threads live no longer than this call; on
    SQLite, which has one writer, there are none.
    """
    until = time.monotonic() + seconds
    first = one_batch()
    if first.grants < settings.SWEEP_BATCH:
        return first
    others = settings.SWEEP_WRITERS - 1 if connection.vendor == "postgresql" else 0
    with ThreadPoolExecutor(max(1, others)) as pool:
        at_work = [pool.submit(_alone, one_batch, until) for _ in range(others)]
        done = [first, *_batches(one_batch, until, between), *(other.result() for other in at_work)]
    return _sum(done)


def _alone(one_batch: Callable[[], Swept], until: float) -> Swept:
    try:
        with quietly():
            return _sum(list(_batches(one_batch, until, lambda: None)))
    finally:
        connection.close()


def _batches(one_batch: Callable[[], Swept], until: float, between: Callable[[], object]) -> Iterator[Swept]:
    while time.monotonic() < until:
        done = one_batch()
        yield done
        if done.grants < settings.SWEEP_BATCH:
            return
        between()


def _sum(done: list[Swept]) -> Swept:
    return Swept(
        sum(batch.grants for batch in done), max((batch.late_seconds for batch in done), default=0.0)
    )

"""What happened how often, so that any number of processes agree: counted in memory, summed in the database.

`count` and `observe` touch no database and cost about a microsecond, so that they may stand anywhere, in a
transaction too (one that is rolled back has counted all the same). `flush` adds what this process has counted to
the sums. It is called by the sweep, after revocation work, by a scrape of the metrics, every few seconds by a process
that has work (`flush_when_old`), and at its end. A process that is killed loses what it had not flushed: seconds
of counts, and never more than counts.
"""

import logging
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from multiprocessing.util import Finalize
from typing import Any

from django.db import DatabaseError, connection, transaction

from portal.kernel.models import Tally

log = logging.getLogger(__name__)
# Seconds: from 'at once' over the goal of a cut-off (1 s) to an AWS that was away for hours.
BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
BEYOND = "+Inf"
SUM = "sum"
OLD = 5.0
_lock = threading.Lock()
_waiting: dict[tuple[str, str], float] = {}
_flushed = {"at": time.monotonic()}


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many observations were at most as long as each bound (`+Inf`: all), and the sum of their seconds."""

    buckets: tuple[tuple[str, float], ...]
    total: float


def count(name: str, label: str = "", n: float = 1) -> None:
    """Add `n`, in this process' memory. Labels come from the code, never from outside: each is a row for good."""
    key = (name[:60], label[:120])
    with _lock:
        _waiting[key] = _waiting.get(key, 0.0) + n


def observe(name: str, seconds: float) -> None:
    """Add one duration to the histogram `name`. A negative one (two clocks) counts as none."""
    seconds = max(0.0, seconds)
    place = bisect_left(BUCKETS, seconds)
    count(name, str(BUCKETS[place]) if place < len(BUCKETS) else BEYOND)
    count(name, SUM, seconds)


def flush() -> bool:
    """Add what was counted to the sums, in one statement of its own transaction. Returns whether that worked.

    The rows are taken in the order of their key, so that two processes wait, and never for each other. What could
    not be written is kept for the next time.

    Raises:
        RuntimeError: a transaction is open; the sums would stay locked until its end.
    """
    with _lock:
        taken = dict(_waiting)
        _waiting.clear()
        _flushed["at"] = time.monotonic()
    if not taken:
        return True
    try:
        with transaction.atomic(durable=True):
            _add(taken)
    except BaseException as problem:
        for (name, label), amount in taken.items():
            count(name, label, amount)
        if not isinstance(problem, DatabaseError):
            raise
        log.warning("counts could not be written and are kept: %s", type(problem).__name__)
        return False
    return True


def flush_when_old(**kwargs: Any) -> None:
    """Flush if that was not done for a while. Takes and ignores what a signal gives."""
    del kwargs
    if _waiting and time.monotonic() - _flushed["at"] >= OLD:
        flush()


def flush_at_exit() -> None:
    """Have this process flush once more where it ends by itself. Called where a process starts.

    By multiprocessing's finalizer, not by `atexit`, which a web server's forked workers skip: this one runs in all.
    """
    Finalize(None, _last_flush, exitpriority=10)


def read() -> Mapping[str, Mapping[str, float]]:
    """Return the sums by name and label. What other processes have not flushed yet is not among them."""
    found: dict[str, dict[str, float]] = {}
    for name, label, amount in Tally.objects.values_list("name", "label", "amount"):
        found.setdefault(name, {})[label] = amount
    return found


def histogram(sums: Mapping[str, float]) -> Histogram:
    """Return one name's sums, as `read` gives them, as a histogram with cumulated buckets."""
    bounds = [*map(str, BUCKETS), BEYOND]
    reached = accumulate(sums.get(bound, 0) for bound in bounds)
    return Histogram(tuple(zip(bounds, reached, strict=True)), sums.get(SUM, 0))


def _add(taken: Mapping[tuple[str, str], float]) -> None:
    rows = list(_rows(taken))
    table = connection.ops.quote_name(Tally._meta.db_table)  # noqa: SLF001  # Django's documented model API
    places = ", ".join(["(%s, %s, %s)"] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (name, label, amount) VALUES {places} "  # noqa: S608  # no value is in the text
            f"ON CONFLICT (name, label) DO UPDATE SET amount = {table}.amount + excluded.amount",
            [value for row in rows for value in row],
        )


def _rows(taken: Mapping[tuple[str, str], float]) -> Iterator[tuple[str, str, float]]:
    for (name, label), amount in sorted(taken.items()):
        yield name, label, amount


def _last_flush() -> None:
    try:
        flush()
    except Exception as problem:  # noqa: BLE001  # the process ends: there is nobody left to tell but the log
        log.warning("the last counts of this process are lost: %s", type(problem).__name__)

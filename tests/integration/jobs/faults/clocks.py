"""Beat away for an hour, and clocks that are moved back by an hour, by libfaketime, while the database keeps time."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from portal.audit.events import EventType
from portal.jobs.sweep_loop import TURN
from portal.kernel.clock import database_now
from tests.integration.jobs.faults.figures import AFTER_A_FAULT, PROMISE, Figure
from tests.integration.jobs.faults.installation import Installation
from tests.integration.jobs.plant import ROOT
from tests.servers.aws_faults import refuses_wrong_clocks
from tests.servers.holding_proxy import ANY
from tests.servers.process import need_path

LIBRARY = "/usr/lib/{}/faketime/libfaketimeMT.so.1"
# libfaketime 0.9.10 refuses clock_nanosleep by the monotonic clock (EINVAL), which time.sleep calls.
SITE = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\n"
HOUR = timedelta(hours=1)
OVERDUE = 300


def beat_away(made: Installation) -> Iterator[Figure]:
    """The worker goes on from turn to turn by itself; wake-ups are lost by a flush, as they would be in an hour."""
    made.plant.kill("beat")
    made.plant.redis.client().flushall()
    if made.real_lease:
        time.sleep(TURN + 5)  # the turn that was under way is over: another must have followed
    yield Figure("with beat dead: latest grant ended, after its end", _swept(made, "the sweep"), PROMISE)
    made.plant.start("beat")


def both_away(made: Installation) -> Iterator[Figure]:
    """The ends of the hour are moved into the past instead of an hour's being waited for."""
    held = made.session()
    ids = [*made.many(OVERDUE), held.grant.pk]
    made.plant.kill("beat")
    made.plant.kill("worker")
    made.skip_leases()
    now = database_now()
    for number, pk in enumerate(ids):
        made.end_at([pk], now - HOUR * (number + 1) / len(ids))
    made.plant.start("worker", "beat")
    seconds = made.wait(lambda: made.all_ended(ids), AFTER_A_FAULT, "the overdue grants")
    denied = made.wait(lambda: made.stands(held.grant), PROMISE, "the deny")
    made.audited_once(EventType.GRANT_EXPIRED, ids)
    yield Figure(f"from their start until all {len(ids)} had ended", seconds, PROMISE)
    yield Figure("from then to the last deny standing", denied, PROMISE)


def clock_moved_back(made: Installation) -> Iterator[Figure]:
    yield from _moved_back(made, "worker", "beat")


def beats_clock_moved_back(made: Installation) -> Iterator[Figure]:
    yield from _moved_back(made, "beat")


def _moved_back(made: Installation, *parts: str) -> Iterator[Figure]:
    clock = made.plant.directory / f"clock-{len(parts)}"
    _set(clock, 0)
    for part in parts:
        made.plant.kill(part)
    made.skip_leases()
    made.plant.start(*parts, env=_faked(clock))
    _swept(made, "the sweep under a clock that is right")
    if "worker" in parts:
        made.plant.proxy.rule(ANY, refuses_wrong_clocks)
    cut = made.session()
    _set(clock, -3600)
    time.sleep(2)  # until the library has read it
    try:
        yield Figure("latest grant ended, after its end", _swept(made, "the sweep after the jump"), PROMISE)
        made.revoke(cut.grant)
        if "worker" in parts:
            made.wait(lambda: made.is_failing(cut.grant), PROMISE, "the row that says why")
        else:
            made.wait(lambda: made.stands(cut.grant), PROMISE, "the deny")
            yield Figure("from revoking to the deny standing", made.cut_seconds(cut.grant), PROMISE)
            made.plant.kill("worker")
            made.skip_leases()
            made.plant.start("worker")
            yield Figure(
                "and with another worker, started meanwhile: latest grant ended",
                _swept(made, "the sweep of another worker"),
                PROMISE,
            )
    finally:
        _set(clock, 0)
    if "worker" in parts:
        seconds = made.wait(lambda: made.stands(cut.grant), AFTER_A_FAULT, "the deny once the clock is right")
        yield Figure(
            "AWS refuses what such a clock signs; once it is right, to the deny", seconds, AFTER_A_FAULT
        )
        made.plant.proxy.let_go()
    for part in parts:
        made.plant.kill(part)
    made.skip_leases()
    made.plant.start(*parts)
    _swept(made, "the sweep afterwards")


def _swept(made: Installation, what: str) -> float:
    """Have a few grants end a second from now; returns how late the latest did."""
    ids = made.many(5)
    made.end_at(ids, database_now() + timedelta(seconds=1))
    made.wait(lambda: made.all_ended(ids), AFTER_A_FAULT, what)
    made.audited_once(EventType.GRANT_EXPIRED, ids)
    return made.lateness(ids)


def _set(clock: Path, seconds: int) -> None:
    new = clock.with_suffix(".new")
    new.write_text(f"{seconds:+d}\n", encoding="ascii")
    new.replace(clock)


def _faked(clock: Path) -> dict[str, str]:
    library = need_path(LIBRARY.format(f"{os.uname().machine}-linux-gnu"), package="faketime")
    folder = clock.with_suffix(".site")
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(SITE, encoding="utf-8")
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        # What waits must wait as long as it means to: a real clock's jump leaves the monotonic one alone.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "PYTHONPATH": f"{folder}:{ROOT}",
    }

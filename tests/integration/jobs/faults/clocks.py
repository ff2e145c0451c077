"""Beat away for an hour, and clocks that are moved back by an hour, by libfaketime, while the database keeps time."""

import time
from collections.abc import Iterator
from datetime import timedelta

from portal.audit.events import EventType
from portal.jobs.sweep_loop import TURN
from portal.kernel.clock import database_now
from tests.integration.jobs.faults.figures import AFTER_A_FAULT, PROMISE, Figure
from tests.integration.jobs.faults.installation import Installation
from tests.servers.aws_faults import refuses_wrong_clocks
from tests.servers.holding_proxy import ANY
from tests.servers.moved_clock import READ_WITHIN_S, MovedClock

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
    clock = MovedClock(made.plant.directory / f"clock-{len(parts)}")
    for part in parts:
        made.plant.kill(part)
    made.skip_leases()
    made.plant.start(*parts, env=clock.environment)
    _swept(made, "the sweep under a clock that is right")
    if "worker" in parts:
        made.plant.proxy.rule(ANY, refuses_wrong_clocks)
    cut = made.session()
    clock.move(-HOUR)
    time.sleep(READ_WITHIN_S)
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
        clock.move(timedelta(0))
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

"""Ends on time: 100,000 grants due in one second, and ends spread over time, beside plain SQL doing the same writes."""

import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from tests.bench.planting import plant_due, plant_history, plant_sessions, plant_world, sql
from tests.bench.registry import Section, cpu_seconds

DUE, HISTORY, ROUNDS, BATCH = 100_000, 1_000_000, 3, 1000
LONGEST = 60.0
# The sweep's writes and no more: the rows' locks, their end, an audit row each.
FLOOR = """WITH due AS (
        SELECT id FROM access_grant WHERE ended_at IS NULL AND ends_at <= clock_timestamp()
        ORDER BY ends_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED),
    ended AS (
        UPDATE access_grant g
        SET state = 'expired', ended_at = clock_timestamp(), ended_by_id = NULL, end_reason = 'its end came'
        FROM due WHERE g.id = due.id RETURNING g.id, g.person_id, g.role_id, g.ends_at, g.ended_at)
    INSERT INTO audit_auditevent (at, type, outcome, actor_kind, actor_label, user_agent, request_id, grant_id,
        person_id, role_id, details)
    SELECT ended_at, 'access.grant.expired', 'done', 'system', 'sweep', '', '', id, person_id, role_id,
        jsonb_build_object('reason', 'its end came', 'ends_at', ends_at, 'cuts_sessions', false)
    FROM ended"""


def run() -> list[Section]:
    plant_world()
    found = [_together("no history")]
    spread = _spread()
    plant_history(HISTORY)
    found.append(_together("1,000,000 grants and audit rows of history"))
    text = (
        f"{DUE:,} grants end in the same instant; batches of {BATCH:,}; medians of {ROUNDS} rounds taken in turns. "
        "Lateness is `ended_at` less `ends_at`, both by the database's clock. The floor is one statement a batch that "
        "locks, ends and writes the audit rows, on one connection and on as many as the sweep uses. The sweep also "
        "looks for sessions and console links, and keeps the outbox, its lease and its heartbeat. The last rows have "
        "a live session under every tenth grant, each of which gets its revocation. CPU is the database's and ours, "
        "which tells more than the clock where the machine is busy. PostgreSQL without fsync."
    )
    columns = ["", "p50 s", "p99 s", "max s", "rows/s", "times the floor's time", "CPU µs a grant"]
    return [
        *(Section(f"100,000 ends in one second, {name}", text if n == 0 else "As above.", columns, rows)
          for n, (name, rows) in enumerate(found)),
        spread,
    ]  # fmt: skip


class Way:
    """One way to end what is due, and what its rounds came to."""

    def __init__(self, name: str, act: Callable[[datetime], None], sessions: bool = False) -> None:
        self.name, self.act, self.sessions = name, act, sessions
        self.rounds: list[tuple[float, ...]] = []


def _together(name: str) -> tuple[str, list[list[str]]]:
    ways = [
        Way("plain SQL, one connection", _floor(1)),
        Way("the sweep", _sweep),
        Way("plain SQL, two connections", _floor(2)),
        Way("the sweep, every tenth with a live session", _sweep, sessions=True),
    ]
    for _ in range(ROUNDS):
        for way in ways:
            way.rounds.append(_at_once(way))
    floor = median(most for _, _, most, _ in ways[0].rounds)
    rows = []
    for way in ways:
        p50, p99, most, spent = (median(figures) for figures in zip(*way.rounds, strict=True))
        speed = [f"{DUE / most:,.0f}", f"{most / floor:.2f}", f"{spent:.0f}"]
        rows.append([way.name, *_seconds(p50, p99, most), *speed])
    return name, rows


_planting = {"seconds": 3.0}


def _at_once(way: Way) -> tuple[float, ...]:
    ends_at = _now() + timedelta(seconds=_planting["seconds"] * 1.5 + 0.5)
    began = time.monotonic()
    plant_due(DUE, ends_at)
    if way.sessions:
        plant_sessions(10)
    _planting["seconds"] = max(time.monotonic() - began, 1.0)
    if _now() >= ends_at:  # planting took longer than the last time
        ends_at = _now() + timedelta(seconds=3 * _planting["seconds"])
        sql("UPDATE access_grant SET ends_at = %s WHERE ended_at IS NULL", ends_at)
        sql("VACUUM ANALYZE access_grant")
    before = cpu_seconds()
    way.act(ends_at)
    spent = cpu_seconds() - before
    *late, count = _lateness(ends_at)
    sys.stderr.write(f"{way.name}: {late[-1]:.2f} s\n")
    sql("DELETE FROM access_revocation")  # no worker takes them here, and late ones raise alarms
    if count != DUE:
        raise AssertionError(f"{way.name}: {count} of {DUE} ended")
    return (*late, spent / DUE * 1e6)


def _sweep(ends_at: datetime) -> None:
    from portal.access.operations.running.sweep_lease import give_back_sweep, take_sweep  # noqa: PLC0415
    from portal.jobs import sweep_loop  # noqa: PLC0415
    from portal.jobs.waking import quietly  # noqa: PLC0415

    lease = take_sweep(holder="bench")
    if lease is None:
        raise AssertionError("somebody else sweeps")
    turn = sweep_loop.SweepTurn(lease, lambda: None)
    over = threading.Timer(max(0.0, (ends_at - _now()).total_seconds()) + LONGEST, _give_up, [turn])
    over.daemon = True
    over.start()
    with quietly():
        while not turn.overtaken and (_now() < ends_at or _is_left()):
            turn.round()
            sweep_loop._sleep(turn._pause())
    over.cancel()
    give_back_sweep(lease)


def _give_up(turn: Any) -> None:
    turn.overtaken = True


def _floor(connections: int) -> Callable[[datetime], None]:
    def act(ends_at: datetime) -> None:
        time.sleep(max(0.0, (ends_at - _now()).total_seconds()))
        threads = [threading.Thread(target=_plain) for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return act


def _plain() -> None:
    from django.db import connection  # noqa: PLC0415

    end = time.monotonic() + LONGEST
    try:
        with connection.cursor() as cursor:
            while time.monotonic() < end:
                cursor.execute(FLOOR, [BATCH])
                if cursor.rowcount < BATCH:
                    return
    finally:
        connection.close()


def _spread() -> Section:
    rows = []
    for rate in (100, 1000):
        ends_at = _now() + timedelta(seconds=3)
        plant_due(rate * 10, ends_at, apart=1 / rate)
        _sweep(ends_at + timedelta(seconds=10.1))
        p50, p99, most, count = _lateness(ends_at)
        rows.append([f"{rate:,} a second for 10 s", *_seconds(p50, p99, most), f"{count:,.0f}"])
    text = "The sweep sleeps until the next end, by the database's clock, and takes together what ends within 20 ms."
    return Section("Ends spread over time", text, ["", "p50 s", "p99 s", "max s", "grants"], rows)


def _lateness(since: datetime) -> tuple[float, float, float, float]:
    [row] = sql(
        """SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY late), percentile_cont(0.99) WITHIN GROUP (ORDER BY late),
            max(late), count(*)
        FROM (SELECT extract(epoch FROM ended_at - ends_at)::float AS late FROM access_grant
            WHERE ends_at >= %s AND state = 'expired') l""",
        since,
    )
    return tuple(row)


def _is_left() -> bool:
    return bool(sql("SELECT EXISTS (SELECT FROM access_grant WHERE ended_at IS NULL)")[0][0])


def _seconds(*figures: float) -> list[str]:
    return [f"{figure:.2f}" if figure >= 1 else f"{figure:.3f}" for figure in figures]


def _now() -> datetime:
    now: datetime = sql("SELECT clock_timestamp()")[0][0]
    return now

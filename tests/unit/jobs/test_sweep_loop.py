"""The sweep's turn: all that is due, on time, whatever fails; its lease; its sleep."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError

from portal.access.models import Grant, Sweep
from portal.access.operations.running import sweep_lease
from portal.access.operations.running.hold import enter_hold
from portal.access.operations.running.sweep_grants import Swept, expire_batch
from portal.access.operations.running.sweep_lease import LEASE, give_back_sweep, renew_sweep, take_sweep
from portal.audit.models import AuditEvent
from portal.jobs import sweep_loop
from portal.jobs.drain import drain
from portal.jobs.sweep_loop import LONGEST_SLEEP, SHORTEST_SLEEP, SweepTurn, sweep_here
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


def nothing() -> None:
    pass


@pytest.fixture
def turn() -> SweepTurn:
    lease = take_sweep(holder="tests")
    assert lease is not None
    return SweepTurn(lease, nothing)


@pytest.fixture
def overdue(make_grant: Make, move_time: Make) -> Any:
    return move_time(make_grant().pk, 3700)


def test_one_sweeps_and_a_dead_ones_lease_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    first = take_sweep(holder="a")
    assert first is not None
    assert take_sweep(holder="b") is None
    assert renew_sweep(first)
    row = Sweep.objects.get()
    assert row.leased_until is not None
    Sweep.objects.update(leased_until=row.leased_until - LEASE)
    second = take_sweep(holder="b")
    assert second is not None
    assert not renew_sweep(first), "the overtaken one goes on"
    give_back_sweep(first)
    assert Sweep.objects.get().holder == "b", "the overtaken one gave back what another holds"
    give_back_sweep(second)
    assert take_sweep(holder="c") is not None


def test_a_lease_from_before_the_clock_was_set_back_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert take_sweep(holder="dead") is not None
    back = database_now() - timedelta(hours=1)
    monkeypatch.setattr(sweep_lease, "database_now", lambda: back)
    assert take_sweep(holder="next") is not None


def test_a_round_ends_and_starts_what_is_due_and_says_how_late(
    turn: SweepTurn, make_grant: Make, move_time: Make
) -> None:
    over, early, living = make_grant(), make_grant(starts_in=60), make_grant()
    move_time(over.pk, 3600 + 7)
    move_time(early.pk, 60)
    turn.round()
    states = dict(Grant.objects.values_list("pk", "state"))
    assert states == {over.pk: "expired", early.pk: "active", living.pk: "active"}
    row = Sweep.objects.get()
    assert row.ran_at is not None
    assert 7 <= row.late_seconds < 30
    turn.done_at.clear()
    turn.round()
    assert Sweep.objects.get().late_seconds == 0


def test_in_hold_nothing_ends_or_starts_and_the_heart_beats(
    turn: SweepTurn, make_grant: Make, move_time: Make
) -> None:
    over = make_grant()
    move_time(over.pk, 3700)
    enter_hold(reason="a test", actor=Actor.command("tests"))
    turn.round()
    over.refresh_from_db()
    assert over.state == "active"
    assert Sweep.objects.get().ran_at is not None
    assert turn._pause() == LONGEST_SLEEP


@pytest.mark.parametrize("broken", ["_end", "_start", "_alarm", "_relay"])
@pytest.mark.parametrize("fault", [RuntimeError("poisoned"), OperationalError("gone")])
def test_a_step_that_fails_keeps_no_other_from_being_done(
    broken: str, fault: Exception, turn: SweepTurn, overdue: Grant, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def watched(name: str) -> Callable[[], None]:
        real = getattr(turn, name)

        def step() -> None:
            done.append(name)
            if name == broken:
                raise fault
            real()

        step.__name__ = name
        return step

    for name in ("_end", "_start", "_alarm", "_relay"):
        monkeypatch.setattr(turn, name, watched(name))
    monkeypatch.setattr(sweep_loop, "close_old_connections", nothing)
    turn.round()
    assert done == ["_end", "_start", "_alarm", "_relay"]
    assert Sweep.objects.get().ran_at is None, "the heart beats though not all was done"
    assert turn._pause() == LONGEST_SLEEP
    broken = "none"
    turn.done_at.clear()
    turn.round()
    assert Sweep.objects.get().ran_at is not None
    assert not Grant.objects.filter(ended_at=None).exists()


def test_it_sleeps_until_the_next_end_and_a_second_at_most(turn: SweepTurn, make_grant: Make) -> None:
    turn.round()
    assert turn._pause() == LONGEST_SLEEP
    grant = make_grant(seconds=600)
    turn.round()
    assert turn._pause() == LONGEST_SLEEP
    Grant.objects.filter(pk=grant.pk).update(ends_at=database_now() + timedelta(seconds=0.5))
    turn.round()
    assert SHORTEST_SLEEP < turn._pause() <= 0.5


def test_a_clock_that_is_set_back_does_not_stretch_a_sleep(
    turn: SweepTurn, make_grant: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_grant(seconds=600)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 3600)
    began = time.monotonic()
    turn.run(0.01)
    assert time.monotonic() - began < 2 * LONGEST_SLEEP
    assert Sweep.objects.get().ran_at is not None


def test_an_overtaken_turn_ends_and_asks_for_no_other(turn: SweepTurn) -> None:
    Sweep.objects.update(fence=turn.lease.fence + 1)
    assert turn.run(5) is False


def test_a_second_run_in_the_process_wakes_the_first_and_a_stop_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep_loop, "_woken", threading.Event())
    monkeypatch.setattr(sweep_loop, "_stopping", threading.Event())
    with sweep_loop._here:
        assert sweep_here(holder="tests", dispatch=nothing) is False
    assert sweep_loop._woken.is_set()
    assert not Sweep.objects.filter(ran_at__isnull=False).exists()
    sweep_loop.stop_sweeping()
    assert sweep_here(holder="tests", dispatch=nothing) is False
    assert Sweep.objects.get().holder == "", "the lease was not given back"


def test_a_turn_asks_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_loop, "TURN", 0.05)
    assert sweep_here(holder="tests", dispatch=nothing) is True
    assert Sweep.objects.get().ran_at is not None
    assert take_sweep(holder="another") is not None
    assert sweep_here(holder="tests", dispatch=nothing) is False, "two sweep at once"


def test_a_backlog_is_done_batch_by_batch_and_its_time_is_bounded(settings: Any) -> None:
    settings.SWEEP_BATCH, settings.SWEEP_WRITERS = 10, 1
    left = [10, 10, 3]
    between: list[int] = []
    done = drain(lambda: Swept(left.pop(0), float(len(left))), seconds=5, between=lambda: between.append(1))
    assert (done, left, len(between)) == (Swept(23, 2.0), [], 1)
    endless = drain(lambda: Swept(10, 0.0), seconds=0.05, between=lambda: time.sleep(0.01))
    assert 10 < endless.grants < 100


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("races")
def test_several_writers_end_each_grant_once(make_grant: Make, settings: Any) -> None:
    settings.SWEEP_BATCH, settings.SWEEP_WRITERS = 5, 3
    template = Grant.objects.filter(pk=make_grant().pk).values().get()
    ends_at = database_now()
    starts_at = ends_at - timedelta(hours=1)
    due = {**template, "ends_at": ends_at, "starts_at": starts_at}
    Grant.objects.bulk_create(Grant(**{**due, "id": uuid4()}) for _ in range(33))
    done = drain(expire_batch, seconds=20, between=nothing)
    assert done.grants == 33
    ended = list(AuditEvent.objects.filter(type="access.grant.expired").values_list("grant_id", flat=True))
    assert len(ended) == len(set(ended)) == 33
    assert Grant.objects.filter(ended_at=None).count() == 1


def test_a_turn_that_lost_its_database_does_nothing_more_and_another_follows(
    turn: SweepTurn, overdue: Grant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes back may be a restored database: only the next turn's beginning looks whether it is."""

    def gone() -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(turn, "_look", gone)
    monkeypatch.setattr(sweep_loop, "close_old_connections", nothing)
    monkeypatch.setattr(sweep_loop, "connection", SimpleNamespace(is_usable=lambda: False))
    monkeypatch.setattr(sweep_loop, "_sleep", lambda _: None)
    turn.held = False
    assert turn.run(60)
    overdue.refresh_from_db()
    assert overdue.state == "active"

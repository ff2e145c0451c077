"""The sweep: one thread of one worker, under a lease, that sleeps until the next end or start.

It holds its thread for a bounded turn, so that a worker can stop and another can take over; then it asks for the next
turn, and beat asks each second anyway. What fails in one step keeps no other from being done, and is tried again.
Sleeps are differences of the database's clock, waited for by the monotonic one: a clock that is set back on this
machine changes nothing.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import InterfaceError, OperationalError, close_old_connections, connection

from portal.access.operations.cutting.alarms import (
    alarm_late_revocations,
    alarm_late_roles,
    clear_past_alarms,
)
from portal.access.operations.running.hold import is_held
from portal.access.operations.running.restored import hold_if_restored
from portal.access.operations.running.sweep_grants import activate_batch, expire_batch, next_due
from portal.access.operations.running.sweep_lease import (
    SweepLease,
    beat_sweep,
    give_back_sweep,
    note_seen,
    renew_sweep,
    take_sweep,
)
from portal.audit.queries import newest_event
from portal.jobs.drain import drain
from portal.jobs.outside_memory import read_memories, write_memories
from portal.kernel import outbox, tallies
from portal.kernel.clock import database_now

log = logging.getLogger(__name__)
TURN = 45.0
LONGEST_SLEEP = 1.0
# Grants that end within it are ended together: at 1,000 a second each round costs as much as its batch.
SHORTEST_SLEEP = 0.02
# What is due, but locked by somebody else, is tried again after this.
LOCKED_SLEEP = 0.1
# A backlog's batches stop after this, for a heartbeat and the other steps.
BACKLOG = 2.0
HEARTBEAT = 0.5
AT_ONCE = 0.25
SELDOM = 1.0
_here = threading.Lock()
_woken = threading.Event()
_stopping = threading.Event()


def sweep_here(*, holder: str, dispatch: Callable[[], None]) -> bool:
    """Sweep for a turn, unless somebody does: another process holds the lease, another thread of this one is woken.

    Returns whether another turn should follow. `dispatch` wakes the workers that bring denies to AWS.
    """
    if not _here.acquire(blocking=False):
        _woken.set()
        return False
    try:
        lease = take_sweep(holder=holder)
        if lease is None:
            return False
        try:
            hold_if_restored(remembered=read_memories())
            return SweepTurn(lease, dispatch).run(TURN)
        finally:
            give_back_sweep(lease)
    finally:
        _here.release()


def stop_sweeping() -> None:
    """Have this process' turn end soon, and none follow: the worker shuts down."""
    _stopping.set()
    _woken.set()


@dataclass
class SweepTurn:
    """One turn's rounds. `wait`: seconds until the next end or start. `late`: the latest since the last heartbeat."""

    lease: SweepLease
    dispatch: Callable[[], None]
    held: bool = True
    overtaken: bool = False
    lost: bool = False
    wait: float = 0.0
    ended: int = 0
    late: float = 0.0
    faults: int = 0
    remembered: int = 0
    done_at: dict[str, float] = field(default_factory=dict)

    def run(self, seconds: float) -> bool:
        """Go round until the time is up; False when no turn should follow."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not _stopping.is_set():
            self.round()
            if self.overtaken:
                return False
            _sleep(self._pause())
            if self.lost:
                break
        return not _stopping.is_set()

    def round(self) -> None:
        self.ended = self.faults = 0
        self._try(self._look)
        if not self.held:
            if self.wait <= 0:
                self._try(self._end)
                self._try(self._start)
                self._try(self._look)
            self._each(AT_ONCE if self.ended else SELDOM, self.dispatch)
            self._each(SELDOM, self._alarm)
            self._each(SELDOM, self._remember)
        self._each(AT_ONCE, self._relay)
        self._each(tallies.OLD, tallies.flush)
        self._each(HEARTBEAT, self._beat)

    def _look(self) -> None:
        self.held = is_held()
        now = database_now()
        due = next_due(now)
        self.wait = LONGEST_SLEEP if due is None else (due - now).total_seconds()

    def _end(self) -> None:
        done = drain(expire_batch, seconds=BACKLOG, between=self._renew)
        self.ended, self.late = done.grants, max(self.late, done.late_seconds)

    def _start(self) -> None:
        drain(activate_batch, seconds=BACKLOG, between=self._renew)

    def _alarm(self) -> None:
        now = database_now()
        alarm_late_revocations(at=now)
        alarm_late_roles(at=now)
        clear_past_alarms(at=now)

    def _relay(self) -> None:
        outbox.relay()

    def _remember(self) -> None:
        newest = newest_event()
        if newest != self.remembered and write_memories(newest):
            self.remembered = newest
            note_seen(self.lease, newest)

    def _renew(self) -> None:
        if not renew_sweep(self.lease):
            self.overtaken = True

    def _beat(self) -> None:
        if self.faults:
            self._renew()
        elif beat_sweep(self.lease, late_seconds=self.late):
            self.late = 0.0
        else:
            self.overtaken = True

    def _each(self, seconds: float, step: Callable[[], object]) -> None:
        """Do it unless it was done, or tried, less than so many seconds ago."""
        now, name = time.monotonic(), getattr(step, "__name__", "step")
        if now - self.done_at.get(name, -seconds) >= seconds:
            self.done_at[name] = now
            self._try(step)

    def _try(self, step: Callable[[], object]) -> None:
        if self.lost:
            return
        try:
            step()
        except (OperationalError, InterfaceError) as problem:
            self.faults += 1
            # The database that comes back may be a restored one: the next turn looks at it first.
            self.lost = not connection.is_usable()
            log.warning("the sweep was cut short and goes on: %s", type(problem).__name__)
            close_old_connections()
        except Exception:
            self.faults += 1
            log.exception("a step of the sweep failed and is tried again; the others go on")

    def _pause(self) -> float:
        if self.faults or self.held:
            return LONGEST_SLEEP
        if self.wait <= 0 and not self.ended:
            return LOCKED_SLEEP
        return min(LONGEST_SLEEP, max(SHORTEST_SLEEP, self.wait))


def _sleep(seconds: float) -> None:
    """Sleep so long, or until woken: never shorter than what keeps a burst of wake-ups from making it spin."""
    _stopping.wait(SHORTEST_SLEEP)
    _woken.wait(seconds - SHORTEST_SLEEP)
    _woken.clear()

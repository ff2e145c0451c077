"""Beat's scheduler: in memory, and not put to sleep by a clock that jumps back.

An entry is due by the wall clock, `last_run_at` + 1 s: after a jump back by an hour it would not be for an hour.
"""

import time
from typing import Any

from celery.beat import ScheduleEntry, Scheduler

# Slewing by NTP moves a clock by milliseconds a second; a jump is more.
JUMP = 1.0
# Ticks that no worker has taken yet say no more than a few of them: no hour's worth waits for the next worker.
MOST_WAITING = 5


class SteadyScheduler(Scheduler):
    """Celery's scheduler without a file, with each tick's wall clock compared with the monotonic one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._offset = time.time() - time.monotonic()
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        offset = time.time() - time.monotonic()
        if offset < self._offset - JUMP:
            self._forget_last_runs()
        self._offset = offset
        return float(super().tick(*args, **kwargs))

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        if not self._is_crowded():
            super().apply_entry(entry, producer=producer)

    def _is_crowded(self) -> bool:
        """Whether enough wait for a worker. Where Redis can't say, sending is tried, and its failure logged."""
        try:
            channel: Any = self.producer.channel
            waiting = channel.queue_declare(self.app.conf.task_default_queue, passive=True).message_count
        except Exception:  # noqa: BLE001  # kombu's own faults too, on a lost connection; sending mends it
            return False
        return int(waiting) >= MOST_WAITING

    def _forget_last_runs(self) -> None:
        now = self.app.now()
        for entry in self.schedule.values():
            entry.last_run_at = now
        self.populate_heap()

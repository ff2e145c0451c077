"""Beat's scheduler: in memory, and not put to sleep by a clock that jumps back.

An entry is due by the wall clock, `last_run_at` + 1 s: after a jump back by an hour it would not be for an hour.
"""

import time
from typing import Any

from celery.beat import Scheduler

# Slewing by NTP moves a clock by milliseconds a second; a jump is more.
JUMP = 1.0


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

    def _forget_last_runs(self) -> None:
        now = self.app.now()
        for entry in self.schedule.values():
            entry.last_run_at = now
        self.populate_heap()

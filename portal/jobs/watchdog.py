"""Outside of Celery: a thread of each web process that notices when the sweep has stopped, and a restored database.

It only looks and tells; what it finds closes the doors where the settings say so (`doors.py`).
"""

import logging
import threading
import time

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from portal.access.operations.running.restored import hold_if_restored
from portal.access.operations.running.sweep_health import watch_sweep
from portal.jobs.outside_memory import read_memories

log = logging.getLogger(__name__)
PERIOD = 5.0
# How long a start waits for the first look: a database that is away must not keep the process from starting.
FIRST_LOOK = 2.0


class Watchdog(threading.Thread):
    """Looks every few seconds, for as long as its process lives; no fault ends it."""

    def __init__(self, period: float = PERIOD) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._period, self._began = period, time.monotonic()
        self._stopped = threading.Event()
        self.looked = threading.Event()
        self.restored_known = False

    def run(self) -> None:
        while not self._stopped.is_set():
            self.look()
            self._stopped.wait(self._period)

    def stop(self) -> None:
        self._stopped.set()

    def look(self) -> None:
        """Once. Keeps no connection between looks."""
        try:
            if not self.restored_known:
                hold_if_restored(remembered=read_memories())
                self.restored_known = True
            is_young = time.monotonic() - self._began < settings.SWEEP_STOPPED_AFTER
            watch_sweep(may_be_new=is_young)
        except (DatabaseError, InterfaceError) as problem:
            log.warning("the watchdog could not ask the database, and goes on: %s", type(problem).__name__)
        except Exception:
            log.exception("the watchdog's look failed, and it goes on")
        finally:
            self.looked.set()
            _close()


def _close() -> None:
    try:
        connection.close()
    except DatabaseError as problem:
        log.warning("the watchdog's connection did not close: %s", type(problem).__name__)


def start_watchdog() -> Watchdog:
    """Start it, and wait a moment for its first look, so that a restored database is in hold before a request."""
    watchdog = Watchdog()
    watchdog.start()
    watchdog.looked.wait(FIRST_LOOK)
    return watchdog

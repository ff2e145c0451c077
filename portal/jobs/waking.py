"""After a commit that posted: have the denies brought to AWS, and the sweep look, at once."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from celery import current_app
from kombu.exceptions import KombuError

log = logging.getLogger(__name__)
# A run that still waits in the queue after so many seconds is dropped: the next one does the same work.
STALE = 10
# After Redis was not reached, no wake-up is tried for a while: a page must not wait for it click by click.
REDIS_REST = 5.0
_rest = {"until": 0.0}
_quiet = threading.local()


def wake() -> None:
    """Ask for revocation work and a sweep now. A lost wake-up loses nothing: the next tick is a second away."""
    if time.monotonic() < _rest["until"] or getattr(_quiet, "here", False):
        return
    try:
        send("portal.jobs.revoke")
        send("portal.jobs.sweep")
    except (KombuError, OSError):
        _rest["until"] = time.monotonic() + REDIS_REST
        log.warning("Redis can't be reached: the wake-up is dropped, the schedule does the work")


def send(task: str) -> None:
    """Send a task without arguments, once. Raises KombuError or OSError where Redis is not reached."""
    current_app.send_task(task, expires=STALE, retry=False, ignore_result=True)


@contextmanager
def quietly() -> Iterator[None]:
    """Within it this thread wakes nobody: the sweep sees to that once a round, not once a batch."""
    _quiet.here = True
    try:
        yield
    finally:
        _quiet.here = False

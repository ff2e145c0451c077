"""How many of a worker's threads may talk to AWS at once: some are kept for the sweep, whatever AWS does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

KEPT_FREE = 2
_slots = threading.BoundedSemaphore(64)


def set_concurrency(threads: int) -> None:
    """Called once where a worker starts: of `threads` all but two may talk to AWS, one at the least."""
    global _slots  # noqa: PLW0603  # a process has one pool of threads
    _slots = threading.BoundedSemaphore(max(1, threads - KEPT_FREE))


@contextmanager
def free_slot() -> Iterator[bool]:
    """Yield whether there was a slot left; it is held for the block."""
    slots = _slots
    if not slots.acquire(blocking=False):
        yield False
        return
    try:
        yield True
    finally:
        slots.release()

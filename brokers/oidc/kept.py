"""What was fetched is kept for a while: discovery documents and keys."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from brokers.errors import IdentityUnavailable

T = TypeVar("T")

# A provider that is down isn't asked again by each of many requests at once.
FAILURE_LIFE: Final = 3.0
MOST: Final = 100


@dataclass
class _Entry(Generic[T]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    value: T | None = None
    problem: IdentityUnavailable | None = None
    at: float = 0.0


class Kept(Generic[T]):
    """Up to 100 values by key, each at most `life` seconds old; failures are remembered for 3 s.

    May be shared by threads: for one key, one fetches and the others wait.
    """

    def __init__(self, life: float) -> None:
        self._life = life
        self._entries: dict[str, _Entry[T]] = {}
        self._lock = threading.Lock()

    def get(self, key: str, fetch: Callable[[], T], *, life: float | None = None) -> T:
        """Return what is kept for `key`, fetched anew where it is older than `life` seconds.

        Raises:
            IdentityUnavailable: fetching failed, now or a moment ago.
        """
        entry = self._entry(key)
        with entry.lock:
            age = time.monotonic() - entry.at
            if entry.problem is not None and age < FAILURE_LIFE:
                raise entry.problem
            if (
                entry.value is None
                or entry.problem is not None
                or age > (self._life if life is None else life)
            ):
                self._fetch(entry, fetch)
            assert entry.value is not None  # noqa: S101  # fetched, or raised
            return entry.value

    def _entry(self, key: str) -> _Entry[T]:
        with self._lock:
            if key not in self._entries and len(self._entries) >= MOST:
                self._entries.pop(next(iter(self._entries)))  # the one that came first
            return self._entries.setdefault(key, _Entry())

    @staticmethod
    def _fetch(entry: _Entry[T], fetch: Callable[[], T]) -> None:
        try:
            entry.value, entry.problem = fetch(), None
        except IdentityUnavailable as problem:
            entry.problem = problem
            raise
        finally:
            entry.at = time.monotonic()

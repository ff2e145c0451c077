"""Where the newest audit row is remembered outside of the database, so that one that was set back is noticed.

In Redis; on SQLite in a file beside the database too. Whoever has forgotten, or can't be reached, gives no
information. The number is no secret, and decides nothing but whether an operator is asked to look.
"""

import time
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Protocol

import redis
from django.conf import settings
from django.db import connection

from portal.kernel.redis_client import redis_address

PATIENCE = 1.0
# After one that failed nobody asks for this long: the sweep must not wait round by round.
REST = 10.0
_rest = {"until": 0.0}


class Memory(Protocol):
    """One place that remembers. What goes wrong is OSError, ValueError or redis.RedisError."""

    name: str

    def read(self) -> int | None: ...
    def write(self, event: int) -> None: ...


class RedisMemory:
    name = "Redis"

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
        self._key = f"sallyport:newest-audit-row:{settings.PORTAL_URL}"

    def read(self) -> int | None:
        found = self._redis.get(self._key)
        return int(found) if isinstance(found, bytes) else None

    def write(self, event: int) -> None:
        self._redis.set(self._key, event)


class FileMemory:
    name = "The file beside the database"

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}.newest-audit-row")

    def read(self) -> int | None:
        return int(self._path.read_text(encoding="ascii")) if self._path.exists() else None

    def write(self, event: int) -> None:
        self._path.write_text(f"{event}\n", encoding="ascii")


def read_memories() -> Mapping[str, int]:
    """Return the newest audit row by who remembers it. To be read before the database is asked for its own."""
    found: dict[str, int] = {}
    for memory in memories():
        _tried(partial(_note, found, memory))
    return found


def write_memories(event: int) -> bool:
    """Have every place remember; False where one could not."""
    done = [_tried(partial(memory.write, event)) for memory in memories()]
    return all(done)


@lru_cache(maxsize=1)
def memories() -> tuple[Memory, ...]:
    made: list[Memory] = []
    if url := redis_address(settings.REDIS_URL):
        made.append(RedisMemory(url))
    database = Path(str(connection.settings_dict["NAME"]))
    if connection.vendor == "sqlite" and database.is_file():
        made.append(FileMemory(database))
    return tuple(made)


def _note(found: dict[str, int], memory: Memory) -> None:
    event = memory.read()
    if event is not None:
        found[memory.name] = event


def _tried(act: Callable[[], object]) -> bool:
    if time.monotonic() < _rest["until"]:
        return False
    try:
        act()
    except (OSError, ValueError, redis.RedisError):
        _rest["until"] = time.monotonic() + REST
        return False
    return True

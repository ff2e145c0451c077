"""The portal's Redis, for what may be lost at any time. It never holds anybody up: after a failure it is left alone."""

import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import redis
from django.conf import settings

T = TypeVar("T")
# Seconds: to connect and to answer; and for which nobody of this process asks after one that failed.
PATIENCE = 0.25
REST = 3.0


class RestingRedis:
    """A client whose failures cost a quarter of a second every three, and raise nothing."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=None
        )
        self._rests_until = 0.0
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        found = self._tried(lambda: self._redis.get(key), None)
        return found if isinstance(found, bytes) else None

    def put(self, key: str, value: bytes, *, seconds: float) -> bool:
        """Keep it for that long; False where that failed."""
        return self._tried(lambda: bool(self._redis.set(key, value, px=max(1, int(seconds * 1000)))), False)

    def forget(self, *keys: str) -> None:
        if keys:
            self._tried(lambda: self._redis.delete(*keys), None)

    def _tried(self, act: Callable[[], T], otherwise: T) -> T:
        if time.monotonic() < self._rests_until:
            return otherwise
        try:
            return act()
        except (OSError, ValueError, redis.RedisError):
            with self._lock:
                self._rests_until = time.monotonic() + REST
            return otherwise


def redis_address(url: str) -> str:
    """Return Celery's address as the Redis client writes it; empty where it is none of Redis."""
    parts = urlsplit(url)
    if parts.scheme in {"redis", "rediss"}:
        return url
    if parts.scheme == "redis+socket":
        return f"unix://{parts.path}?db={parse_qs(parts.query).get('virtual_host', ['0'])[0]}"
    return ""


@lru_cache(maxsize=4)
def _client(url: str) -> RestingRedis:
    return RestingRedis(url)


def redis_client() -> RestingRedis | None:
    """Return the process's client; None where the portal runs without a Redis."""
    url = redis_address(settings.REDIS_URL)
    return _client(url) if url else None

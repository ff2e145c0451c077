"""Whether this process lives, and whether it is ready: for whatever starts, stops and balances processes."""

import time
from collections.abc import Mapping
from functools import cache

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from kombu import Connection
from kombu.exceptions import KombuError

from portal.access.operating_queries import sweep_row
from portal.kernel.clock import database_now

# Whoever asks for readiness gives up after a second, and Redis is no reason to be unready.
REDIS_PATIENCE = 0.3
REDIS_ASKED_EVERY = 10.0
_redis: dict[str, tuple[float, str]] = {}


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that this process answers. Asks nothing of the database: a restart would not mend that."""
    del request
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Say whether requests may be sent here: 503, with the part that isn't ready, when not.

    Redis and the sweep are told as facts alone: losing them loses nothing, and taking the web processes away
    would mend neither. No address, version or error's text is told: anybody may ask.
    """
    del request
    parts = _parts()
    ready = all(parts.values())
    told = {
        "ready": ready,
        "database": "answers" if parts["database"] else "does not answer",
        "migrations": "applied" if parts["migrations"] else "not all applied",
        **(_facts() if ready else {}),
    }
    return JsonResponse(told, status=200 if ready else 503)


def _parts() -> Mapping[str, bool]:
    try:
        applied = set(MigrationRecorder(connection).applied_migrations())
    except DatabaseError:
        return {"database": False, "migrations": False}
    return {"database": True, "migrations": _known_migrations() <= applied}


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    """Read from the disk once: a process' own code doesn't change."""
    return frozenset(MigrationLoader(None).disk_migrations or ())


def _facts() -> Mapping[str, str]:
    return {"redis": _redis_answers(), "sweep": _sweep_ran()}


def _sweep_ran() -> str:
    row = sweep_row()
    if row is None or row.ran_at is None:
        return "has not run yet"
    return f"ran {max(0, (database_now() - row.ran_at).total_seconds()):.0f} s ago"


def _redis_answers() -> str:
    asked_at, answer = _redis.get("answer", (0.0, ""))
    if not answer or time.monotonic() - asked_at > REDIS_ASKED_EVERY:
        answer = _ask_redis()
        _redis["answer"] = (time.monotonic(), answer)
    return answer


def _ask_redis() -> str:
    patience = {"socket_timeout": REDIS_PATIENCE, "socket_connect_timeout": REDIS_PATIENCE, "max_retries": 0}
    try:
        with Connection(settings.CELERY_BROKER_URL, transport_options=patience) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
    except (KombuError, OSError):
        return "does not answer"
    return "answers"

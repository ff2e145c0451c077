"""Lives, and is ready: what is told to whom, and what is no reason to be unready."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.access.models import Sweep
from portal.web import health


@pytest.fixture(autouse=True)
def _redis_not_asked_yet() -> Iterator[None]:
    health._redis.clear()
    yield
    health._redis.clear()


def told(client: Client) -> tuple[int, dict[str, object]]:
    answer = client.get("/readyz")
    return answer.status_code, json.loads(answer.content)


def test_it_answers_without_a_database(client: Client) -> None:
    """No `db` fixture: a query would fail the test."""
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, b"ok", "text/plain")
    assert answer.cookies == {}
    assert client.post("/healthz").status_code == 405


@pytest.mark.django_db
def test_it_is_ready_and_tells_the_facts(client: Client) -> None:
    Sweep.objects.create(ran_at=datetime.now(UTC) - timedelta(seconds=70))
    with CaptureQueriesContext(connection) as asked:
        status, facts = told(client)
    assert status == 200
    assert facts == {
        "ready": True,
        "database": "answers",
        "migrations": "applied",
        "redis": "answers",
        "sweep": facts["sweep"],
    }
    assert re.fullmatch(r"ran 7\d s ago", str(facts["sweep"]))
    assert len(asked) <= 4
    assert client.post("/readyz").status_code == 405


@pytest.mark.django_db
def test_neither_redis_nor_the_sweep_makes_it_unready(client: Client, settings: LazySettings) -> None:
    settings.CELERY_BROKER_URL = "redis://:open-sesame@127.0.0.1:1/0"
    status, facts = told(client)
    assert (status, facts["redis"], facts["sweep"]) == (200, "does not answer", "has not run yet")
    assert "open-sesame" not in str(facts)
    settings.CELERY_BROKER_URL = "memory://"
    assert told(client)[1]["redis"] == "does not answer", "it is not asked anew each time"


@pytest.mark.django_db
def test_a_migration_that_is_not_applied_makes_it_unready(client: Client) -> None:
    MigrationRecorder(connection).record_unapplied("kernel", "0002_tallies")
    assert told(client) == (
        503,
        {"ready": False, "database": "answers", "migrations": "not all applied"},
    )
    MigrationRecorder(connection).record_applied("kernel", "0002_tallies")
    MigrationRecorder(connection).record_applied("kernel", "9999_of_a_newer_version")
    assert told(client)[0] == 200, "while a newer version is rolled out, the older one goes on"


def test_a_database_that_is_away_makes_it_unready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: object) -> None:
        raise OperationalError("password authentication failed for user portal at db.internal")

    monkeypatch.setattr(MigrationRecorder, "applied_migrations", away)
    assert told(client) == (
        503,
        {"ready": False, "database": "does not answer", "migrations": "not all applied"},
    )
    assert client.get("/healthz").status_code == 200, "a restart would not mend the database"

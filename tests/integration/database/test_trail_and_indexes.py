"""The audit trail's triggers, the partial indexes that find what is due, and the migrations, on either database."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from portal.access.models import Grant
from portal.access.operations.running.sweep_grants import due_to_end, due_to_start
from portal.audit import append_only
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.audit.operations import Entry, record
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now

pytestmark = pytest.mark.django_db
TABLE = append_only.TABLE
COLUMNS = "id, at, type, outcome, actor_kind, actor_label, user_agent, request_id, details"


@pytest.fixture
def event() -> Iterator[AuditEvent]:
    """One event with the triggers on; they go with the test's transaction."""
    append_only.protect(connection)
    with transaction.atomic():
        record(Entry(type=EventType.SIGNED_OUT, at=database_now(), actor=Actor.system("tests")))
    yield AuditEvent.objects.get()
    append_only.unprotect(connection)


STATEMENTS = [
    f"UPDATE {TABLE} SET actor_label = 'x'",  # noqa: S608
    f"DELETE FROM {TABLE}",  # noqa: S608
    f"TRUNCATE {TABLE}",
    f"INSERT OR REPLACE INTO {TABLE} ({COLUMNS}) SELECT {COLUMNS.replace('actor_label', 'actor_kind')} FROM {TABLE}",  # noqa: S608
]


@pytest.mark.parametrize("statement", STATEMENTS, ids=["update", "delete", "truncate", "replace"])
def test_the_trail_takes_rows_and_gives_none_back(event: AuditEvent, statement: str) -> None:
    other = {"TRUNCATE": "sqlite", "INSERT": "postgresql"}.get(statement.split(" ", 1)[0])
    if other == connection.vendor:
        pytest.skip(f"{other} has no such statement")
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert AuditEvent.objects.get().actor_label == event.actor_label
    with transaction.atomic():
        record(Entry(type=EventType.SIGNED_OUT, at=database_now(), actor=Actor.system("tests")))
    assert AuditEvent.objects.count() == 2


def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_due_grants_are_found_by_partial_indexes(role: Any, person: Any) -> None:
    now, somebody = database_now(), person()
    hour = timedelta(hours=1)

    def row(number: int) -> Grant:
        living = number % 100 == 0
        return Grant(
            person=somebody,
            role=role,
            starts_at=now - 2 * hour,
            ends_at=now - hour + timedelta(seconds=number),
            state="active" if living else "expired",
            activated_at=now - 2 * hour,
            ended_at=None if living else now + hour,
            reason="r",
            made_at=now,
        )

    Grant.objects.bulk_create([row(number) for number in range(6000)], batch_size=500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE access_grant")
    for due, index in (
        (due_to_end(now - hour / 2), "grant_due_to_end"),
        (due_to_start(now), "grant_due_to_start"),
    ):
        plan = due[:100].explain()
        # Either serves: SQLite takes the one of the ends, which has the living alone, too.
        assert index in plan or "grant_due_to_end" in plan, plan

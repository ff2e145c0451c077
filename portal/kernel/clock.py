"""Time is the database's, so that any number of machines agree on what is over.

Take the lock first, then ask: PostgreSQL's `now()` is the transaction's start and is stale after a wait for a
lock, so `clock_timestamp()` is asked in a statement of its own. SQLite lives in this process: its clock is ours.
"""

from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Func, Value


def database_now() -> datetime:
    if connection.vendor != "postgresql":
        return datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    if row is None:  # pragma: no cover - a SELECT without FROM answers one row
        raise AssertionError("clock_timestamp() answered nothing")
    return row[0].astimezone(UTC)  # type: ignore[no-any-return]  # cursors are untyped


def clock_expression(ours: datetime) -> Any:
    """Return the same as part of a query; `ours` is what it is where the database has no clock of its own."""
    if connection.vendor == "postgresql":
        return Func(function="clock_timestamp", output_field=DateTimeField())
    return Value(ours, DateTimeField())

"""A query that is written once and asked often: Django takes longer to write a large one than a database to answer it.

On PostgreSQL the server keeps its plan, too. A pooler that knows no prepared statements is found out, and it is planned
anew each time there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from weakref import WeakSet

import psycopg
from django.db import DatabaseError, connection
from django.db.models import DateTimeField, QuerySet, UUIDField

PLAN_AFTER = 5
# What a pooler between brings about that gives each transaction another server's connection.
NO_PLANS = (psycopg.errors.InvalidSqlStatementName, psycopg.errors.DuplicatePreparedStatement)
# Real connections on which plans are kept; and whether that works here.
_planning: "WeakSet[psycopg.Connection[Any]]" = WeakSet()
_plans = {"are_kept": True}
# A field costs more to make than all it does here.
_UUID: Any = UUIDField()
_TIME: Any = DateTimeField()


@dataclass(frozen=True, slots=True)
class _Written:
    """`places`: the name of what is given there, or, in a tuple, the query's own value."""

    sql: str
    places: Sequence[str | tuple[Any]]
    converters: Sequence[tuple[int, Sequence[Callable[..., Any]], Any]]


class PreparedQuery:
    """`build` is given a marker for each parameter, and returns a queryset of `values_list()`.

    A marker is a value of its parameter's type that stands nowhere else in the query.
    """

    def __init__(
        self, build: Callable[[Mapping[str, Any]], QuerySet[Any, Any]], markers: Mapping[str, Any]
    ) -> None:
        self._build, self._markers = build, markers
        self._written: dict[str, _Written] = {}

    def first(self, given: Mapping[str, Any]) -> Sequence[Any] | None:
        """Return the first row, its values as Django's own are; None where there is none."""
        written = self._written.get(connection.vendor) or self._write()
        params = [given[place] if isinstance(place, str) else place[0] for place in written.places]
        row = _ask(written.sql, [_adapted(value) for value in params])
        if row is None or not written.converters:
            return row
        values = list(row)
        for index, converts, column in written.converters:
            for convert in converts:
                values[index] = convert(values[index], column, connection)
        return values

    def _write(self) -> _Written:
        compiler = self._build(self._markers).query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        names = {_adapted(marker): name for name, marker in self._markers.items()}
        columns = [column for column, _, _ in compiler.select or ()]
        found = compiler.get_converters(columns)
        written = _Written(
            sql,
            [names.get(value, (value,)) for value in params],
            [(index, converts, column) for index, (converts, column) in found.items()],
        )
        self._written[connection.vendor] = written
        return written


def _adapted(value: Any) -> Any:
    """Return a value as this database's statements take it."""
    if isinstance(value, UUID):
        return _UUID.get_db_prep_value(value, connection)
    if isinstance(value, datetime):
        return _TIME.get_db_prep_value(value, connection)
    return value


def _ask(sql: str, params: Sequence[Any]) -> Sequence[Any] | None:
    if connection.vendor == "postgresql" and _plans["are_kept"]:
        try:
            return _ask_planned(sql, params)
        except DatabaseError as problem:
            if not isinstance(problem.__cause__, NO_PLANS):
                raise
            _plans["are_kept"] = False
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone()  # type: ignore[no-any-return]  # cursors are untyped


def _ask_planned(sql: str, params: Sequence[Any]) -> Sequence[Any] | None:
    """By psycopg's own cursor: Django's sends each statement with its values in it, which has no plan to keep."""
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    real: psycopg.Connection[Any] = connection.connection
    if real not in _planning:
        _planning.add(real)
        real.prepare_threshold = PLAN_AFTER
    with connection.wrap_database_errors, psycopg.Cursor(real) as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone()

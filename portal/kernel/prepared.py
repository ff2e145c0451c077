"""A query that is written once and asked often: Django takes longer to write a large one than a database to answer it.

On PostgreSQL the server keeps its plan, too. A pooler that knows no prepared statements is found out, and it is planned
anew each time there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField, Model, QuerySet, UUIDField
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=Model)
T = TypeVar("T")
Row = Sequence[Any]
Given = Mapping[str, Any]
PLAN_AFTER = 5
# What a pooler between brings about that gives each transaction another server's connection.
NO_PLANS = (psycopg.errors.InvalidSqlStatementName, psycopg.errors.DuplicatePreparedStatement)
# In a transaction, which such an error would end, only after so many statements that went well outside of one.
TRUSTED_AFTER = 50
# How many went well on each real connection; and whether plans are kept here.
_went_well: "WeakKeyDictionary[psycopg.Connection[Any], int]" = WeakKeyDictionary()
_plans = {"are_kept": True}
# A field costs more to make than all it does here.
_UUID: Any = UUIDField()
_TIME: Any = DateTimeField()


@dataclass(frozen=True, slots=True)
class Written:
    """`places`: the name of what is given there, or, in a tuple, the query's own value."""

    sql: str
    places: Sequence[str | tuple[Any]]
    converters: Sequence[tuple[int, Sequence[Callable[..., Any]], Any]] = ()

    @classmethod
    def of(cls, compiler: Any, markers: Given) -> "Written":
        sql, params = compiler.as_sql()
        names = {_adapted(marker, compiler.connection): name for name, marker in markers.items()}
        columns = [column for column, _, _ in getattr(compiler, "select", None) or ()]
        found = compiler.get_converters(columns)
        return cls(
            sql,
            [names.get(value, (value,)) for value in params],
            [(index, converts, column) for index, (converts, column) in found.items()],
        )

    def params(self, given: Given, db: BaseDatabaseWrapper) -> Sequence[Any]:
        return [_adapted(given[place] if isinstance(place, str) else place[0], db) for place in self.places]

    def converted(self, row: Row, db: BaseDatabaseWrapper) -> Row:
        """Return a row with its values as Django's own are."""
        if not self.converters:
            return row
        values = list(row)
        for index, converts, column in self.converters:
            for convert in converts:
                values[index] = convert(values[index], column, db)
        return values


class PreparedQuery:
    """`build` is given a marker for each parameter, and returns a queryset of `values_list()`.

    A marker is a value of its parameter's type that stands nowhere else in the query.
    """

    def __init__(self, build: Callable[[Given], QuerySet[Any, Any]], markers: Given) -> None:
        self._build, self._markers = build, markers
        self._written: dict[str, Written] = {}

    def first(self, given: Given) -> Row | None:
        """Return the first row; None where there is none."""
        db = database()
        written = self._written.get(db.vendor) or self._write(db)
        row: Row | None = ask(db, written.sql, written.params(given, db), _one)
        return None if row is None else written.converted(row, db)

    def _write(self, db: BaseDatabaseWrapper) -> Written:
        compiler = self._build(self._markers).query.get_compiler(connection=db)
        written = self._written[db.vendor] = Written.of(compiler, self._markers)
        return written


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a row becomes models, as Django's own `ModelIterable` has it."""

    written: Written
    model: Any
    columns: slice
    names: Sequence[str]
    joined: Sequence[Any]
    annotations: Mapping[str, int]


class PreparedModels(Generic[M]):
    """The same for models, with what is joined to them (`select_related`) and what is annotated.

    `build` returns a queryset of models. What is annotated stands beside the model, by its name.
    """

    def __init__(self, build: Callable[[Given], QuerySet[M]], markers: Given) -> None:
        self._build, self._markers = build, markers
        self._shapes: dict[str, _Shape] = {}

    def first(self, given: Given) -> tuple[M, Mapping[str, Any]] | None:
        """Return the first row; None where there is none."""
        db = database()
        shape = self._shapes.get(db.vendor) or self._write(db)
        row: Row | None = ask(db, shape.written.sql, shape.written.params(given, db), _one)
        return None if row is None else self._made(shape, row, db)

    def all(self, given: Given) -> list[tuple[M, Mapping[str, Any]]]:
        db = database()
        shape = self._shapes.get(db.vendor) or self._write(db)
        rows = ask(db, shape.written.sql, shape.written.params(given, db), _every)
        return [self._made(shape, row, db) for row in rows]

    def _made(self, shape: _Shape, row: Row, db: BaseDatabaseWrapper) -> tuple[M, Mapping[str, Any]]:
        row = shape.written.converted(row, db)
        model: M = shape.model.from_db(db.alias, shape.names, row[shape.columns])
        for populator in shape.joined:
            populator.populate(row, model)
        return model, {name: row[index] for name, index in shape.annotations.items()}

    def _write(self, db: BaseDatabaseWrapper) -> _Shape:
        compiler: Any = self._build(self._markers).query.get_compiler(connection=db)
        written = Written.of(compiler, self._markers)
        info, select = compiler.klass_info, compiler.select
        columns = slice(info["select_fields"][0], info["select_fields"][-1] + 1)
        shape = self._shapes[db.vendor] = _Shape(
            written,
            info["model"],
            columns,
            [column.target.attname for column, _, _ in select[columns]],
            get_related_populators(info, select, db.alias),  # type: ignore[call-arg]  # stubs of a later Django
            compiler.annotation_col_map or {},
        )
        return shape


def database() -> BaseDatabaseWrapper:
    """Return the connection itself: `django.db.connection` looks it up anew for each thing that it is asked."""
    return connections[DEFAULT_DB_ALIAS]


def ask(db: BaseDatabaseWrapper, sql: str, params: Sequence[Any], take: Callable[[Any], T]) -> T:
    """Run a statement, and return what `take` has of its cursor. Raises Django's DatabaseErrors."""
    if db.vendor == "postgresql" and _plans["are_kept"]:
        try:
            return _ask_planned(db, sql, params, take)
        except DatabaseError as problem:
            if not isinstance(problem.__cause__, NO_PLANS):
                raise
            _plans["are_kept"] = False
            if db.in_atomic_block:
                raise
    with db.cursor() as cursor:
        cursor.execute(sql, params)
        return take(cursor)


def _ask_planned(db: BaseDatabaseWrapper, sql: str, params: Sequence[Any], take: Callable[[Any], T]) -> T:
    """By psycopg's own cursor: Django's sends each statement with its values in it, which has no plan to keep."""
    db.validate_no_broken_transaction()
    db.close_if_health_check_failed()
    db.ensure_connection()
    real: psycopg.Connection[Any] = db.connection
    if (well := _went_well.setdefault(real, 0)) == 0:
        real.prepare_threshold = PLAN_AFTER
    is_inside = db.in_atomic_block
    with db.wrap_database_errors, psycopg.Cursor(real) as cursor:
        cursor.execute(sql, params, prepare=False if is_inside and well < TRUSTED_AFTER else None)
        if not is_inside:
            _went_well[real] = well + 1
        return take(cursor)


def _adapted(value: Any, db: BaseDatabaseWrapper) -> Any:
    """Return a value as this database's statements take it."""
    if isinstance(value, UUID):
        return _UUID.get_db_prep_value(value, db)
    if isinstance(value, datetime):
        return _TIME.get_db_prep_value(value, db)
    return value


def _one(cursor: Any) -> Row | None:
    return cursor.fetchone()  # type: ignore[no-any-return]  # cursors are untyped


def _every(cursor: Any) -> Sequence[Row]:
    return cursor.fetchall()  # type: ignore[no-any-return]  # cursors are untyped

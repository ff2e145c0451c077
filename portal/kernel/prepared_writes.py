"""An INSERT or UPDATE that is written once, as `portal.kernel.prepared` has it for queries.

No signals are sent, and defaults of the database's own are not asked for: for rows whose models have none of either.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model, QuerySet, Value
from django.db.models.constants import OnConflict
from django.db.models.sql import InsertQuery, UpdateQuery

from portal.kernel.prepared import Given, Written, ask, database


class PreparedInsert:
    """Writes one new row. `or_leave`: not where that breaks a unique constraint, instead of raising."""

    def __init__(self, model: type[Model], *, or_leave: bool = False) -> None:
        self._model, self._on_conflict = model, OnConflict.IGNORE if or_leave else None
        self._sql: dict[str, str] = {}

    def run(self, row: Model) -> bool:
        """Return whether it was written. A key that the database counts up is not read back."""
        db = database()
        sql = self._sql.get(db.vendor) or self._write(row, db)
        params = [field.get_db_prep_save(field.pre_save(row, add=True), db) for field in self._fields(row)]
        is_written = ask(db, sql, params, _changed) == 1
        if is_written:
            row._state.adding, row._state.db = False, db.alias  # noqa: SLF001  # documented model API
        return is_written

    def _write(self, row: Model, db: BaseDatabaseWrapper) -> str:
        query = InsertQuery(self._model, on_conflict=self._on_conflict)
        query.insert_values(self._fields(row), [row])
        [(sql, _)] = query.get_compiler(connection=db).as_sql()
        written = self._sql[db.vendor] = str(sql)
        return written

    def _fields(self, row: Model) -> list[Any]:
        meta: Any = row._meta  # noqa: SLF001  # documented model API
        counted = meta.auto_field
        return [field for field in meta.concrete_fields if field is not counted]


class PreparedUpdate:
    """`build` is given a marker for each parameter, as PreparedQuery's, and returns the rows to change."""

    def __init__(self, build: Callable[[Given], QuerySet[Any]], markers: Given) -> None:
        self._build, self._markers = build, markers
        self._written: dict[tuple[str, ...], tuple[Written, Mapping[str, Any]]] = {}

    def run(self, given: Given, **values: Any) -> int:
        """Change these columns; return of how many rows."""
        db = database()
        key = (db.vendor, *values)
        written, fields = self._written.get(key) or self._write(key, db)
        changes = {name: field.get_db_prep_save(values[name], db) for name, field in fields.items()}
        params = written.params({**given, **{_mark(name): value for name, value in changes.items()}}, db)
        return ask(db, written.sql, params, _changed)

    def _write(self, key: tuple[str, ...], db: BaseDatabaseWrapper) -> tuple[Written, Mapping[str, Any]]:
        rows, names = self._build(self._markers), key[1:]
        query: Any = rows.query.chain(UpdateQuery)
        query.add_update_values({name: Value(_mark(name)) for name in names})
        markers = {**self._markers, **{_mark(name): _mark(name) for name in names}}
        compiler = query.get_compiler(connection=db)
        fields = {name: rows.model._meta.get_field(name) for name in names}  # noqa: SLF001  # documented model API
        found = self._written[key] = (Written.of(compiler, markers), fields)
        return found


def _mark(name: str) -> str:
    return f"\x00set {name}"


def _changed(cursor: Any) -> int:
    return cursor.rowcount  # type: ignore[no-any-return]  # cursors are untyped

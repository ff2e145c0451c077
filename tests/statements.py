"""What is sent to the database, also by the cursors that Django does not count."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from django.db import connection, connections

from portal.kernel import prepared


@contextmanager
def statements() -> Iterator[list[str]]:
    """List the statements of this thread, and `COMMIT` for each transaction, also those of a single statement."""
    told: list[str] = []
    planned, real = prepared._ask_planned, connections[connection.alias]
    commit = real.commit

    def note(sql: str) -> None:
        told.append(sql)
        if not real.in_atomic_block and not sql.startswith(("SELECT", "BEGIN")):
            told.append("COMMIT")

    def wrapped(execute: Callable[..., Any], sql: str, params: Any, many: Any, context: Any) -> Any:
        note(sql)
        return execute(sql, params, many, context)

    def asked(db: Any, sql: str, *rest: Any) -> Any:
        note(sql)
        return planned(db, sql, *rest)

    def committed() -> None:
        told.append("COMMIT")
        commit()

    with (
        connection.execute_wrapper(wrapped),
        patch.object(prepared, "_ask_planned", asked),
        patch.object(real, "commit", committed),
    ):
        yield told

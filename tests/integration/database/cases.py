"""How a case is told: a named constraint, a row that it must refuse, and the neighbour that it must take."""

from collections.abc import Callable
from typing import Any

from tests.integration.database.rows_credentials import Rows

Case = tuple[str, Callable[[Rows], object], Callable[[Rows], object]]


def twice(make: str, **same: Any) -> Callable[[Rows], object]:
    def act(rows: Rows) -> object:
        given = {key: value(rows) if callable(value) else value for key, value in same.items()}
        getattr(rows, make)(**given)
        return getattr(rows, make)(**given)

    return act


def one(make: str, **changes: Any) -> Callable[[Rows], object]:
    def act(rows: Rows) -> object:
        given = {key: value(rows) if callable(value) else value for key, value in changes.items()}
        return getattr(rows, make)(**given)

    return act

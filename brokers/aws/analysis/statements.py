"""The statements of an identity policy, read so that they can be judged; elements of one become lists of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. `where`: how people find it. Of `actions` and `but_actions` one is empty; so with resources."""

    where: str
    allows: bool
    actions: tuple[str, ...]
    but_actions: tuple[str, ...]
    resources: tuple[str, ...]
    but_resources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def means_everything(self) -> bool:
        return any(action in {"*", "*:*"} for action in self.actions)

    @property
    def is_on_everything(self) -> bool:
        return "*" in self.resources


def raw_statements(policy: Mapping[str, Any]) -> Sequence[Any]:
    found = policy.get("Statement")
    return found if isinstance(found, list) else [] if found is None else [found]


def place_of(number: int, statement: Any) -> str:
    """Name a statement: by its number, and its Sid where it has one."""
    sid = statement.get("Sid") if isinstance(statement, Mapping) else None
    return f"Statement {number} ({sid})" if isinstance(sid, str) and sid else f"Statement {number}"


def read_statement(number: int, statement: Mapping[str, Any]) -> Statement:
    """Read a statement that the grammar allows."""
    return Statement(
        where=place_of(number, statement),
        allows=statement.get("Effect") == "Allow",
        actions=_words(statement.get("Action")),
        but_actions=_words(statement.get("NotAction")),
        resources=_words(statement.get("Resource")),
        but_resources=_words(statement.get("NotResource")),
        condition=statement.get("Condition") or {},
    )


def read_statements(policy: Mapping[str, Any]) -> tuple[Statement, ...]:
    """Read the statements of a policy; what is no statement at all is left out: it allows nothing."""
    return tuple(
        read_statement(number, statement)
        for number, statement in enumerate(raw_statements(policy), 1)
        if isinstance(statement, Mapping)
    )


def _words(value: Any) -> tuple[str, ...]:
    listed = value if isinstance(value, list | tuple) else [value]
    return tuple(each for each in listed if isinstance(each, str))

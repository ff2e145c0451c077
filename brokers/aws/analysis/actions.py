"""What actions AWS has, of which access level, and on which kinds of resources: from a table that ships beside this.

The table has an age (`source`): an action that it lacks may be newer. It is read when it is first asked for, and each
service's line when that service is.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from brokers.aws.analysis.wildcards import is_wild, matches

LEVELS = ("List", "Read", "Write", "Tagging", "Permissions")


@dataclass(frozen=True, slots=True)
class Action:
    """One action. `resources`: ARN patterns of the kinds that it takes; none: only `*` means it."""

    service: str
    name: str
    level: str
    resources: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.service}:{self.name}"


@dataclass(frozen=True, slots=True)
class Service:
    """One service. `actions`: by name in small letters, as AWS ignores case."""

    prefix: str
    name: str
    actions: Mapping[str, Action]


@cache
def _lines() -> tuple[str, Mapping[str, tuple[str, str]]]:
    head, *lines = files(__package__).joinpath("actions.tsv").read_text(encoding="utf-8").splitlines()
    return head, {prefix: (name, told) for prefix, name, told in (line.split("\t") for line in lines)}


def source() -> str:
    """Return what the table was made from, and when that was released."""
    made_from, released, _ = _lines()[0].split("\t")
    return f"{made_from} of {released}"


def prefixes() -> tuple[str, ...]:
    return tuple(_lines()[1])


@cache
def service(prefix: str) -> Service | None:
    """Return a service by the prefix of its actions, in small letters; None: the table has none such."""
    found = _lines()[1].get(prefix)
    if found is None:
        return None
    name, told = found
    return Service(prefix, name, {each.name.lower(): each for each in _actions(prefix, json.loads(told))})


def _actions(prefix: str, told: Mapping[str, object]) -> Iterator[Action]:
    kinds = told["resources"]
    for level in LEVELS:
        by_kinds = told.get(level)
        if not isinstance(by_kinds, dict) or not isinstance(kinds, list):
            continue
        for on, names in by_kinds.items():
            resources = tuple(kinds[int(at)] for at in on.split(",") if at)
            yield from (Action(prefix, name, level, resources) for name in names.split())


def expand(pattern: str) -> tuple[Action, ...]:
    """Return the actions that a pattern such as `s3:Get*` means; none where the table knows none."""
    prefix, _, name = pattern.lower().partition(":")
    found = service(prefix)
    if found is None:
        return ()
    if not is_wild(name):
        return (found.actions[name],) if name in found.actions else ()
    return tuple(each for key, each in found.actions.items() if matches(name, key))

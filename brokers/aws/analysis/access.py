"""What a policy lets somebody do, by service and access level, in words that people read before they say yes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from brokers.aws.analysis import actions as table
from brokers.aws.analysis.statements import Statement, read_statements
from brokers.aws.analysis.wildcards import matches
from brokers.types import ServiceAccess

MOST_NAMED = 12
EVERY, EVERY_NAME = "*", "Every service"
UNKNOWN = "Unknown"
_OPERATORS = {
    "StringEquals": "is",
    "StringNotEquals": "is not",
    "StringLike": "fits",
    "StringNotLike": "doesn't fit",
    "ArnEquals": "is",
    "ArnLike": "fits",
    "ArnNotEquals": "is not",
    "ArnNotLike": "doesn't fit",
    "Bool": "is",
    "IpAddress": "is in",
    "NotIpAddress": "is not in",
    "DateLessThan": "is before",
    "DateLessThanEquals": "is not after",
    "DateGreaterThan": "is after",
    "DateGreaterThanEquals": "is not before",
}


def access(policy: Mapping[str, Any]) -> Sequence[ServiceAccess]:
    """Return what it allows, a row for each service and set of resources and conditions.

    What it denies everywhere and always is left out; its other denies are told as conditions.
    """
    statements = read_statements(policy)
    denies = [each for each in statements if not each.allows]
    whole = tuple(
        action for each in denies if each.is_on_everything and not each.condition for action in each.actions
    )
    partly = [each for each in denies if not (each.is_on_everything and not each.condition)]
    return [row for each in statements if each.allows for row in _rows(each, whole, partly)]


def _rows(
    statement: Statement, denied: Sequence[str], partly: Sequence[Statement]
) -> Iterator[ServiceAccess]:
    resources = statement.resources or tuple(f"all but {each}" for each in statement.but_resources)
    conditions = tuple(_conditions(statement.condition))
    if statement.means_everything or statement.but_actions:
        levels: dict[str, tuple[str, ...]] = {"Everything": ("*",)}
        if statement.but_actions:
            levels = {"Everything but": statement.but_actions}
        never = (f"never {', '.join(denied)}",) if denied else ()
        limits = tuple(filter(None, (_limit(each, EVERY) for each in partly)))
        yield ServiceAccess(EVERY, EVERY_NAME, levels, resources, (*conditions, *never, *limits))
        return
    prefixes = dict.fromkeys(action.partition(":")[0].lower() for action in statement.actions)
    for prefix in prefixes:
        if of_service := _levels(prefix, statement, denied):
            known = table.service(prefix)
            limits = tuple(filter(None, (_limit(each, prefix) for each in partly)))
            yield ServiceAccess(
                prefix, known.name if known else prefix, of_service, resources, (*conditions, *limits)
            )


def _levels(prefix: str, statement: Statement, denied: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the actions by level, in the table's order of levels; those that the table lacks at the end."""
    patterns = [action for action in statement.actions if action.partition(":")[0].lower() == prefix]
    meant = {str(action): action for pattern in patterns for action in table.expand(pattern)}
    left = [
        action
        for name, action in meant.items()
        if not any(matches(each, name, ignore_case=True) for each in denied)
    ]
    levels = {
        level: _first([action.name for action in left if action.level == level]) for level in table.LEVELS
    }
    unknown = [pattern.partition(":")[2] for pattern in patterns if not table.expand(pattern)]
    return {level: names for level, names in {**levels, UNKNOWN: _first(unknown)}.items() if names}


def _first(names: Sequence[str]) -> tuple[str, ...]:
    more = len(names) - MOST_NAMED
    return (*names[:MOST_NAMED], f"and {more} more") if more > 0 else tuple(names)


def _limit(deny: Statement, prefix: str) -> str:
    """Say what a deny takes from a service's row; nothing where it is about others."""
    actions = [
        action
        for action in (*deny.actions, *deny.but_actions)
        if prefix == EVERY or action.partition(":")[0].lower() in {"*", prefix}
    ]
    if not actions and not deny.but_actions:
        return ""
    what = f"all but {', '.join(deny.but_actions)}" if deny.but_actions else ", ".join(actions)
    where = f" on {', '.join(deny.resources)}" if deny.resources and not deny.is_on_everything else ""
    but = f" on all but {', '.join(deny.but_resources)}" if deny.but_resources else ""
    when = f" when {' and '.join(_plain(deny.condition))}" if deny.condition else ""
    return f"never {what}{where}{but}{when}"


def _conditions(block: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for words in _plain(block):
        yield f"only when {words}"


def _plain(block: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for operator, keys in block.items():
        quantifier, _, plain = operator.rpartition(":")
        optional = plain.endswith("IfExists")
        verb = _OPERATORS.get(plain.removesuffix("IfExists"), plain.removesuffix("IfExists"))
        for key, values in keys.items():
            listed = values if isinstance(values, list) else [values]
            each = {"ForAllValues": "each of ", "ForAnyValue": "any of "}.get(quantifier, "")
            there = ", where AWS tells it" if optional else ""
            if plain == "Null":
                yield f"{key} is {'not ' if str(listed[0]).lower() == 'true' else ''}told"
            else:
                yield f"{each}{key} {verb} {' or '.join(map(str, listed))}{there}"

"""What identity policies that count together say of one call: to tell why something is refused, never to let in.

AWS decides; this reads the portal's own policies so that the doctor can name the one that stands in the way.

Source: IAM User Guide, "Policy evaluation logic", "IAM JSON policy elements: Condition operators".
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from brokers.aws.analysis.statements import Statement, read_statements
from brokers.aws.analysis.wildcards import matches
from brokers.types import Decision

_EPOCH = re.compile(r"-?[0-9]{5,12}(\.[0-9]+)?")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
Context = Mapping[str, str]
_ARN_PARTS = 6


def decide(
    policies: Sequence[Mapping[str, Any]], *, action: str, resource: str, context: Context
) -> Decision:
    """Say what the policies say: a deny that applies wins, else an allow. `context` is the port's."""
    known = {key.lower(): value for key, value in context.items()}
    applying = [
        statement
        for policy in policies
        for statement in read_statements(policy)
        if _is_about(statement, action, resource, known) and _holds(statement, known)
    ]
    if any(not statement.allows for statement in applying):
        return Decision.EXPLICIT_DENY
    return Decision.ALLOWED if applying else Decision.NOT_ALLOWED


def _is_about(statement: Statement, action: str, resource: str, context: Context) -> bool:
    named = any(
        matches(each, action, ignore_case=True) for each in statement.actions or statement.but_actions
    )
    places = statement.resources or statement.but_resources
    there = any(matches(_filled(each, context, statement.allows), resource) for each in places)
    return named != bool(statement.but_actions) and there != bool(statement.but_resources)


def _holds(statement: Statement, context: Context) -> bool:
    return all(
        _met(operator, key, values, context, unknown=not statement.allows)
        for operator, keys in statement.condition.items()
        for key, values in keys.items()
    )


def _met(operator: str, key: str, values: Any, context: Context, *, unknown: bool) -> bool:
    """`unknown`: what a condition counts as whose key the context lacks."""
    listed = values if isinstance(values, list) else [values]
    wanted = [_filled(_text(each), context, not unknown) for each in listed]
    plain = operator.rpartition(":")[2]
    found = context.get(key.lower())
    if plain == "Null":
        return (found is None) == (wanted[:1] == ["true"])
    if found is None:
        return unknown or plain.endswith("IfExists")
    plain = plain.removesuffix("IfExists")
    is_negated = "Not" in plain
    compare = _COMPARE.get("IpAddress" if plain == "NotIpAddress" else plain.replace("Not", ""))
    if compare is None:
        return unknown
    return any(compare(found, each) for each in wanted) != is_negated


def _filled(text: str, context: Context, allows: bool) -> str:  # noqa: FBT001  # private, in two places
    """Put in what policy variables stand for. One without a value: nothing in an Allow, anything in a Deny."""
    return _VARIABLE.sub(lambda each: context.get(each[1].lower(), each[0] if allows else "*"), text)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _moment(text: str) -> datetime:
    if _EPOCH.fullmatch(text):
        return datetime.fromtimestamp(float(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_in(address: str, network: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)


def _arn_fits(found: str, wanted: str) -> bool:
    """Each part by itself: a wildcard doesn't reach over a colon."""
    parts, patterns = found.split(":", _ARN_PARTS - 1), wanted.split(":", _ARN_PARTS - 1)
    return len(parts) == len(patterns) == _ARN_PARTS and all(
        matches(pattern, part) for pattern, part in zip(patterns, parts, strict=True)
    )


Compare = Callable[[str, str], bool]


def _by(read: Callable[[str], Any], holds: Callable[[Any, Any], bool]) -> Compare:
    """Compare what both texts say; what can't be read is not met."""

    def compare(found: str, wanted: str) -> bool:
        with suppress(ValueError, OverflowError):
            return holds(read(found), read(wanted))
        return False

    return compare


_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda found, wanted: found == wanted,
    "LessThan": lambda found, wanted: found < wanted,
    "LessThanEquals": lambda found, wanted: found <= wanted,
    "GreaterThan": lambda found, wanted: found > wanted,
    "GreaterThanEquals": lambda found, wanted: found >= wanted,
}
_COMPARE: Mapping[str, Compare] = {
    "StringEquals": lambda found, wanted: found == wanted,
    "StringEqualsIgnoreCase": lambda found, wanted: found.lower() == wanted.lower(),
    "StringLike": lambda found, wanted: matches(wanted, found),
    "ArnEquals": _arn_fits,
    "ArnLike": _arn_fits,
    "Bool": lambda found, wanted: found.lower() == wanted.lower(),
    "BinaryEquals": lambda found, wanted: found == wanted,
    "IpAddress": _by(str, _is_in),
    **{f"Date{name}": _by(_moment, holds) for name, holds in _ORDERS.items()},
    **{f"Numeric{name}": _by(float, holds) for name, holds in _ORDERS.items()},
}

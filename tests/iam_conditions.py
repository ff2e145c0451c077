"""Conditions of IAM policies, as AWS documents them; the second half of `tests.iam_evaluator`.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators", "Conditions with multiple context keys or
values", "Policy variables". What AWS doesn't define raises Unjudged: a test must not rest on it.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Context = Mapping[str, Any]
Token = str | None  # a letter that stands for itself; None: `*`; "" : `?`
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERAL = {"*": "*", "?": "?", "$": "$"}


class Unjudged(AssertionError):  # noqa: N818  # it says that there is no verdict
    """The documentation doesn't say what AWS makes of this."""


class _NoValueError(LookupError):
    """A policy variable has no value, so what it stands in matches nothing."""


def matches_pattern(
    pattern: str, text: str, *, context: Context, ignore_case: bool = False, variables: bool = True
) -> bool:
    """Match `*` and `?`; what a policy variable stands for is literal, its wildcards too."""
    try:
        tokens = list(_tokens(pattern, context, variables=variables))
    except _NoValueError:
        return False
    parts = [".*" if token is None else "." if token == "" else re.escape(token) for token in tokens]
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return re.fullmatch("".join(parts), text, flags) is not None


def _tokens(pattern: str, context: Context, *, variables: bool) -> Iterator[Token]:
    at = 0
    for found in _VARIABLE.finditer(pattern) if variables else ():
        yield from _wild(pattern[at : found.start()])
        yield from resolve(found[1], context)
        at = found.end()
    yield from _wild(pattern[at:])


def _wild(text: str) -> Iterator[Token]:
    for letter in text:
        yield None if letter == "*" else "" if letter == "?" else letter


def resolve(variable: str, context: Context) -> str:
    """Return what `${variable}` stands for: `key`, `key, 'default'`, or one of `*?$`."""
    if variable in _LITERAL:
        return _LITERAL[variable]
    name, _, default = variable.partition(",")
    found = value_of(context, name.strip())
    if found is None and default:
        return default.strip().removeprefix("'").removesuffix("'")
    if found is None or len(found) != 1:
        raise _NoValueError(variable)
    return _text(found[0])


def value_of(context: Context, key: str) -> list[Any] | None:
    """Return the values of a context key, by its name in any case; None where the request has no such key."""
    for name, value in context.items():
        if name.lower() == key.lower():
            if value is None:
                return None
            return list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
    return None


def conditions_met(
    block: Mapping[str, Mapping[str, Any]], context: Context, *, variables: bool = True
) -> bool:
    """All operators and all keys must be met; of one key's values any one."""
    return all(
        _met(operator, key, listed(wanted), context, variables=variables)
        for operator, keys in block.items()
        for key, wanted in keys.items()
    )


def listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _met(operator: str, key: str, wanted: Sequence[Any], context: Context, *, variables: bool) -> bool:
    quantifier, _, plain = operator.rpartition(":")
    if_exists = plain.endswith("IfExists")
    plain = plain.removesuffix("IfExists")
    found = value_of(context, key)
    if plain == "Null":
        return any((found is None) == (_text(each).lower() == "true") for each in wanted)
    positive, negated = _positive(plain)
    if quantifier == "ForAllValues":
        return all(_one(positive, negated, each, wanted, context, variables) for each in found or ())
    if quantifier == "ForAnyValue":
        return any(_one(positive, negated, each, wanted, context, variables) for each in found or ())
    if quantifier:
        raise Unjudged(f"There is no {operator}.")
    if found is None:
        return if_exists or negated
    if len(found) != 1:
        raise Unjudged(f"{key} has {len(found)} values: {operator} needs ForAllValues or ForAnyValue.")
    return _one(positive, negated, found[0], wanted, context, variables)


def _positive(operator: str) -> tuple[str, bool]:
    """Return the operator without its Not, and whether it had one."""
    plain = "IpAddress" if operator == "NotIpAddress" else operator.replace("Not", "", 1)
    if plain not in _OPERATORS:
        raise Unjudged(f"There is no {operator}.")
    return plain, plain != operator


def _one(  # noqa: PLR0917  # one comparison, private
    operator: str, negated: bool, found: Any, wanted: Iterable[Any], context: Context, variables: bool
) -> bool:
    """One value of the request against all of the policy: equal to any; negated, equal to none."""
    compare = _OPERATORS[operator]
    fits = any(compare(found, each, context, variables) for each in wanted)
    return fits != negated


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value)


def _resolved(wanted: Any, context: Context, variables: bool) -> str | None:
    """Return the policy's value with its variables put in; None where one has no value."""
    if not variables:
        return _text(wanted)
    try:
        return _VARIABLE.sub(lambda each: resolve(each[1], context), _text(wanted))
    except _NoValueError:
        return None


def _equals(found: Any, wanted: Any, context: Context, variables: bool) -> bool:
    return _text(found) == _resolved(wanted, context, variables)


def _equals_ignoring_case(found: Any, wanted: Any, context: Context, variables: bool) -> bool:
    text = _resolved(wanted, context, variables)
    return text is not None and _text(found).lower() == text.lower()


def _like(found: Any, wanted: Any, context: Context, variables: bool) -> bool:
    return matches_pattern(str(wanted), _text(found), context=context, variables=variables)


def _arn_like(found: Any, wanted: Any, context: Context, variables: bool) -> bool:
    """Each of the six parts is compared by itself: a wildcard doesn't reach over a colon."""
    is_, should = _text(found).split(":", 5), str(wanted).split(":", 5)
    if variables and "${" in str(wanted):
        # A variable's own colon must not cut the pattern: put the parts together again.
        should = re.split(r":(?![^{]*\})", str(wanted), maxsplit=5)
    return len(is_) == len(should) == 6 and all(
        matches_pattern(pattern, part, context=context, variables=variables)
        for pattern, part in zip(should, is_, strict=True)
    )


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    text = str(value)
    if re.fullmatch(r"-?\d{5,}(\.\d+)?", text):
        return datetime.fromtimestamp(float(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _bool(found: Any, wanted: Any, context: Context, variables: bool) -> bool:
    return _text(found).lower() == _text(wanted).lower()


def _address(found: Any, wanted: Any, context: Context, variables: bool) -> bool:
    network = ipaddress.ip_network(str(wanted), strict=False)
    return ipaddress.ip_address(str(found)) in network


Compare = Callable[[Any, Any, Context, bool], bool]


def _ordered(read: Callable[[Any], Any], holds: Callable[[Any, Any], bool]) -> Compare:
    return lambda found, wanted, _context, _variables: holds(read(found), read(wanted))


_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda found, wanted: found == wanted,
    "LessThan": lambda found, wanted: found < wanted,
    "LessThanEquals": lambda found, wanted: found <= wanted,
    "GreaterThan": lambda found, wanted: found > wanted,
    "GreaterThanEquals": lambda found, wanted: found >= wanted,
}
_OPERATORS: Mapping[str, Compare] = {
    "StringEquals": _equals,
    "StringEqualsIgnoreCase": _equals_ignoring_case,
    "StringLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": _bool,
    "BinaryEquals": _equals,
    "IpAddress": _address,
    **{f"Date{name}": _ordered(_moment, holds) for name, holds in _ORDERS.items()},
    **{f"Numeric{name}": _ordered(float, holds) for name, holds in _ORDERS.items()},
}

"""What IAM would not take of a policy, and what the portal never sends: findings that nobody overrules.

Codes: shape, version, element, effect, principal, action, resource, condition, sid, nothing-allowed, placeholder,
other-partition, too-large.

Source: IAM User Guide, "Grammar of the IAM JSON policy language", "IAM and STS quotas".
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from brokers.aws.analysis.statements import place_of, raw_statements
from brokers.aws.checks import iam_size
from brokers.aws.limits_iam import ROLE_INLINE_CHARACTERS
from brokers.types import Partition, PolicyFinding, Severity

_DOCUMENT = {"Version", "Id", "Statement"}
_STATEMENT = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
_SID = re.compile(r"[A-Za-z0-9]{0,64}")
_ACTION = re.compile(r"\*|\*:\*|[A-Za-z0-9-]+:[A-Za-z0-9_*?-]+")
_PLACEHOLDER = re.compile(r"\{\{|\}\}")
_OPERATORS = re.compile(
    r"(?:ForAllValues:|ForAnyValue:)?(?:Null|(?:"
    r"String(?:Not)?Equals(?:IgnoreCase)?|String(?:Not)?Like|Arn(?:Not)?(?:Equals|Like)|Bool|BinaryEquals|(?:Not)?IpAddress"
    r"|(?:Date|Numeric)(?:(?:Not)?Equals|(?:LessThan|GreaterThan)(?:Equals)?)"
    r")(?:IfExists)?)"
)
_RESERVED = "Sallyport"
_ARN_PARTS = 6
# What is far too large is told so, and not read any further.
MOST_READ = 4 * ROLE_INLINE_CHARACTERS


def _error(code: str, where: str, text: str, advice: str = "") -> PolicyFinding:
    return PolicyFinding(Severity.ERROR, code, where, text, advice)


def grammar(policy: Any, partition: Partition) -> Sequence[PolicyFinding]:
    """Return what is wrong with the document and each of its statements."""
    if not isinstance(policy, Mapping):
        return [_error("shape", "Policy", "A policy is a JSON object.")]
    too_large = list(_size(policy))
    if size_of(policy) > MOST_READ:
        return too_large
    return [*_document(policy), *_statements(policy, partition), *too_large]


def _document(policy: Mapping[str, Any]) -> Iterator[PolicyFinding]:
    if policy.get("Version") != "2012-10-17":
        yield _error(
            "version",
            "Policy",
            'It says no "Version": "2012-10-17".',
            "An older version reads variables as text.",
        )
    for name in sorted(map(str, set(policy) - _DOCUMENT)):
        yield _error(
            "element", "Policy", f"A policy has no {name!a}.", "Allowed are Version, Id and Statement."
        )
    statements = raw_statements(policy)
    if not statements:
        yield _error("shape", "Policy", "It has no Statement.")
    elif not any(isinstance(each, Mapping) and each.get("Effect") == "Allow" for each in statements):
        yield _error("nothing-allowed", "Policy", "No statement allows anything.")
    sids = [
        each["Sid"] for each in statements if isinstance(each, Mapping) and isinstance(each.get("Sid"), str)
    ]
    for sid in sorted({sid for sid in sids if sid and sids.count(sid) > 1}):
        yield _error("sid", "Policy", f"Two statements have the Sid {sid!a}.", "Each needs its own, or none.")


def _statements(policy: Mapping[str, Any], partition: Partition) -> Iterator[PolicyFinding]:
    for number, statement in enumerate(raw_statements(policy), 1):
        where = place_of(number, statement)
        if not isinstance(statement, Mapping):
            yield _error("shape", where, "A statement is an object.")
            continue
        yield from _elements(statement, where)
        yield from _actions(statement, where)
        yield from _resources(statement, where, partition)
        yield from _conditions(statement.get("Condition", {}), where)


def _elements(statement: Mapping[str, Any], where: str) -> Iterator[PolicyFinding]:
    for name in sorted(map(str, set(statement) - _STATEMENT)):
        if name in {"Principal", "NotPrincipal"}:
            yield _error(
                "principal",
                where,
                f"It has a {name}.",
                "Who it is for is said by the role's trust policy: leave it out.",
            )
        else:
            yield _error("element", where, f"A statement has no {name!a}.", "Letter case counts.")
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield _error("effect", where, "Its Effect is neither Allow nor Deny.")
    sid = statement.get("Sid", "")
    if not isinstance(sid, str) or not _SID.fullmatch(sid):
        yield _error("sid", where, "Its Sid is not made of letters and digits, 64 at most.")
    elif sid.startswith(_RESERVED):
        yield _error(
            "sid", where, f"Its Sid begins with {_RESERVED}.", "Those are the portal's own statements."
        )
    for text in _strings(statement):
        if _PLACEHOLDER.search(text):
            yield _error(
                "placeholder", where, f"{text[:80]!a} is not filled.", "A placeholder reads {{name}}."
            )


def _actions(statement: Mapping[str, Any], where: str) -> Iterator[PolicyFinding]:
    name, values, findings = _either(statement, "Action", where)
    yield from findings
    for value in values:
        if not isinstance(value, str) or not _ACTION.fullmatch(value):
            yield _error(
                "action",
                where,
                f"{value!a} in {name} is no action.",
                "It reads service:Action, such as s3:GetObject.",
            )


def _resources(statement: Mapping[str, Any], where: str, partition: Partition) -> Iterator[PolicyFinding]:
    name, values, findings = _either(statement, "Resource", where)
    yield from findings
    for value in values:
        if value == "*":
            continue
        parts = value.split(":", _ARN_PARTS - 1) if isinstance(value, str) and value.isprintable() else []
        if len(parts) != _ARN_PARTS or parts[0] != "arn" or not all((parts[1], parts[2], parts[5])):
            yield _error(
                "resource",
                where,
                f"{value!a} in {name} is no ARN.",
                "It reads arn:PARTITION:SERVICE:REGION:ACCOUNT:NAME.",
            )
        elif parts[1] not in {partition, "*"}:
            yield _error(
                "other-partition",
                where,
                f"{value!a} is in partition {parts[1]}; the account is in {partition}, and they never mix.",
            )


def _either(
    statement: Mapping[str, Any], name: str, where: str
) -> tuple[str, list[Any], list[PolicyFinding]]:
    """Return which of an element and its Not- stands there, its values, and what is wrong with that."""
    other, code = f"Not{name}", name.lower()
    if (name in statement) == (other in statement):
        return name, [], [_error(code, where, f"It needs either {name} or {other}.")]
    found = name if name in statement else other
    values = statement[found] if isinstance(statement[found], list) else [statement[found]]
    return found, values, [] if values else [_error(code, where, f"{found} is empty.")]


def _conditions(block: Any, where: str) -> Iterator[PolicyFinding]:
    if not isinstance(block, Mapping):
        yield _error("condition", where, "Its Condition is not an object.")
        return
    for operator, keys in block.items():
        if not _OPERATORS.fullmatch(str(operator)):
            yield _error(
                "condition", where, f"There is no condition operator {operator!a}.", "Letter case counts."
            )
        elif not isinstance(keys, Mapping) or not keys:
            yield _error("condition", where, f"{operator} needs an object of keys and values.")
        else:
            for key, values in keys.items():
                if not _are_values(values):
                    yield _error(
                        "condition", where, f"{operator} of {key!a} needs texts, numbers, true or false."
                    )


def _are_values(values: Any) -> bool:
    listed = values if isinstance(values, list) else [values]
    return bool(listed) and all(isinstance(each, str | bool | int | float) for each in listed)


def _size(policy: Mapping[str, Any]) -> Iterator[PolicyFinding]:
    characters = size_of(policy)
    if characters > ROLE_INLINE_CHARACTERS:
        yield _error(
            "too-large",
            "Policy",
            f"It has {characters:,} characters; a role's inline policies have room for {ROLE_INLINE_CHARACTERS:,}.",
        )


def size_of(policy: Any) -> int:
    """Return the characters of a policy as IAM counts them: without white space around its elements."""
    return iam_size(json.dumps(policy, separators=(",", ":")))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _strings(key)
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)

"""Scope templates as pure functions: what may stand in one, and how parameters fill it.

Values are put into single strings of the parsed policy, never into JSON text; what they may be stands in `kinds.py`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import ValidationError

from portal.catalog.kinds import KINDS

PLACEHOLDER = re.compile(r"\{\{([a-z][a-z0-9_]{0,30})\}\}")
# Filled from the account that a grant is in; no parameter has these names.
BUILT_IN = ("aws_account", "aws_partition")
STATEMENT_KEYS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
MANAGED_ARN = re.compile(
    r"arn:(aws|aws-cn|aws-us-gov|\{\{aws_partition\}\}):iam::(aws|[0-9]{12}|\{\{aws_account\}\})"
    r":policy/[A-Za-z0-9_+=,.@/-]{1,512}"
)
MAX_MANAGED = 10


def validate_scope_policy(policy: Any) -> None:
    """Raise ValidationError unless `policy` is a policy document with statements fit for a session policy."""
    if not isinstance(policy, Mapping) or policy.get("Version") != "2012-10-17":
        raise ValidationError('A scope is a policy document with "Version": "2012-10-17".')
    statements = policy.get("Statement")
    if not isinstance(statements, list) or not statements:
        raise ValidationError('A scope needs a list "Statement" with at least one statement.')
    if unknown := set(policy) - {"Version", "Statement", "Id"}:
        raise ValidationError(f"A policy document has no {', '.join(sorted(unknown))}.")
    for number, statement in enumerate(statements, start=1):
        _validate_statement(number, statement)


def _validate_statement(number: int, statement: Any) -> None:
    if not isinstance(statement, Mapping):
        raise ValidationError(f"Statement {number} is not an object.")
    if unknown := set(statement) - STATEMENT_KEYS:
        raise ValidationError(
            f"Statement {number} has {', '.join(sorted(unknown))}, which a scope can't have."
        )
    if statement.get("Effect") not in ["Allow", "Deny"]:  # a list: what comes may not be hashable
        raise ValidationError(f'Statement {number} needs an "Effect" of Allow or Deny.')
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource")):
        if (one in statement) == (other in statement):
            raise ValidationError(f"Statement {number} needs either {one} or {other}.")


def validate_parameters(parameters: Any) -> None:
    if not isinstance(parameters, Mapping):
        raise ValidationError("Parameters are an object of names and kinds.")
    for name, kind in parameters.items():
        if not PLACEHOLDER.fullmatch("{{" + str(name) + "}}"):
            raise ValidationError(
                f"{name} can't be a parameter's name: small letters, digits and _ are allowed."
            )
        if name in BUILT_IN:
            raise ValidationError(f"{name} is filled from the account: it can't be a parameter's name.")
        if kind not in list(KINDS):
            raise ValidationError(f"{name} has the kind {kind}; allowed are {', '.join(sorted(KINDS))}.")


def validate_managed_policies(arns: Any) -> None:
    if not isinstance(arns, list) or len(arns) > MAX_MANAGED:
        raise ValidationError(f"Managed policies are a list of at most {MAX_MANAGED} ARNs.")
    for arn in arns:
        if not isinstance(arn, str) or not MANAGED_ARN.fullmatch(arn):
            raise ValidationError(f"{arn} is not the ARN of a managed policy.")


def validate_placeholders(policy: Any, summary: str, parameters: Any) -> None:
    """Raise ValidationError unless the placeholders, in values of the policy and the summary, are the parameters."""
    if not isinstance(parameters, Mapping):
        return  # its own validator says so
    used, known = placeholders(policy), set(parameters)
    if missing := (used | placeholders(summary)) - known - set(BUILT_IN):
        raise ValidationError(
            {"parameters": f"These placeholders have no kind: {', '.join(sorted(missing))}."}
        )
    if idle := known - used:
        raise ValidationError({"parameters": f"The policy uses no placeholder {', '.join(sorted(idle))}."})
    for part, value in (("policy", policy), ("summary", summary)):
        rests = [PLACEHOLDER.sub("", text) for text in _strings(value)]
        if any("{{" in rest or "}}" in rest for rest in rests):
            raise ValidationError(
                {part: "A placeholder reads {{name}}: small letters, digits and _ are allowed in the name."}
            )


def placeholders(value: Any) -> set[str]:
    """Return the names of all placeholders in a policy or a text."""
    return {name for text in _strings(value) for name in PLACEHOLDER.findall(text)}


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


def fill(value: Any, values: Mapping[str, str]) -> Any:
    """Return `value` with its placeholders filled.

    Raises:
        KeyError: a placeholder has no value.
        ValidationError: two keys become one, so that a condition would be lost.
    """
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda match: values[match[1]], value)
    if isinstance(value, Mapping):
        filled = {fill(k, values): fill(v, values) for k, v in value.items()}
        if len(filled) != len(value):
            raise ValidationError(
                "These values make one key of two in the scope's policy: choose different ones."
            )
        return filled
    if isinstance(value, list | tuple):
        return [fill(item, values) for item in value]
    return value

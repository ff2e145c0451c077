"""Reads the boundary of partners' roles, and says whether it still bounds them."""

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from brokers.aws.hub_policies import boundary_policy
from brokers.aws.iam_calls import call

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

# With any of these a partner's role would give itself or others more than its grant, or outlive it.
NEVER: Final = (
    *("iam:CreateUser", "iam:CreateAccessKey", "iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"),
    *("iam:UpdateAssumeRolePolicy", "iam:DeleteRolePermissionsBoundary", "iam:PassRole", "sts:AssumeRole"),
)


def read_boundary(iam: "IAMClient", arn: str) -> Mapping[str, Any]:
    """Return the boundary's document, of the version that counts."""
    version = call(iam, "get_policy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found = call(iam, "get_policy_version", PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    document: Mapping[str, Any] = json.loads(found) if isinstance(found, str) else found
    return document


def is_the_template(document: Mapping[str, Any]) -> bool:
    """Say whether it is the shipped one, word for word but for the statements' names."""
    return _plain(document) == _plain(boundary_policy())


def _plain(document: Mapping[str, Any]) -> Sequence[Any]:
    return [
        {
            key: sorted(_listed(value)) if key not in {"Condition", "Effect"} else value
            for key, value in statement.items()
            if key != "Sid"
        }
        for statement in _listed(document.get("Statement", []))
    ]


def too_wide(document: Mapping[str, Any]) -> Sequence[str]:
    """Return which of `NEVER` the boundary may let through. A condition counts as met on an Allow, not on a Deny."""
    statements = [each for each in _listed(document.get("Statement", [])) if isinstance(each, Mapping)]
    denies = [each for each in statements if each.get("Effect") == "Deny" and "Condition" not in each]
    allows = [each for each in statements if each.get("Effect") == "Allow"]
    return [
        action
        for action in NEVER
        if any(_speaks_of(each, action) for each in allows)
        and not any(_speaks_of(each, action) and _is_everywhere(each) for each in denies)
    ]


def _speaks_of(statement: Mapping[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not _names(statement["NotAction"], action)
    return _names(statement.get("Action", []), action)


def _names(patterns: Any, action: str) -> bool:
    return any(fnmatchcase(action.lower(), str(each).lower()) for each in _listed(patterns))


def _is_everywhere(statement: Mapping[str, Any]) -> bool:
    return "*" in _listed(statement.get("Resource", []))


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]

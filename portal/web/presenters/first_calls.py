"""Which harmless call of the AWS CLI shows that a scope works: found in the scope's own policy."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

# What may stand in a command: anything else is left out rather than quoted by hope.
PLAIN = re.compile(r"[A-Za-z0-9_./:+=,@-]+")
READ_ONLY = "policy/ReadOnlyAccess"


@dataclass(frozen=True, slots=True)
class FirstCall:
    """A command without its profile, such as `aws s3 ls s3://bucket/`; `region`: where it must go, if the scope says.

    `words`: what it does.
    """

    command: str
    words: str
    region: str = ""


@dataclass(frozen=True, slots=True)
class _Kind:
    action: str
    arn: re.Pattern[str]
    command: str
    words: str


def _kind(action: str, arn: str, command: str, words: str) -> _Kind:
    return _Kind(action, re.compile(rf"arn:aws[a-z-]*:{arn}"), command, words)


# The first one that the policy allows is taken. `{name}` is a part of the ARN, `{prefix}` of the condition.
KINDS = (
    _kind(
        "athena:GetWorkGroup",
        r"athena:(?P<region>[^:]*):[0-9]*:workgroup/(?P<workgroup>[^*?]+)",
        "aws athena get-work-group --work-group {workgroup}",
        "describes the workgroup",
    ),
    _kind(
        "s3:ListBucket", "s3:::(?P<bucket>[^/*?]+)", "aws s3 ls s3://{bucket}/{prefix}", "lists what is there"
    ),
    _kind(
        "dynamodb:DescribeTable",
        r"dynamodb:(?P<region>[^:]*):[0-9]*:table/(?P<table>[^/*?]+)",
        "aws dynamodb describe-table --table-name {table}",
        "describes the table",
    ),
    _kind(
        "logs:DescribeLogStreams",
        r"logs:(?P<region>[^:]*):[0-9]*:log-group:(?P<group>[^:*?]+).*",
        "aws logs describe-log-streams --log-group-name {group} --max-items 1",
        "names one of its streams",
    ),
    _kind(
        "sqs:GetQueueUrl",
        r"sqs:(?P<region>[^:]*):(?P<account>[0-9]*):(?P<queue>[^:*?]+)",
        "aws sqs get-queue-url --queue-name {queue} --queue-owner-aws-account-id {account}",
        "says the queue's address",
    ),
    _kind(
        "secretsmanager:DescribeSecret",
        r"secretsmanager:(?P<region>[^:]*):(?P<account>[0-9]*):secret:(?P<secret>[^*?]+?)-(?:\?{6}|\w{6}|\*)",
        "aws secretsmanager describe-secret --secret-id {secret}",
        "describes the secret, and does not show it",
    ),
    _kind(
        "kms:DescribeKey",
        r"kms:(?P<region>[^:]*):[0-9]*:key/(?P<key>[^*?]+)",
        "aws kms describe-key --key-id {arn}",
        "describes the key",
    ),
    _kind(
        "ecr:BatchGetImage",
        r"ecr:(?P<region>[^:]*):(?P<account>[0-9]*):repository/(?P<repository>[^*?]+)",
        "aws ecr batch-get-image --registry-id {account} --repository-name {repository} --image-ids imageTag=latest",
        "shows what the newest image is made of",
    ),
    _kind(
        "s3:PutObject",
        r"s3:::(?P<bucket>[^/*?]+)/(?P<folder>(?:[^*?]*/)?)\*",
        "aws s3 cp hello.txt s3://{bucket}/{folder}hello.txt",
        "puts a file of yours there, called hello.txt",
    ),
)


def first_call(policy: Mapping[str, Any] | None, managed_policy_arns: Sequence[str] = ()) -> FirstCall | None:
    """Return a call that the scope allows and that changes as little as can be; None where it can't be told."""
    statements = [one for one in _listed((policy or {}).get("Statement")) if one.get("Effect") == "Allow"]
    for kind in KINDS:
        for statement in statements:
            if (found := _of(kind, statement)) is not None:
                return found
    if any(arn.endswith(READ_ONLY) for arn in managed_policy_arns):
        return FirstCall("aws s3 ls", "lists the buckets")
    return None


def _of(kind: _Kind, statement: Mapping[str, Any]) -> FirstCall | None:
    if not any(
        fnmatchcase(kind.action.lower(), str(each).lower()) for each in _listed(statement.get("Action"))
    ):
        return None
    for arn in _listed(statement.get("Resource")):
        match = kind.arn.fullmatch(str(arn))
        if match is None:
            continue
        parts = {"prefix": _prefix(statement), **match.groupdict()}
        if "{arn}" in kind.command:
            parts["arn"] = str(arn)
        if all(PLAIN.fullmatch(value) for value in parts.values() if value):
            quoted = {name: shlex.quote(value) if value else "" for name, value in parts.items()}
            return FirstCall(kind.command.format(**quoted), kind.words, parts.get("region", ""))
    return None


def _prefix(statement: Mapping[str, Any]) -> str:
    """Return the folder that listing is bound to, with its slash; empty where it is not."""
    for operator in ("StringLike", "StringEquals"):
        for each in _listed(statement.get("Condition", {}).get(operator, {}).get("s3:prefix")):
            folder = str(each).rstrip("*")
            if folder and "*" not in folder and "?" not in folder:
                return folder
    return ""


def _listed(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif value is not None:
        yield value

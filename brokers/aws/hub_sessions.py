"""The sessions in which the hub works in an account: of one of its roles, narrowed to what the work takes."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from brokers.aws.aws_errors import translated
from brokers.aws.hub import Hub
from brokers.aws.partitions import RoleArn
from brokers.aws.session_policy import VERSION

_SECONDS = 900
# What is allowed together: IAM's verbs, the resource, and a Condition or nothing.
Allowed = Sequence[tuple[Sequence[str], str, Mapping[str, Any]]]


def narrowed_to(allowed: Allowed) -> str:
    """Return the session policy that leaves a role no more than this of IAM, as compact JSON."""
    statements = [
        {"Effect": "Allow", "Action": [f"iam:{verb}" for verb in verbs], "Resource": resource, **condition}
        for verbs, resource, condition in allowed
    ]
    return json.dumps({"Version": VERSION, "Statement": statements}, separators=(",", ":"))


def become(hub: Hub, via: RoleArn, *, session_name: str, policy: str) -> dict[str, str]:
    """Return credentials of `via` for 15 minutes, in botocore's form. Raises as `aws_errors.translated`."""
    with translated(f"sts:AssumeRole of {via}"):
        answer = hub.sts().assume_role(
            RoleArn=str(via), RoleSessionName=session_name, DurationSeconds=_SECONDS, Policy=policy
        )
        found = answer["Credentials"]
        return {
            "access_key": found["AccessKeyId"],
            "secret_key": found["SecretAccessKey"],
            "token": found["SessionToken"],
            "expiry_time": found["Expiration"].isoformat(),
        }

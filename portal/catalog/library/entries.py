"""How a scope of the library is written down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ARN = "arn:{{aws_partition}}"
HERE = "{{region}}:{{aws_account}}"
REGION = {"region": "region"}
# A bucket's ARN says no account. Should the bucket be deleted, nobody else's of the same name takes its place.
OWN_BUCKET = {"StringEqualsIfExists": {"aws:ResourceAccount": "{{aws_account}}"}}


@dataclass(frozen=True, slots=True)
class LibraryScope:
    """One scope of the library. `key` never changes; the rest may, with the portal's version."""

    key: str
    name: str
    summary: str
    statements: tuple[Mapping[str, Any], ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    managed_policy_arns: tuple[str, ...] = ()

    @property
    def policy(self) -> dict[str, Any]:
        return {"Version": "2012-10-17", "Statement": list(self.statements)}


def allow(actions: list[str], resources: str | list[str], **more: Any) -> Mapping[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def listing(bucket: str, folder: str) -> Mapping[str, Any]:
    """Allow to list one folder of a bucket, and nothing beside or above it."""
    within = {"StringLike": {"s3:prefix": f"{folder}/*"}, **OWN_BUCKET}
    return allow(["s3:ListBucket"], f"{ARN}:s3:::{bucket}", Condition=within)

"""The ARNs and ids that calls for credentials name beside roles: users, SAML providers, identity pools, tasks."""

import re
from dataclasses import dataclass

from brokers.aws.partitions import RoleArn
from brokers.aws.shown import shown
from brokers.errors import LimitExceeded, NotPossible
from brokers.types import Partition

_USER = re.compile(
    r"arn:(?P<partition>aws|aws-cn|aws-us-gov):iam::(?P<account>\d{12}):user"
    r"/(?:[\w+=,.@-]+/)*(?P<name>[\w+=,.@-]{1,64})",
    re.ASCII,
)
_SAML_PROVIDER = re.compile(
    r"arn:(?P<partition>aws|aws-cn|aws-us-gov):iam::(?P<account>\d{12}):saml-provider/[\w._-]{1,128}",
    re.ASCII,
)
_POOL = re.compile(r"(?P<region>[a-z]{2}(?:-[a-z]+)+-\d{1,2}):[0-9a-f-]{36}", re.ASCII)
# STS API reference, AssumeRoot, TaskPolicyArn: these and no others.
ROOT_TASKS = frozenset(
    {
        "IAMAuditRootUserCredentials",
        "IAMCreateRootUserPassword",
        "IAMDeleteRootUserCredentials",
        "S3UnlockBucketPolicy",
        "SQSUnlockQueuePolicy",
    }
)


@dataclass(frozen=True, slots=True)
class UserName:
    """An IAM user as its denies name it: by account and name; a user's path tells none apart."""

    partition: Partition
    account_id: str
    name: str


def parse_user_arn(text: str, *, field: str = "user_arn") -> UserName:
    """Read an IAM user's ARN strictly, or raise LimitExceeded."""
    match = _USER.fullmatch(text)
    if match is None:
        raise LimitExceeded(field, shown(text), "arn:PARTITION:iam::ACCOUNT:user/NAME")
    return UserName(Partition(match["partition"]), match["account"], match["name"])


def check_saml_provider(text: str, role: RoleArn) -> None:
    """Refuse what isn't a SAML provider of the role's own account: no role trusts another account's.

    Raises:
        LimitExceeded: not a SAML provider's ARN.
        NotPossible: another account's or partition's.
    """
    match = _SAML_PROVIDER.fullmatch(text)
    if match is None:
        raise LimitExceeded("PrincipalArn", shown(text), "arn:PARTITION:iam::ACCOUNT:saml-provider/NAME")
    if (match["partition"], match["account"]) != (role.partition, role.account_id):
        raise NotPossible(
            f"The SAML provider is in account {match['account']} ({match['partition']}), the role in "
            f"{role.account_id} ({role.partition}): a role trusts the providers of its own account."
        )


def pool_region(text: str, *, field: str = "IdentityPoolId") -> str:
    """Return the region of an identity pool's or an identity's id, `REGION:GUID`, or raise LimitExceeded."""
    match = _POOL.fullmatch(text)
    if match is None:
        raise LimitExceeded(field, shown(text), "REGION:GUID")
    return match["region"]


def root_task_arn(partition: Partition, task: str) -> str:
    """Return the ARN of AWS's own policy for a root task, or raise LimitExceeded."""
    if task not in ROOT_TASKS:
        raise LimitExceeded("TaskPolicyArn", shown(task), ", ".join(sorted(ROOT_TASKS)))
    return f"arn:{partition}:iam::aws:policy/root-task/{task}"

"""The parameters of STS calls, made from ours. Everything is checked here; nothing is called."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from brokers.aws import limits
from brokers.aws.grant_end import within_grant
from brokers.aws.partitions import RoleArn, check_managed_policy_arn
from brokers.aws.session_names import check_tags
from brokers.aws.session_policy import federation_session_policy, role_session_policy
from brokers.types import AssumeRoleCall, FederationTokenCall

if TYPE_CHECKING:
    from mypy_boto3_sts.type_defs import AssumeRoleRequestTypeDef, GetFederationTokenRequestTypeDef


def assume_role(
    call: AssumeRoleCall, role: RoleArn, *, chained: bool, now: datetime
) -> "AssumeRoleRequestTypeDef":
    """Return AssumeRole's parameters. `chained`: what the call is made with is temporary."""
    duration = limits.assume_role_duration(call.duration, max_session=call.max_session, chained=chained)
    within_grant(call.duration, call.ends_at, now)
    limits.role_session_name(call.session_name)
    for arn in call.scope.managed_policy_arns:
        check_managed_policy_arn(arn, partition=role.partition, account_id=role.account_id)
    asked: AssumeRoleRequestTypeDef = {
        "RoleArn": str(role),
        "RoleSessionName": call.session_name,
        "DurationSeconds": duration,
        "Policy": role_session_policy(call.scope, ends_at=call.ends_at, role=role),
    }
    if call.source_identity is not None:
        limits.source_identity(call.source_identity)
        asked["SourceIdentity"] = call.source_identity
    if call.external_id is not None:
        limits.external_id(call.external_id)
        asked["ExternalId"] = call.external_id
    asked.update(_shared(call.scope.managed_policy_arns, call.tags))
    return asked


def federation_token(call: FederationTokenCall, *, now: datetime) -> "GetFederationTokenRequestTypeDef":
    """Return GetFederationToken's parameters."""
    duration = limits.federation_duration(call.duration)
    within_grant(call.duration, call.ends_at, now)
    limits.federation_name(call.name)
    for arn in call.scope.managed_policy_arns:
        check_managed_policy_arn(arn, partition=call.partition, account_id=None)
    asked: GetFederationTokenRequestTypeDef = {
        "Name": call.name,
        "DurationSeconds": duration,
        "Policy": federation_session_policy(call.scope, ends_at=call.ends_at, partition=call.partition),
    }
    asked.update(_shared(call.scope.managed_policy_arns, call.tags))
    return asked


def _shared(managed_policy_arns: tuple[str, ...], tags: Mapping[str, str]) -> Any:
    limits.session_tags(tags)
    check_tags(tags)
    shared: dict[str, Any] = {}
    if managed_policy_arns:
        shared["PolicyArns"] = [{"arn": arn} for arn in managed_policy_arns]
    if tags:
        shared["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return shared

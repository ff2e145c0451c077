"""The parameters of calls that take somebody's proof along. Everything is checked here; nothing is called."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from brokers.aws import limits
from brokers.aws.call_arns import check_saml_provider
from brokers.aws.grant_end import within_grant
from brokers.aws.partitions import RoleArn, check_managed_policy_arn
from brokers.aws.session_policy import role_session_policy
from brokers.types import SamlCall, Scope, WebIdentityCall

if TYPE_CHECKING:
    from mypy_boto3_sts.type_defs import (
        AssumeRoleWithSAMLRequestTypeDef,
        AssumeRoleWithWebIdentityRequestTypeDef,
    )


def with_saml(call: SamlCall, role: RoleArn, *, now: datetime) -> "AssumeRoleWithSAMLRequestTypeDef":
    """Return AssumeRoleWithSAML's parameters. The session's name stands in the assertion."""
    limits.role_session_name(call.session_name)
    check_saml_provider(call.provider_arn, role)
    limits.saml_assertion(call.assertion)
    ending = _ending(call.duration, call.max_session, call.scope, role, ends_at=call.ends_at, now=now)
    asked: AssumeRoleWithSAMLRequestTypeDef = {
        "RoleArn": str(role),
        "PrincipalArn": call.provider_arn,
        "SAMLAssertion": call.assertion,
    }
    asked.update(ending)
    return asked


def with_web_identity(
    call: WebIdentityCall, role: RoleArn, *, now: datetime
) -> "AssumeRoleWithWebIdentityRequestTypeDef":
    """Return AssumeRoleWithWebIdentity's parameters."""
    limits.role_session_name(call.session_name)
    limits.web_identity_token(call.token)
    ending = _ending(call.duration, call.max_session, call.scope, role, ends_at=call.ends_at, now=now)
    asked: AssumeRoleWithWebIdentityRequestTypeDef = {
        "RoleArn": str(role),
        "RoleSessionName": call.session_name,
        "WebIdentityToken": call.token,
    }
    asked.update(ending)
    return asked


def _ending(  # noqa: PLR0913  # one value for each fact; a class would only rename them
    duration: timedelta,
    max_session: timedelta,
    scope: Scope,
    role: RoleArn,
    *,
    ends_at: datetime,
    now: datetime,
) -> Any:
    """Return how long, and what is allowed until then. These calls never chain: nobody's credentials sign them."""
    seconds = limits.assume_role_duration(duration, max_session=max_session, chained=False)
    within_grant(duration, ends_at, now)
    for arn in scope.managed_policy_arns:
        check_managed_policy_arn(arn, partition=role.partition, account_id=role.account_id)
    asked: dict[str, Any] = {
        "DurationSeconds": seconds,
        "Policy": role_session_policy(scope, ends_at=ends_at, role=role),
    }
    if scope.managed_policy_arns:
        asked["PolicyArns"] = [{"arn": arn} for arn in scope.managed_policy_arns]
    return asked

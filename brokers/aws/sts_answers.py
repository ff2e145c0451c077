"""What STS answered, looked at before anybody relies on it: whose session it is, and until when."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from brokers.aws.partitions import RoleArn
from brokers.errors import AwsUnavailable
from brokers.types import AssumeRoleCall, Credentials, FederationTokenCall, IssuedSession

if TYPE_CHECKING:
    from mypy_boto3_sts.type_defs import AssumeRoleResponseTypeDef, GetFederationTokenResponseTypeDef

# STS's clock and ours may differ; beyond this the answer isn't one to our question.
_CLOCKS_APART = timedelta(minutes=5)


def assumed_role(
    answer: "AssumeRoleResponseTypeDef", call: AssumeRoleCall, role: RoleArn, *, now: datetime
) -> IssuedSession:
    """Return AssumeRole's answer.

    Raises:
        AwsUnavailable: it lacks something, or isn't the session that was asked for.
    """
    operation = "sts:AssumeRole"
    user = _part(operation, answer, "AssumedRoleUser")
    arn, userid = _word(operation, user, "Arn"), _word(operation, user, "AssumedRoleId")
    account = f"arn:{role.partition}:sts::{role.account_id}:assumed-role/{role.name}/{call.session_name}"
    role_id, _, session = userid.partition(":")
    _require(operation, arn == account and bool(role_id) and session == call.session_name, "another session")
    return _issued(operation, answer, arn, userid, now + call.duration, now)


def federated_user(
    answer: "GetFederationTokenResponseTypeDef", call: FederationTokenCall, *, now: datetime
) -> IssuedSession:
    """Return GetFederationToken's answer. Raises as `assumed_role`."""
    operation = "sts:GetFederationToken"
    user = _part(operation, answer, "FederatedUser")
    arn, userid = _word(operation, user, "Arn"), _word(operation, user, "FederatedUserId")
    account, _, name = userid.partition(":")
    expected = f"arn:{call.partition}:sts::{account}:federated-user/{call.name}"
    _require(operation, arn == expected and name == call.name, "another federated user")
    return _issued(operation, answer, arn, userid, now + call.duration, now)


def _issued(  # noqa: PLR0913, PLR0917  # one value for each fact; a class would only rename them
    operation: str, answer: Any, arn: str, userid: str, latest: datetime, now: datetime
) -> IssuedSession:
    found = _part(operation, answer, "Credentials")
    meta = answer.get("ResponseMetadata") or {}
    return IssuedSession(
        credentials=Credentials(
            access_key_id=_word(operation, found, "AccessKeyId"),
            secret_access_key=_word(operation, found, "SecretAccessKey"),
            session_token=_word(operation, found, "SessionToken"),
            expires_at=_expiration(operation, found, latest, now),
        ),
        arn=arn,
        userid=userid,
        packed_policy_percent=answer.get("PackedPolicySize"),
        request_id=str(meta.get("RequestId", "")),
    )


def _expiration(operation: str, found: Any, latest: datetime, now: datetime) -> datetime:
    value = found.get("Expiration")
    _require(operation, isinstance(value, datetime) and value.tzinfo is not None, "no Expiration with a zone")
    at: datetime = value.astimezone(UTC)
    _require(
        operation, now - _CLOCKS_APART < at <= latest + _CLOCKS_APART, "an Expiration that wasn't asked for"
    )
    return at


def _part(operation: str, answer: Any, name: str) -> Any:
    found = answer.get(name)
    _require(operation, isinstance(found, dict), f"no {name}")
    return found


def _word(operation: str, found: Any, name: str) -> str:
    value = found.get(name)
    _require(operation, isinstance(value, str) and bool(value), f"no {name}")
    return str(value)


def _require(operation: str, holds: bool, what: str) -> None:  # noqa: FBT001  # reads as a sentence at each call
    if not holds:
        raise AwsUnavailable(operation, f"the answer has {what}")

"""What STS answered, looked at before anybody relies on it: whose session it is, and until when."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from brokers.aws.partitions import RoleArn
from brokers.errors import AwsUnavailable
from brokers.types import Credentials, FederationTokenCall, IssuedSession

if TYPE_CHECKING:
    from mypy_boto3_sts.type_defs import GetFederationTokenResponseTypeDef

# STS's clock and ours may differ; beyond this the answer isn't one to our question.
_CLOCKS_APART = timedelta(minutes=5)


def assumed_role(  # noqa: PLR0913  # one value for each fact; a class would only rename them
    operation: str, answer: Any, role: RoleArn, session_name: str, *, duration: timedelta, now: datetime
) -> IssuedSession:
    """Return the answer of AssumeRole, or of one of its kin that takes a proof along.

    Raises:
        AwsUnavailable: it lacks something, or isn't the session that was asked for.
    """
    user = part(operation, answer, "AssumedRoleUser")
    arn, userid = word(operation, user, "Arn"), word(operation, user, "AssumedRoleId")
    account = f"{sessions_of(role)}{session_name}"
    role_id, _, session = userid.partition(":")
    require(operation, arn == account and bool(role_id) and session == session_name, "another session")
    return issued(operation, answer, arn, userid, now + duration, now)


def sessions_of(role: RoleArn) -> str:
    """Return what the ARNs of a role's sessions begin with: its path is not in them."""
    return f"arn:{role.partition}:sts::{role.account_id}:assumed-role/{role.name}/"


def federated_user(
    answer: "GetFederationTokenResponseTypeDef", call: FederationTokenCall, *, now: datetime
) -> IssuedSession:
    """Return GetFederationToken's answer. Raises as `assumed_role`."""
    operation = "sts:GetFederationToken"
    user = part(operation, answer, "FederatedUser")
    arn, userid = word(operation, user, "Arn"), word(operation, user, "FederatedUserId")
    account, _, name = userid.partition(":")
    expected = f"arn:{call.partition}:sts::{account}:federated-user/{call.name}"
    require(operation, arn == expected and name == call.name, "another federated user")
    return issued(operation, answer, arn, userid, now + call.duration, now)


def issued(  # noqa: PLR0913, PLR0917  # one value for each fact; a class would only rename them
    operation: str,
    answer: Any,
    arn: str,
    userid: str,
    latest: datetime,
    now: datetime,
) -> IssuedSession:
    """Return what an answer with Credentials says, which last until `latest` at most. Raises as `assumed_role`."""
    found = part(operation, answer, "Credentials")
    meta = answer.get("ResponseMetadata") or {}
    return IssuedSession(
        credentials=Credentials(
            access_key_id=word(operation, found, "AccessKeyId"),
            secret_access_key=word(operation, found, "SecretAccessKey"),
            session_token=word(operation, found, "SessionToken"),
            expires_at=_expiration(operation, found, latest, now),
        ),
        arn=arn,
        userid=userid,
        packed_policy_percent=answer.get("PackedPolicySize"),
        request_id=str(meta.get("RequestId", "")),
    )


def _expiration(operation: str, found: Any, latest: datetime, now: datetime) -> datetime:
    value = found.get("Expiration")
    require(operation, isinstance(value, datetime) and value.tzinfo is not None, "no Expiration with a zone")
    at: datetime = value.astimezone(UTC)
    require(
        operation, now - _CLOCKS_APART < at <= latest + _CLOCKS_APART, "an Expiration that wasn't asked for"
    )
    return at


def part(operation: str, answer: Any, name: str) -> Any:
    """Return a part of an answer that must be there."""
    found = answer.get(name)
    require(operation, isinstance(found, dict), f"no {name}")
    return found


def word(operation: str, found: Any, name: str) -> str:
    """Return a text of an answer that must be there and say something."""
    value = found.get(name)
    require(operation, isinstance(value, str) and bool(value), f"no {name}")
    return str(value)


def require(operation: str, holds: bool, what: str) -> None:  # noqa: FBT001  # reads as a sentence at each call
    """Raise AwsUnavailable where an answer isn't one to the question."""
    if not holds:
        raise AwsUnavailable(operation, f"the answer has {what}")

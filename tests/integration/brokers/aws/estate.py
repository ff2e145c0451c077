"""What stands in the two accounts, and short words for what the tests do with it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from brokers.aws import AwsBrokers
from brokers.aws.session_names import session_name
from brokers.types import (
    AssumeRoleCall,
    Credentials,
    DenyTarget,
    FederationTokenCall,
    IssuedSession,
    Partition,
    PrincipalKind,
    Scope,
)
from tests.servers.ministack import MiniStack

HUB = "111111111111"
TARGET = "222222222222"
BROKER_USER = "sallyport-broker"
ROLE = "Developer"
VIA_ROLE = "SallyportRevoker"
ROLE_ARN = f"arn:aws:iam::{TARGET}:role/{ROLE}"
VIA_ARN = f"arn:aws:iam::{TARGET}:role/{VIA_ROLE}"
BUCKET, OTHER_BUCKET = "project-files", "payroll-files"
HUB_BUCKET = "hub-files"
DENIED = {"AccessDenied", "AccessDeniedException"}


def allow(actions: str | list[str], resources: str | list[str] = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def seed(aws: MiniStack) -> None:
    hub, target = aws.root("iam", HUB), aws.root("iam", TARGET)
    hub.create_user(UserName=BROKER_USER)
    rights = allow(
        [
            "sts:AssumeRole",
            "sts:TagSession",
            "sts:GetFederationToken",
            "s3:*",
            "iam:*Polic*",
            "iam:GetUser",
        ]
    )
    hub.put_user_policy(UserName=BROKER_USER, PolicyName="Broker", PolicyDocument=policy(rights))
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{HUB}:user/{BROKER_USER}"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    for name, may in (
        (ROLE, ["s3:*", "sts:AssumeRole", "iam:*"]),
        (VIA_ROLE, ["iam:*", "s3:*", "sts:AssumeRole"]),
    ):
        target.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))
        target.put_role_policy(RoleName=name, PolicyName="May", PolicyDocument=policy(allow(may)))
    for account, buckets in ((TARGET, (BUCKET, OTHER_BUCKET)), (HUB, (HUB_BUCKET,))):
        s3 = aws.root("s3", account)
        for bucket in buckets:
            s3.create_bucket(Bucket=bucket)
            s3.put_object(Bucket=bucket, Key="plan.txt", Body=b"the plan")


def reading(bucket: str = BUCKET) -> Scope:
    return Scope(
        {"Version": "2012-10-17", "Statement": [allow(["s3:GetObject"], f"arn:aws:s3:::{bucket}/*")]}
    )


@dataclass(frozen=True)
class Estate:
    """The accounts, the brokers that serve them, and the calls that tests judge by."""

    aws: MiniStack
    brokers: AwsBrokers

    def role_session(self, *, scope: Scope | None = None, ends_at: datetime | None = None) -> IssuedSession:
        call = AssumeRoleCall(
            role_arn=ROLE_ARN,
            session_name=session_name(uuid4()),
            duration=timedelta(seconds=900),
            max_session=timedelta(hours=1),
            ends_at=ends_at or datetime.now(UTC) + timedelta(hours=1),
            scope=scope or Scope(),
        )
        return self.brokers.credentials.assume_role(call)

    def federated_session(self, *, ends_at: datetime | None = None) -> IssuedSession:
        call = FederationTokenCall(
            partition=Partition.AWS,
            name=session_name(uuid4()),
            duration=timedelta(seconds=900),
            ends_at=ends_at or datetime.now(UTC) + timedelta(hours=1),
            scope=reading(HUB_BUCKET),
            user_arn=f"arn:aws:iam::{HUB}:user/{BROKER_USER}",
        )
        return self.brokers.credentials.get_federation_token(call)

    def get(self, session: IssuedSession | Credentials, bucket: str = BUCKET) -> Callable[[], object]:
        """Return a call that reads an object with the session."""
        credentials = session.credentials if isinstance(session, IssuedSession) else session
        s3 = self.aws.as_session("s3", credentials)
        return lambda: s3.get_object(Bucket=bucket, Key="plan.txt")


def role_target(via: str | None = VIA_ARN, name: str = ROLE) -> DenyTarget:
    return DenyTarget(Partition.AWS, TARGET, PrincipalKind.ROLE, name, via)


def user_target() -> DenyTarget:
    return DenyTarget(Partition.AWS, HUB, PrincipalKind.USER, BROKER_USER)


def assert_denied(call: Callable[[], object]) -> None:
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] in DENIED


def is_denied(call: Callable[[], object]) -> bool:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        return True
    return False

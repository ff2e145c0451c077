"""Doubles for the hub's clients: one that answers and records, one that nobody may call."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from brokers.aws.hub import Hub
from brokers.aws.sts import StsCredentials
from brokers.types import AssumeRoleCall, FederationTokenCall, Partition

NOW = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
ACCOUNT = "222222222222"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/team/Developer"
HUB_USER_ARN = f"arn:aws:iam::{ACCOUNT}:user/hubs/sallyport"
END = NOW + timedelta(days=30)


def credentials_answer(seconds: int) -> dict[str, Any]:
    return {
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": "secret",
        "SessionToken": "token",
        "Expiration": NOW + timedelta(seconds=seconds),
    }


class RecordingSts:
    """Answers as STS does, and remembers the parameters."""

    def __init__(self, **changes: Any) -> None:
        self.calls: list[dict[str, Any]] = []
        self.changes = changes

    def assume_role(self, **asked: Any) -> dict[str, Any]:
        self.calls.append(asked)
        name, role = asked["RoleSessionName"], asked["RoleArn"].rpartition("/")[2]
        account = asked["RoleArn"].split(":")[4]
        return {
            "Credentials": credentials_answer(asked["DurationSeconds"]),
            "AssumedRoleUser": {
                "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{name}",
                "AssumedRoleId": f"AROAEXAMPLE:{name}",
            },
            "PackedPolicySize": 7,
            "ResponseMetadata": {"RequestId": "r-1"},
            **self.changes,
        }

    def get_federation_token(self, **asked: Any) -> dict[str, Any]:
        self.calls.append(asked)
        return {
            "Credentials": credentials_answer(asked["DurationSeconds"]),
            "FederatedUser": {
                "Arn": f"arn:aws:sts::{ACCOUNT}:federated-user/{asked['Name']}",
                "FederatedUserId": f"{ACCOUNT}:{asked['Name']}",
            },
            **self.changes,
        }


class NobodyMayCall:
    """Fails the test at whatever is asked of it."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        pytest.fail(f"{name} was reached, though the call had to be refused before")


class FakeHub:
    """Stands where `brokers.aws.hub.Hub` does."""

    def __init__(
        self, sts: Any, *, temporary: bool = False, partition: Partition = Partition.AWS, url: str = ""
    ) -> None:
        self.partition = partition
        self._url = url
        self._sts = sts
        self._temporary = temporary

    def sts(self) -> Any:
        return self._sts

    def endpoint(self, service: str) -> tuple[str, str]:
        assert self._url, f"{service} was called"
        return self._url, "eu-west-1"

    def caller_arn(self) -> str:
        return HUB_USER_ARN

    def principal(self) -> str:
        return HUB_USER_ARN

    def is_temporary(self) -> bool:
        return self._temporary


def fake_hub(
    sts: Any = None, *, temporary: bool = False, partition: Partition = Partition.AWS, url: str = ""
) -> Hub:
    return cast("Hub", FakeHub(sts or NobodyMayCall(), temporary=temporary, partition=partition, url=url))


def broker(sts: Any = None, *, temporary: bool = False) -> StsCredentials:
    return StsCredentials(fake_hub(sts, temporary=temporary), now=lambda: NOW)


def role_call(**changes: Any) -> AssumeRoleCall:
    made: dict[str, Any] = {
        "role_arn": ROLE_ARN,
        "session_name": "sp-session",
        "duration": timedelta(hours=1),
        "max_session": timedelta(hours=12),
        "ends_at": END,
    }
    return AssumeRoleCall(**{**made, **changes})


def token_call(**changes: Any) -> FederationTokenCall:
    made: dict[str, Any] = {
        "partition": Partition.AWS,
        "name": "sp-session",
        "duration": timedelta(hours=1),
        "ends_at": END,
    }
    return FederationTokenCall(**{**made, **changes})

"""Doubles for the hub's clients: one that answers and records, one that nobody may call."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from brokers.aws.every_call import HubCalls
from brokers.aws.hub import Hub
from brokers.aws.sts import StsCredentials
from brokers.types import (
    AssumeRoleCall,
    CognitoCall,
    DeveloperIdentityCall,
    FederationTokenCall,
    Partition,
    RootTaskCall,
    SamlCall,
    SessionTokenCall,
    WebIdentityCall,
)

NOW = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
ACCOUNT = "222222222222"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/team/Developer"
HUB_USER_ARN = f"arn:aws:iam::{ACCOUNT}:user/hubs/sallyport"
END = NOW + timedelta(days=30)
USER_ARN = f"arn:aws:iam::{ACCOUNT}:user/people/ada"
SAML_SESSION = "ada@example.org"
PROVIDER_ARN = f"arn:aws:iam::{ACCOUNT}:saml-provider/Company"
POOL = "us-east-1:0b7e4f5a-0000-4000-8000-00000000000a"
IDENTITY = "us-east-1:0b7e4f5a-0000-4000-8000-00000000000b"
POOL_SESSION = {
    "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Developer/CognitoIdentityCredentials",
    "UserId": "AROAEXAMPLE:CognitoIdentityCredentials",
}
# What must be seen in no error and no representation.
CANARY_SECRET = "canary-of-a-secret"


def credentials_answer(seconds: int) -> dict[str, Any]:
    return {
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": "secret",
        "SessionToken": "token",
        "Expiration": NOW + timedelta(seconds=seconds),
    }


class RecordingSts:
    """Answers as STS does, and remembers the parameters."""

    def __init__(self, caller: dict[str, Any] | None = None, **changes: Any) -> None:
        self.calls: list[dict[str, Any]] = []
        self.caller = caller or {}
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

    def assume_role_with_saml(self, **asked: Any) -> dict[str, Any]:
        return self._with_proof(asked, SAML_SESSION)

    def assume_role_with_web_identity(self, **asked: Any) -> dict[str, Any]:
        return self._with_proof(asked, asked["RoleSessionName"])

    def get_session_token(self, **asked: Any) -> dict[str, Any]:
        self.calls.append(asked)
        return {"Credentials": credentials_answer(asked["DurationSeconds"]), **self.changes}

    def assume_root(self, **asked: Any) -> dict[str, Any]:
        self.calls.append(asked)
        return {"Credentials": credentials_answer(asked["DurationSeconds"]), **self.changes}

    def get_caller_identity(self) -> dict[str, Any]:
        return {"Account": ACCOUNT, "Arn": USER_ARN, "UserId": "AIDAEXAMPLE123456", **self.caller}

    def _with_proof(self, asked: dict[str, Any], name: str) -> dict[str, Any]:
        self.calls.append(asked)
        account, role = asked["RoleArn"].split(":")[4], asked["RoleArn"].rpartition("/")[2]
        return {
            "Credentials": credentials_answer(asked["DurationSeconds"]),
            "AssumedRoleUser": {
                "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{name}",
                "AssumedRoleId": f"AROAEXAMPLE:{name}",
            },
            "PackedPolicySize": 7,
            **self.changes,
        }


class RecordingPool:
    """Answers as a Cognito identity pool does, and remembers the parameters."""

    def __init__(self, **changes: Any) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.changes = changes

    def get_id(self, **asked: Any) -> dict[str, Any]:
        self.calls.append(("GetId", asked))
        return {"IdentityId": IDENTITY, **self.changes.get("get_id", {})}

    def get_credentials_for_identity(self, **asked: Any) -> dict[str, Any]:
        self.calls.append(("GetCredentialsForIdentity", asked))
        found = credentials_answer(3600)
        found["SecretKey"] = found.pop("SecretAccessKey")
        return {
            "IdentityId": asked["IdentityId"],
            "Credentials": found,
            **self.changes.get("credentials", {}),
        }

    def get_open_id_token_for_developer_identity(self, **asked: Any) -> dict[str, Any]:
        self.calls.append(("GetOpenIdTokenForDeveloperIdentity", asked))
        return {"IdentityId": IDENTITY, "Token": "the-pools-token", **self.changes.get("token", {})}


class NobodyMayCall:
    """Fails the test at whatever is asked of it."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        pytest.fail(f"{name} was reached, though the call had to be refused before")


class FakeHub:
    """Stands where `brokers.aws.hub.Hub` does."""

    def __init__(
        self,
        sts: Any,
        *,
        temporary: bool = False,
        partition: Partition = Partition.AWS,
        url: str = "",
        pool: Any = None,
    ) -> None:
        self.partition = partition
        self.asked_for: list[tuple[str, ...]] = []
        self._url = url
        self._pool = pool
        self._sts = sts
        self._temporary = temporary

    def sts(self) -> Any:
        return self._sts

    def sts_as(self, *keys: str) -> Any:
        self.asked_for.append(("sts_as", *keys))
        return self._sts

    def sts_in(self, region: str) -> Any:
        self.asked_for.append(("sts_in", region))
        return self._sts

    def sts_through(self, kept_as: str, refresh: Callable[[], dict[str, str]]) -> Any:
        self.asked_for.append(("sts_through", kept_as))
        self.refresh = refresh
        return self._sts

    def cognito(self, region: str) -> Any:
        self.asked_for.append(("cognito", region))
        return self._pool or NobodyMayCall()

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


def every_call(
    sts: Any = None, pool: Any = None, *, temporary: bool = False, partition: Partition = Partition.AWS
) -> HubCalls:
    hub = FakeHub(sts or NobodyMayCall(), temporary=temporary, pool=pool, partition=partition)
    return HubCalls(cast("Hub", hub), now=lambda: NOW)


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


HOUR = timedelta(hours=1)


def saml_call(**changes: Any) -> SamlCall:
    made: dict[str, Any] = {
        "role_arn": ROLE_ARN,
        "provider_arn": PROVIDER_ARN,
        "duration": HOUR,
        "max_session": 12 * HOUR,
        "ends_at": END,
        "session_name": SAML_SESSION,
        "assertion": CANARY_SECRET,
    }
    return SamlCall(**{**made, **changes})


def web_call(**changes: Any) -> WebIdentityCall:
    made: dict[str, Any] = {
        "role_arn": ROLE_ARN,
        "session_name": "sp-session",
        "duration": HOUR,
        "max_session": 12 * HOUR,
        "ends_at": END,
        "token": CANARY_SECRET,
    }
    return WebIdentityCall(**{**made, **changes})


def user_call(**changes: Any) -> SessionTokenCall:
    made: dict[str, Any] = {
        "partition": Partition.AWS,
        "user_arn": USER_ARN,
        "access_key_id": "AKIAEXAMPLE12345",
        "mfa_serial": f"arn:aws:iam::{ACCOUNT}:mfa/ada",
        "duration": HOUR,
        "ends_at": END,
        "secret_access_key": CANARY_SECRET,
        "mfa_code": "123456",
    }
    return SessionTokenCall(**{**made, **changes})


def pool_call(**changes: Any) -> CognitoCall:
    made: dict[str, Any] = {
        "identity_pool_id": POOL,
        "account_id": ACCOUNT,
        "role_arn": ROLE_ARN,
        "ends_at": END,
        "logins": {"idp.example.org": CANARY_SECRET},
    }
    return CognitoCall(**{**made, **changes})


def developer_call(**changes: Any) -> DeveloperIdentityCall:
    made: dict[str, Any] = {
        "identity_pool_id": POOL,
        "developer_provider": "login.sallyport",
        "user": "person-1",
        "role_arn": ROLE_ARN,
        "session_name": "sp-session",
        "duration": HOUR,
        "max_session": 12 * HOUR,
        "ends_at": END,
    }
    return DeveloperIdentityCall(**{**made, **changes})


def root_call(**changes: Any) -> RootTaskCall:
    made: dict[str, Any] = {
        "partition": Partition.AWS,
        "account_id": "333333333333",
        "task": "S3UnlockBucketPolicy",
        "duration": timedelta(minutes=15),
        "ends_at": END,
    }
    return RootTaskCall(**{**made, **changes})

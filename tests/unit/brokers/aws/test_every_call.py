"""The calls with somebody's proof, an own key or a pool: what is sent, and what of the answer is believed."""

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

import pytest

from brokers.aws.every_call import HubCalls
from brokers.aws.hub import Hub, HubCredentials
from brokers.errors import AwsRefused, AwsUnavailable, BrokerError, LimitExceeded, NotPossible, ProofRefused
from brokers.types import Partition, Scope
from tests.unit.brokers.aws.fakes import (
    ACCOUNT,
    CANARY_SECRET,
    IDENTITY,
    NOW,
    POOL,
    POOL_SESSION,
    PROVIDER_ARN,
    ROLE_ARN,
    SAML_SESSION,
    USER_ARN,
    FakeHub,
    NobodyMayCall,
    RecordingPool,
    RecordingSts,
    developer_call,
    every_call,
    pool_call,
    role_call,
    root_call,
    saml_call,
    token_call,
    user_call,
    web_call,
)
from tests.unit.brokers.aws.local_http import LocalServer, local_server

VIA = f"arn:aws:iam::{ACCOUNT}:role/Gate"
HOUR = timedelta(hours=1)


def test_an_assertion_goes_with_the_grants_end() -> None:
    sts = RecordingSts()
    issued = every_call(sts).assume_role_with_saml(saml_call())
    [sent] = sts.calls
    assert sorted(sent) == ["DurationSeconds", "Policy", "PrincipalArn", "RoleArn", "SAMLAssertion"]
    assert (sent["RoleArn"], sent["PrincipalArn"]) == (ROLE_ARN, PROVIDER_ARN)
    assert "SallyportEnd" in sent["Policy"]
    assert issued.userid == f"AROAEXAMPLE:{SAML_SESSION}"
    assert issued.credentials.expires_at == NOW + HOUR


def test_a_token_goes_with_the_grants_end_and_a_name_of_our_own() -> None:
    sts = RecordingSts()
    issued = every_call(sts).assume_role_with_web_identity(web_call())
    [sent] = sts.calls
    assert sorted(sent) == ["DurationSeconds", "Policy", "RoleArn", "RoleSessionName", "WebIdentityToken"]
    assert "SallyportEnd" in sent["Policy"]
    assert issued.userid == "AROAEXAMPLE:sp-session"


@pytest.mark.parametrize("name", ["assume_role_with_saml", "assume_role_with_web_identity"])
def test_a_scope_narrows_a_session_with_a_proof(name: str) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:policy/Reading"
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    scope = Scope({"Version": "2012-10-17", "Statement": [statement]}, (arn,))
    sts = RecordingSts()
    call = saml_call(scope=scope) if name == "assume_role_with_saml" else web_call(scope=scope)
    getattr(every_call(sts), name)(call)
    [sent] = sts.calls
    assert sent["PolicyArns"] == [{"arn": arn}]
    assert json.loads(sent["Policy"])["Statement"][0] == statement


@pytest.mark.parametrize("name", ["assume_role_with_saml", "assume_role_with_web_identity"])
def test_a_session_that_was_not_asked_for_is_no_answer(name: str) -> None:
    other = {"Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Developer/eve", "AssumedRoleId": "AROAEXAMPLE:eve"}
    call = saml_call() if name == "assume_role_with_saml" else web_call()
    with pytest.raises(AwsUnavailable, match="another session"):
        getattr(every_call(RecordingSts(AssumedRoleUser=other)), name)(call)


def test_a_role_behind_another_is_taken_through_it() -> None:
    sts = RecordingSts()
    hub = FakeHub(sts)
    calls = HubCalls(cast("Hub", hub), now=lambda: NOW)
    issued = calls.assume_role(role_call(via_role_arn=VIA))
    assert hub.asked_for == [("sts_through", VIA)]
    assert sts.calls[0]["RoleArn"] == ROLE_ARN
    assert issued.userid == "AROAEXAMPLE:sp-session"
    # What stands in between can do nothing but go on.
    fetched = hub.refresh()
    assert sorted(fetched) == ["access_key", "expiry_time", "secret_key", "token"]
    between = sts.calls[1]
    assert (between["RoleArn"], between["DurationSeconds"]) == (VIA, 3600)
    [statement] = json.loads(between["Policy"])["Statement"]
    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    calls.assume_role(role_call())
    assert len(hub.asked_for) == 1


def test_a_users_own_key_is_what_asks() -> None:
    sts = RecordingSts()
    hub = FakeHub(sts)
    issued = HubCalls(cast("Hub", hub), now=lambda: NOW).get_session_token(user_call())
    assert hub.asked_for == [("sts_as", "AKIAEXAMPLE12345", CANARY_SECRET)]
    assert sts.calls == [
        {"DurationSeconds": 3600, "SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/ada", "TokenCode": "123456"}
    ]
    assert (issued.arn, issued.userid) == (USER_ARN, "AIDAEXAMPLE123456")


@pytest.mark.parametrize(
    "caller",
    [
        {"Arn": f"arn:aws:iam::{ACCOUNT}:user/people/eve"},
        {"Arn": "arn:aws:iam::333333333333:user/people/ada"},
        {"Arn": f"arn:aws:iam::{ACCOUNT}:root", "UserId": ACCOUNT},
        {"Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/ada/x", "UserId": "AROAEXAMPLE:x"},
        {"UserId": ACCOUNT},
    ],
)
def test_another_ones_key_costs_no_code(caller: dict[str, Any]) -> None:
    sts = RecordingSts(caller)
    with pytest.raises(NotPossible, match="Give a key of that user"):
        every_call(sts).get_session_token(user_call())
    assert not sts.calls


def test_a_root_task_is_asked_of_the_region_with_awss_own_policy() -> None:
    sts = RecordingSts()
    hub = FakeHub(sts)
    issued = HubCalls(cast("Hub", hub), now=lambda: NOW).assume_root(root_call(region="eu-west-1"))
    assert hub.asked_for == [("sts_in", "eu-west-1")]
    assert sts.calls == [
        {
            "TargetPrincipal": "333333333333",
            "TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"},
            "DurationSeconds": 900,
        }
    ]
    assert (issued.arn, issued.userid) == ("arn:aws:iam::333333333333:root", "333333333333")


def test_cognito_is_asked_for_the_role_and_sts_whose_it_became() -> None:
    pool, sts = RecordingPool(), RecordingSts(POOL_SESSION)
    issued = every_call(sts, pool).get_cognito_credentials(pool_call())
    logins = {"idp.example.org": CANARY_SECRET}
    assert pool.calls == [
        ("GetId", {"AccountId": ACCOUNT, "IdentityPoolId": POOL, "Logins": logins}),
        (
            "GetCredentialsForIdentity",
            {"IdentityId": IDENTITY, "Logins": logins, "CustomRoleArn": ROLE_ARN},
        ),
    ]
    assert issued.identity_id == IDENTITY
    assert (issued.arn, issued.userid) == (POOL_SESSION["Arn"], POOL_SESSION["UserId"])
    assert issued.credentials.secret_access_key == "secret"


def test_another_roles_credentials_are_thrown_away() -> None:
    other = {
        **POOL_SESSION,
        "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Developers/CognitoIdentityCredentials",
    }
    with pytest.raises(AwsRefused) as caught:
        every_call(RecordingSts(other), RecordingPool()).get_cognito_credentials(pool_call())
    assert caught.value.aws_code == "OtherRole"
    assert "role mappings" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"get_id": {"IdentityId": ""}}, "no IdentityId"),
        ({"get_id": {"IdentityId": "eu-west-1:" + IDENTITY.partition(":")[2]}}, "an IdentityId that is none"),
        ({"get_id": {"IdentityId": "us-east-1:*"}}, "an IdentityId that is none"),
        ({"credentials": {"IdentityId": POOL}}, "another identity"),
        ({"credentials": {"Credentials": None}}, "no Credentials"),
        ({"credentials": {"Credentials": {"AccessKeyId": "x"}}}, "no SecretAccessKey"),
    ],
)
def test_what_a_pool_says_amiss_is_no_answer(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(AwsUnavailable) as caught:
        every_call(RecordingSts(POOL_SESSION), RecordingPool(**changes)).get_cognito_credentials(pool_call())
    assert caught.value.detail == f"the answer has {why}"


def test_a_developer_identity_is_vouched_for_by_the_hub_and_then_takes_the_role() -> None:
    pool, sts = RecordingPool(), RecordingSts()
    issued = every_call(sts, pool).get_developer_credentials(developer_call())
    assert pool.calls == [
        (
            "GetOpenIdTokenForDeveloperIdentity",
            {"IdentityPoolId": POOL, "Logins": {"login.sallyport": "person-1"}, "TokenDuration": 300},
        )
    ]
    [sent] = sts.calls
    assert (sent["WebIdentityToken"], sent["RoleSessionName"]) == ("the-pools-token", "sp-session")
    assert "SallyportEnd" in sent["Policy"]
    assert (issued.userid, issued.identity_id) == ("AROAEXAMPLE:sp-session", IDENTITY)


CHINA = "arn:aws-cn:iam::222222222222:role/Developer"
# the call, what is changed, what the refusal says
REFUSED: list[tuple[str, Any, str]] = [
    ("assume_role", role_call(via_role_arn="Gate"), "via_role_arn is 'Gate'"),
    ("assume_role", role_call(via_role_arn=CHINA), "partition aws-cn, not aws"),
    ("assume_role_with_saml", saml_call(role_arn="x"), "RoleArn is 'x'"),
    ("assume_role_with_saml", saml_call(role_arn=CHINA), "partition aws-cn, not aws"),
    ("assume_role_with_saml", saml_call(session_name="a"), "RoleSessionName is 'a'"),
    ("assume_role_with_saml", saml_call(assertion="abc"), "SAMLAssertion is (not shown, 3 characters)"),
    ("assume_role_with_saml", saml_call(assertion="a" * 100_001), "SAMLAssertion is (not shown, 100001"),
    ("assume_role_with_saml", saml_call(provider_arn=ROLE_ARN), "PrincipalArn is"),
    (
        "assume_role_with_saml",
        saml_call(provider_arn=PROVIDER_ARN.replace(ACCOUNT, "333333333333")),
        "providers of its own account",
    ),
    ("assume_role_with_web_identity", web_call(role_arn="x"), "RoleArn is 'x'"),
    ("assume_role_with_web_identity", web_call(role_arn=CHINA), "partition aws-cn, not aws"),
    ("assume_role_with_web_identity", web_call(session_name="a b"), "RoleSessionName is 'a b'"),
    ("assume_role_with_web_identity", web_call(token="abc"), "WebIdentityToken is (not shown, 3 characters)"),
    ("assume_role_with_web_identity", web_call(token="a" * 20_001), "WebIdentityToken is (not shown, 20001"),
    (
        "assume_role_with_web_identity",
        web_call(scope=Scope(None, (f"arn:aws:iam::{ACCOUNT}:policy/p",) * 11)),
        "at most 10 managed policies",
    ),
    ("get_session_token", user_call(user_arn=f"arn:aws:iam::{ACCOUNT}:root"), "user_arn is"),
    ("get_session_token", user_call(user_arn=ROLE_ARN), "user_arn is"),
    ("get_session_token", user_call(user_arn=USER_ARN.replace("aws", "aws-cn")), "partition aws-cn"),
    ("get_session_token", user_call(partition=Partition.CHINA), "partition aws-cn"),
    ("get_session_token", user_call(access_key_id="AKIA"), "AccessKeyId is 'AKIA'"),
    ("get_session_token", user_call(access_key_id="AKIAEXAMPLE12345\nX: y"), "AccessKeyId is"),
    ("get_session_token", user_call(access_key_id="ASIAEXAMPLE12345"), "this one is temporary"),
    ("get_session_token", user_call(secret_access_key=""), "SecretAccessKey is empty"),
    ("get_session_token", user_call(mfa_serial="short"), "SerialNumber is 'short'"),
    ("get_session_token", user_call(mfa_code="98765"), "TokenCode is (not shown, 5 characters)"),
    ("get_session_token", user_call(mfa_code="98765x"), "TokenCode is (not shown, 6 characters)"),
    ("get_cognito_credentials", pool_call(identity_pool_id="pool"), "IdentityPoolId is 'pool'"),
    (
        "get_cognito_credentials",
        pool_call(identity_pool_id=POOL.replace("us-east-1", "cn-north-1")),
        "aws-cn",
    ),
    (
        "get_cognito_credentials",
        pool_call(identity_pool_id=POOL.replace("us-east-1", "xx-east-1")),
        "Region",
    ),
    ("get_cognito_credentials", pool_call(role_arn=CHINA), "aws-cn"),
    ("get_cognito_credentials", pool_call(account_id="1"), "AccountId is '1'"),
    ("get_cognito_credentials", pool_call(logins={}), "Without a login"),
    ("get_cognito_credentials", pool_call(logins={"a": ""}), "Logins.Value is (not shown, 0 characters)"),
    ("get_cognito_credentials", pool_call(logins={f"p{n}": "token" for n in range(11)}), "at most 10 logins"),
    ("get_developer_credentials", developer_call(identity_pool_id="pool"), "IdentityPoolId is 'pool'"),
    ("get_developer_credentials", developer_call(developer_provider=""), "Logins.Key is ''"),
    ("get_developer_credentials", developer_call(user=""), "Logins.Value is ''"),
    ("get_developer_credentials", developer_call(user="u" * 1025), "(1025 characters)"),
    ("get_developer_credentials", developer_call(token_duration=timedelta(0)), "TokenDuration is 0 s"),
    ("get_developer_credentials", developer_call(token_duration=timedelta(days=2)), "1 to 86,400 s"),
    ("get_developer_credentials", developer_call(session_name="a"), "RoleSessionName is 'a'"),
    ("get_developer_credentials", developer_call(role_arn=CHINA), "aws-cn"),
    ("assume_root", root_call(account_id="33333333333"), "AccountId is"),
    ("assume_root", root_call(partition=Partition.US_GOV), "partition aws-us-gov"),
    ("assume_root", root_call(task="AdministratorAccess"), "TaskPolicyArn is 'AdministratorAccess'"),
    ("assume_root", root_call(task="../AdministratorAccess"), "TaskPolicyArn is"),
]


@pytest.mark.parametrize(("name", "call", "why"), REFUSED, ids=[f"{name} {why}" for name, _, why in REFUSED])
def test_what_is_out_of_limits_reaches_nobody(name: str, call: Any, why: str) -> None:
    with pytest.raises((LimitExceeded, NotPossible)) as caught:
        getattr(every_call(NobodyMayCall(), NobodyMayCall()), name)(call)
    assert why in str(caught.value)
    assert CANARY_SECRET not in str(caught.value)


CALLS: list[tuple[str, Any]] = [
    ("assume_role_with_saml", saml_call(assertion=CANARY_SECRET * 3)),
    ("assume_role_with_web_identity", web_call(token=CANARY_SECRET * 3)),
    ("get_session_token", user_call()),
    ("get_cognito_credentials", pool_call(logins={"idp.example.org": CANARY_SECRET * 3})),
]
# Answers that repeat what was sent, as AWS does.
ECHO = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
    "<Message>1 validation error: Value '{secret}' failed</Message></Error></ErrorResponse>"
)


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture
def calls(server: LocalServer) -> HubCalls:
    key = HubCredentials("AKIAHUBHUBHUB123", "hub-secret")
    return HubCalls(Hub(key, region="us-east-1", endpoint_url=server.url), now=lambda: NOW)


@pytest.mark.parametrize(("name", "call"), CALLS, ids=[name for name, _ in CALLS])
def test_no_secret_is_in_an_error_a_log_or_a_representation(
    server: LocalServer, calls: HubCalls, name: str, call: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert CANARY_SECRET not in repr(call)
    server.status = 400
    echoed = CANARY_SECRET * 3
    server.body = ECHO.format(code="ValidationError", secret=echoed).encode()
    if name == "get_cognito_credentials":
        server.body = json.dumps(
            {"__type": "InvalidParameterException", "message": f"Value '{echoed}'"}
        ).encode()
    caplog.set_level(logging.DEBUG, logger="brokers")
    with pytest.raises(BrokerError) as caught:
        getattr(calls, name)(call)
    assert server.requests
    assert CANARY_SECRET not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"
    assert not [line for line in caplog.messages if CANARY_SECRET in line and not line.startswith("botocore")]


@pytest.mark.parametrize(
    ("name", "call", "is_signed"),
    [
        ("assume_role", role_call(), True),
        ("get_federation_token", token_call(), True),
        ("assume_role_with_saml", saml_call(), False),
        ("assume_role_with_web_identity", web_call(), False),
        ("get_session_token", user_call(), True),
        ("get_cognito_credentials", pool_call(), False),
        ("get_developer_credentials", developer_call(), True),
        ("assume_root", root_call(), True),
    ],
)
def test_the_hub_signs_what_is_its_own_alone(
    server: LocalServer, calls: HubCalls, name: str, call: Any, is_signed: bool
) -> None:
    server.status = 403
    server.body = (
        b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
    )
    with pytest.raises(BrokerError):
        getattr(calls, name)(call)
    signature = server.sent_headers.get("Authorization", "")
    assert bool(signature) is is_signed
    signer = "AKIAEXAMPLE12345" if name == "get_session_token" else "AKIAHUBHUBHUB123"
    assert (signer in signature) is is_signed
    assert "AKIAHUBHUBHUB123" not in str(server.requests)


@pytest.mark.parametrize(
    ("name", "call", "code"),
    [
        ("assume_role_with_saml", saml_call(), "ExpiredTokenException"),
        ("assume_role_with_saml", saml_call(), "IDPRejectedClaim"),
        ("assume_role_with_web_identity", web_call(), "InvalidIdentityToken"),
        ("assume_role_with_web_identity", web_call(), "ExpiredTokenException"),
    ],
)
def test_a_proof_that_aws_does_not_take_is_named(
    server: LocalServer, calls: HubCalls, name: str, call: Any, code: str
) -> None:
    server.status, server.body = 400, ECHO.format(code=code, secret="x").encode()
    with pytest.raises(ProofRefused) as caught:
        getattr(calls, name)(call)
    assert caught.value.aws_code == code


def test_a_hub_that_is_refused_is_no_proof_that_is_refused(server: LocalServer, calls: HubCalls) -> None:
    server.status, server.body = 400, ECHO.format(code="ExpiredTokenException", secret="x").encode()
    for name, call in (("assume_root", root_call()), ("assume_role", role_call())):
        with pytest.raises(AwsRefused) as caught:
            getattr(calls, name)(call)
        assert type(caught.value) is AwsRefused


def test_other_regions_of_the_partition_are_asked_there() -> None:
    hub = Hub(HubCredentials("AKIAHUBHUBHUB123", "hub-secret"), region="us-east-1")
    assert hub.sts_in("") is hub.sts_in("us-east-1") is hub.sts()
    found = hub.sts_in("eu-west-1")
    assert found is hub.sts_in("eu-west-1")
    assert found.meta.endpoint_url == "https://sts.eu-west-1.amazonaws.com"
    with pytest.raises(NotPossible, match="aws-cn"):
        hub.sts_in("cn-north-1")
    assert hub.cognito("eu-west-1").meta.endpoint_url == "https://cognito-identity.eu-west-1.amazonaws.com"

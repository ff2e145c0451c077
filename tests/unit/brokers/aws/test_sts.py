"""AssumeRole and GetFederationToken: what is sent, and what of the answer is believed."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from brokers.aws.session_names import TAG_GRANT
from brokers.errors import AwsUnavailable, NotPossible
from brokers.types import Credentials
from tests.unit.brokers.aws.fakes import (
    ACCOUNT,
    HUB_USER_ARN,
    NOW,
    ROLE_ARN,
    NobodyMayCall,
    RecordingSts,
    broker,
    credentials_answer,
    role_call,
    token_call,
)

UUID = "0b7e4f5a-0000-4000-8000-000000000001"


def test_assume_role_sends_what_was_asked_and_nothing_that_was_not() -> None:
    sts = RecordingSts()
    issued = broker(sts).assume_role(role_call())
    (sent,) = sts.calls
    assert sorted(sent) == ["DurationSeconds", "Policy", "RoleArn", "RoleSessionName"]
    assert sent["RoleArn"] == ROLE_ARN
    assert "SallyportEnd" in sent["Policy"]
    assert issued.credentials == Credentials("ASIAEXAMPLE", "secret", "token", NOW + timedelta(hours=1))
    assert issued.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/Developer/sp-session"
    assert (issued.userid, issued.packed_policy_percent, issued.request_id) == (
        "AROAEXAMPLE:sp-session",
        7,
        "r-1",
    )
    assert "secret" not in repr(issued)


def test_assume_role_sends_all_that_was_asked() -> None:
    sts = RecordingSts()
    broker(sts).assume_role(
        role_call(tags={TAG_GRANT: UUID}, source_identity="sp-person-x", external_id="3f1c")
    )
    (sent,) = sts.calls
    assert sent["Tags"] == [{"Key": TAG_GRANT, "Value": UUID}]
    assert (sent["SourceIdentity"], sent["ExternalId"]) == ("sp-person-x", "3f1c")


def test_get_federation_token_always_carries_a_policy() -> None:
    sts = RecordingSts()
    issued = broker(sts).get_federation_token(token_call(tags={TAG_GRANT: UUID}))
    (sent,) = sts.calls
    assert sorted(sent) == ["DurationSeconds", "Name", "Policy", "Tags"]
    assert json.loads(sent["Policy"])["Statement"][1]["Sid"] == "SallyportEnd"
    assert (issued.userid, issued.packed_policy_percent, issued.request_id) == (
        f"{ACCOUNT}:sp-session",
        None,
        "",
    )


@pytest.mark.parametrize(
    "meant",
    [
        f"arn:aws:iam::{ACCOUNT}:user/another",
        "arn:aws:iam::333333333333:user/hubs/sallyport",
        f"arn:aws:iam::{ACCOUNT}:role/sallyport",
        "nobody",
    ],
)
def test_a_federation_token_stands_on_the_user_whose_deny_ends_it(meant: str) -> None:
    with pytest.raises(NotPossible, match="would cut off nobody"):
        broker(NobodyMayCall()).get_federation_token(token_call(user_arn=meant))
    for own in (HUB_USER_ARN, f"arn:aws:iam::{ACCOUNT}:user/sallyport"):
        sts = RecordingSts()
        broker(sts).get_federation_token(token_call(user_arn=own))
        assert len(sts.calls) == 1


def test_a_session_token_has_no_longest_size() -> None:
    long = {**credentials_answer(3600), "SessionToken": "t" * 20_000}
    issued = broker(RecordingSts(Credentials=long)).assume_role(role_call())
    assert issued.credentials.session_token == "t" * 20_000


def changed(**changes: Any) -> dict[str, Any]:
    return {"Credentials": {**credentials_answer(3600), **changes}}


def user(arn: str, userid: str) -> dict[str, Any]:
    return {"AssumedRoleUser": {"Arn": arn, "AssumedRoleId": userid}}


ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/Developer/sp-session"
UNBELIEVED = [
    ({"Credentials": None}, "no Credentials"),
    (changed(AccessKeyId=""), "no AccessKeyId"),
    (changed(SecretAccessKey=None), "no SecretAccessKey"),
    (changed(SessionToken=""), "no SessionToken"),
    (changed(Expiration=None), "no Expiration with a zone"),
    (changed(Expiration=datetime(2031, 5, 6)), "no Expiration with a zone"),  # noqa: DTZ001  # the point
    (changed(Expiration=NOW - timedelta(minutes=5)), "an Expiration that wasn't asked for"),
    (changed(Expiration=NOW + timedelta(minutes=65, seconds=1)), "an Expiration that wasn't asked for"),
    ({"AssumedRoleUser": None}, "no AssumedRoleUser"),
    (user("", "AROA1:sp-session"), "no Arn"),
    (user(ARN, ""), "no AssumedRoleId"),
    (user(ARN, "AROA1:other"), "another session"),
    (user(ARN, ":sp-session"), "another session"),
    (user(ARN.replace("sp-session", "other"), "AROA1:sp-session"), "another session"),
    (user(ARN.replace(ACCOUNT, "333333333333"), "AROA1:sp-session"), "another session"),
]


@pytest.mark.parametrize(("changes", "why"), UNBELIEVED)
def test_an_answer_that_makes_no_sense_is_no_answer(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(AwsUnavailable) as caught:
        broker(RecordingSts(**changes)).assume_role(role_call())
    assert caught.value.detail == f"the answer has {why}"


@pytest.mark.parametrize("seconds", [-299, 3600, 3900])
def test_clocks_may_differ_by_minutes(seconds: int) -> None:
    at = NOW + timedelta(seconds=seconds)
    issued = broker(RecordingSts(**changed(Expiration=at))).assume_role(role_call())
    assert issued.credentials.expires_at == at


@pytest.mark.parametrize(
    ("arn", "userid"),
    [
        (f"arn:aws:sts::{ACCOUNT}:federated-user/other", f"{ACCOUNT}:sp-session"),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/sp-session", f"{ACCOUNT}:other"),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/sp-session", "333333333333:sp-session"),
    ],
)
def test_another_federated_user_is_no_answer(arn: str, userid: str) -> None:
    sts = RecordingSts(FederatedUser={"Arn": arn, "FederatedUserId": userid})
    with pytest.raises(AwsUnavailable, match="another federated user"):
        broker(sts).get_federation_token(token_call())

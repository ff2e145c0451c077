"""GetSessionToken with an MFA code: what the sandbox refuses as AWS does, each with the neighbour that gets in."""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3

from portal.demo.sandbox.calls.mfa import STEP_S, code_at
from tests.integration.demo.answers import refused
from tests.servers.sandbox import Sandbox

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.once]

ACCOUNT = "333344445555"
READ = {"Bucket": "harbor-measurements"}
DENIED = ("AccessDenied", 403)


@pytest.fixture
def device(aws: Sandbox) -> Iterator[dict[str, str]]:
    """An IAM user of the test's own, whose codes nobody has used."""
    iam = aws.root("iam", ACCOUNT)
    iam.create_user(UserName="tess", Path="/sallyport/")
    rights = iam.get_user_policy(UserName="chidi-rao", PolicyName="Rights")["PolicyDocument"]
    iam.put_user_policy(UserName="tess", PolicyName="Rights", PolicyDocument=json.dumps(rights))
    key = iam.create_access_key(UserName="tess")["AccessKey"]
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="tess")["VirtualMFADevice"]
    serial, seed = made["SerialNumber"], made["Base32StringSeed"].decode()
    wrong = {"AuthenticationCode1": "000000", "AuthenticationCode2": "000000"}
    given = {"UserName": "tess", "SerialNumber": serial}
    assert refused(iam.enable_mfa_device, **given, **wrong) == ("InvalidAuthenticationCode", 403)
    step = int(time.time()) // STEP_S
    codes = {f"AuthenticationCode{n}": code_at(seed, step - 4 + n) for n in (1, 2)}
    iam.enable_mfa_device(**given, **codes)
    yield {"serial": serial, "seed": seed, **key}
    iam.deactivate_mfa_device(**given)
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    for name in ("Rights", "Deny"):
        if name in iam.list_user_policies(UserName="tess")["PolicyNames"]:
            iam.delete_user_policy(UserName="tess", PolicyName=name)
    iam.delete_access_key(UserName="tess", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="tess")


def code(device: dict[str, str], ahead: int = 0) -> str:
    return code_at(device["seed"], int(time.time()) // STEP_S + ahead)


def with_code(aws: Sandbox, device: dict[str, str], given: str) -> Any:
    sts = aws.client("sts", {k: v for k, v in device.items() if k != "SessionToken"})
    return sts.get_session_token(SerialNumber=device["serial"], TokenCode=given)["Credentials"]


def test_a_code_counts_once_and_must_be_of_now(aws: Sandbox, device: dict[str, str]) -> None:
    sts = aws.client("sts", device)
    call, serial = sts.get_session_token, device["serial"]
    assert refused(call, SerialNumber=serial, TokenCode=code(device, -4)) == DENIED
    assert refused(call, SerialNumber=serial, TokenCode=code(device, 4)) == DENIED
    assert refused(call, SerialNumber=serial) == DENIED
    chidis = aws.estate["mfa_users"][0]["mfa_serial"]
    assert refused(call, SerialNumber=chidis, TokenCode=code(device)) == DENIED
    now = code(device)
    assert with_code(aws, device, now)
    assert refused(call, SerialNumber=serial, TokenCode=now) == DENIED
    assert with_code(aws, device, code(device, 1))


def test_the_session_is_the_user_with_mfa(aws: Sandbox, device: dict[str, str]) -> None:
    proven, bare = (
        with_code(aws, device, code(device)),
        aws.client("sts", device).get_session_token()["Credentials"],
    )
    who = aws.client("sts", proven).get_caller_identity()
    assert (who["Arn"], who["UserId"][:4]) == (f"arn:aws:iam::{ACCOUNT}:user/sallyport/tess", "AIDA")
    assert aws.client("s3", proven).list_objects_v2(**READ)["KeyCount"] == 2
    assert refused(aws.client("s3", bare).list_objects_v2, **READ) == DENIED
    assert refused(aws.client("s3", device).list_objects_v2, **READ) == DENIED


def test_iam_takes_it_with_a_code_alone_and_sts_for_little(aws: Sandbox, device: dict[str, str]) -> None:
    proven, bare = (
        with_code(aws, device, code(device)),
        aws.client("sts", device).get_session_token()["Credentials"],
    )
    user = {"UserName": "tess"}
    assert refused(aws.client("iam", bare).get_user, **user) == ("InvalidClientTokenId", 403)
    assert (
        refused(aws.client("iam", proven).get_user, **user) == DENIED
    )  # let through, and judged by its policies
    sts = aws.client("sts", proven)
    assert refused(sts.get_session_token) == DENIED
    assert refused(sts.get_federation_token, Name="other") == DENIED
    assert sts.get_caller_identity()["Account"] == ACCOUNT


def test_the_users_sessions_are_cut_and_the_key_stays(aws: Sandbox, device: dict[str, str]) -> None:
    """Long-lived keys have no aws:TokenIssueTime, so a deny by it leaves them be."""
    proven = with_code(aws, device, code(device))
    iam, user_id = aws.root("iam", ACCOUNT), aws.client("sts", proven).get_caller_identity()["UserId"]
    everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    condition = {
        "StringEquals": {"aws:userid": user_id},
        "DateLessThan": {
            "aws:TokenIssueTime": f"{datetime.now(UTC) + timedelta(seconds=2):%Y-%m-%dT%H:%M:%SZ}"
        },
    }
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
    document = json.dumps({"Version": "2012-10-17", "Statement": [everything, deny]})
    assert aws.client("s3", proven).list_objects_v2(**READ)["KeyCount"] == 2
    iam.put_user_policy(UserName="tess", PolicyName="Deny", PolicyDocument=document)
    assert refused(aws.client("s3", proven).list_objects_v2, **READ) == DENIED
    assert aws.client("s3", device).list_objects_v2(**READ)["KeyCount"] == 2


def test_the_estates_own_user_and_the_app_on_their_telephone(aws: Sandbox) -> None:
    user = aws.estate["mfa_users"][0]
    key = {"AccessKeyId": user["access_key_id"], "SecretAccessKey": user["secret_access_key"]}
    page = urllib3.request("GET", f"{aws.endpoint_url}/authenticator", timeout=10).data.decode()
    shown = re.search(r">(\d{3}) (\d{3})<", page)
    assert shown, page
    found = shown[1] + shown[2]
    sts = aws.client("sts", key)
    assert sts.get_session_token(SerialNumber=user["mfa_serial"], TokenCode=found)["Credentials"]

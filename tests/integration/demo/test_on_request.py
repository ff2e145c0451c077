"""What tests ask of the sandbox: short sessions, throttling, and how often it was called."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.demo.answers import refused
from tests.servers.demo_idp import DemoIdp
from tests.servers.sandbox import Sandbox, sandbox

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.once]

READ = {"Bucket": "harbor-measurements"}


@pytest.mark.thorough
def test_sessions_end_as_soon_as_told(tmp_path: Path, idp: DemoIdp) -> None:
    with sandbox(tmp_path, identity_provider=idp.base_url, session_seconds=3) as aws:
        soon = datetime.now(UTC) + timedelta(seconds=5)
        assumed = aws.assume("DataAnalyst", "somebody", DurationSeconds=3600)
        token = idp.id_token("ben", "harbor-web")
        asked = {"RoleArn": aws.role_arn("HarborWeb"), "RoleSessionName": "ben", "WebIdentityToken": token}
        web = aws.anonymous("sts").assume_role_with_web_identity(**asked)["Credentials"]
        for session in (assumed, web):
            assert session["Expiration"] < soon
            assert aws.client("s3", session).list_objects_v2(**READ)["KeyCount"] == 2
        time.sleep(4)
        for session in (assumed, web):
            code, _ = refused(aws.client("s3", session).list_objects_v2, **READ)
            assert code in {"ExpiredToken", "ExpiredTokenException"}
        assert aws.assume("DataAnalyst", "somebody")


def test_calls_are_counted_by_action(aws: Sandbox) -> None:
    asked, answered = aws.calls("AssumeRole"), aws.calls("AssumeRole", answered=True)
    aws.assume("DataAnalyst", "somebody")
    nobody = {"RoleArn": "arn:aws:iam::333344445555:role/sallyport/Nobody", "RoleSessionName": "somebody"}
    refused(aws.hub("sts").assume_role, **nobody)
    assert aws.calls("AssumeRole") == asked + 2
    assert aws.calls("AssumeRole", answered=True) == answered + 1


def test_the_next_calls_are_throttled(aws: Sandbox) -> None:
    given = {"RoleArn": aws.role_arn("DataAnalyst"), "RoleSessionName": "somebody"}
    with aws.faults({"action": "AssumeRole", "times": 2}):
        for _ in range(2):
            assert refused(aws.hub("sts").assume_role, **given) == ("Throttling", 400)
        assert aws.hub("sts").get_caller_identity()["Arn"]
        assert aws.hub("sts").assume_role(**given)["Credentials"]


def test_what_comes_faster_is_throttled(aws: Sandbox) -> None:
    given = {"RoleArn": aws.role_arn("DataAnalyst"), "RoleSessionName": "somebody"}
    sts = aws.hub("sts")
    with aws.faults({"action": "Assume*", "per_second": 0.001, "burst": 3}):
        for _ in range(3):
            assert sts.assume_role(**given)["Credentials"]
        assert refused(sts.assume_role, **given) == ("Throttling", 400)
        assert sts.get_caller_identity()["Arn"]
    assert sts.assume_role(**given)["Credentials"]


def test_cognito_is_throttled_in_its_own_words(aws: Sandbox) -> None:
    pool = aws.estate["identity_pools"][1]
    given = {"IdentityPoolId": pool["identity_pool_id"], "Logins": {pool["developer_provider"]: "noor"}}
    call = aws.hub("cognito-identity").get_open_id_token_for_developer_identity
    many = {"action": "GetOpenIdTokenFor*", "code": "TooManyRequestsException"}
    with aws.faults(many):
        assert refused(call, **given) == ("TooManyRequestsException", 400)
        assert call(**given)["Token"]

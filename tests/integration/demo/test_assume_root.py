"""AssumeRoot: what the sandbox refuses as AWS does, each with the neighbour that gets in."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.demo.answers import ALL, refused
from tests.servers.sandbox import Sandbox

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.once]

MEMBER = "555566667777"
DENIED = ("AccessDenied", 403)
INVALID = ("ValidationError", 400)
UNLOCK = "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"


def asked(**more: Any) -> dict[str, Any]:
    return {"TargetPrincipal": MEMBER, "TaskPolicyArn": {"arn": UNLOCK}, **more}


def test_the_root_does_its_task_and_nothing_else(aws: Sandbox) -> None:
    session = aws.hub("sts").assume_root(**asked())["Credentials"]
    assert session["Expiration"] <= datetime.now(UTC) + timedelta(seconds=900)
    assert aws.client("sts", session).get_caller_identity()["Arn"] == f"arn:aws:iam::{MEMBER}:root"
    s3, sealed = aws.client("s3", session), {"Bucket": "harbor-sealed"}
    assert refused(s3.list_objects_v2, **sealed) == DENIED
    assert refused(aws.client("iam", session).list_roles) == DENIED
    assume = {"RoleArn": aws.role_arn("DataAnalyst"), "RoleSessionName": "root"}
    assert refused(aws.client("sts", session).assume_role, **assume) == DENIED
    policy = s3.get_bucket_policy(**sealed)["Policy"]
    s3.delete_bucket_policy(**sealed)
    aws.root("s3", MEMBER).put_bucket_policy(**sealed, Policy=policy)


def test_the_seal_keeps_out_who_may_do_everything(aws: Sandbox) -> None:
    """What AssumeRoot is for: an administrator of the account can't open it."""
    iam = aws.root("iam", MEMBER)
    iam.create_user(UserName="admin")
    iam.put_user_policy(UserName="admin", PolicyName="All", PolicyDocument=json.dumps(ALL))
    key = iam.create_access_key(UserName="admin")["AccessKey"]
    try:
        s3 = aws.client("s3", key)
        assert refused(s3.delete_bucket_policy, Bucket="harbor-sealed") == DENIED
        assert s3.list_buckets()["Buckets"]
        # A member's administrator is not the organization's, whatever their policies say.
        assert refused(aws.client("sts", key).assume_root, **asked()) == DENIED
    finally:
        iam.delete_access_key(UserName="admin", AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName="admin", PolicyName="All")
        iam.delete_user(UserName="admin")


@pytest.mark.parametrize(
    ("wrong", "answer"),
    [
        ({"DurationSeconds": 901}, INVALID),
        ({"TargetPrincipal": "000000000001"}, DENIED),
        ({"TargetPrincipal": "arn:aws:iam::555566667777:user/x"}, DENIED),
        ({"TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/AdministratorAccess"}}, DENIED),
        ({"TaskPolicyArn": {"arn": f"{UNLOCK}X"}}, INVALID),
    ],
    ids=lambda given: str(given)[:40],
)
def test_what_is_asked(aws: Sandbox, wrong: dict[str, Any], answer: tuple[str, int]) -> None:
    call = aws.hub("sts").assume_root
    assert refused(call, **asked(**wrong)) == answer
    root = f"arn:aws:iam::{MEMBER}:root"
    assert call(**asked(DurationSeconds=900, TargetPrincipal=root))["Credentials"]


def test_a_role_session_needs_the_right_to(aws: Sandbox) -> None:
    session = aws.client("sts", aws.assume("ProductionOperator", "somebody"))
    assert refused(session.assume_root, **asked()) == DENIED

"""IAM's quotas, each with the neighbour that it accepts; what the hub and its revoker may do."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.demo.answers import policy_of, refused
from tests.servers.sandbox import Sandbox

pytestmark = pytest.mark.xdist_group("sandbox")

LIMIT = ("LimitExceeded", 409)
DENIED = ("AccessDenied", 403)
ACCOUNT = "222233334444"
ROLE = {"RoleName": "ProductionReadOnly"}
USER = {"UserName": "sallyport-hub"}


@pytest.fixture
def revoker(aws: Sandbox) -> Any:
    arn = aws.role_arn("SallyportRevoker", ACCOUNT)
    answer = aws.hub("sts").assume_role(RoleArn=arn, RoleSessionName="revoke")
    return aws.client("iam", answer["Credentials"])


@pytest.fixture
def administrator(aws: Sandbox) -> Iterator[Any]:
    """A user who may do all in IAM, but comes through the façade."""
    iam = aws.root("iam", ACCOUNT)
    iam.create_user(UserName="administrator")
    everything = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}'
    iam.put_user_policy(UserName="administrator", PolicyName="All", PolicyDocument=everything)
    key = iam.create_access_key(UserName="administrator")["AccessKey"]
    yield aws.client("iam", key, unchecked=True)
    iam.delete_access_key(UserName="administrator", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="administrator", PolicyName="All")
    iam.delete_user(UserName="administrator")


def size_of_permissions(iam: Any) -> int:
    document = iam.get_role_policy(**ROLE, PolicyName="Permissions")["PolicyDocument"]
    return len(json.dumps(document, separators=(",", ":")))


def test_inline_policies_of_a_role_add_up(revoker: Any) -> None:
    room = 10_240 - size_of_permissions(revoker)
    put = revoker.put_role_policy
    try:
        put(**ROLE, PolicyName="First", PolicyDocument=policy_of(4_000))
        over = {"PolicyName": "Second", "PolicyDocument": policy_of(room - 4_000 + 1)}
        assert refused(put, **ROLE, **over) == LIMIT
        put(**ROLE, PolicyName="Second", PolicyDocument=policy_of(room - 4_000))
        # The one that is replaced doesn't count twice.
        put(**ROLE, PolicyName="First", PolicyDocument=policy_of(4_000))
    finally:
        for name in ("First", "Second"):
            revoker.delete_role_policy(**ROLE, PolicyName=name)


def test_white_space_does_not_count(revoker: Any) -> None:
    room = 10_240 - size_of_permissions(revoker)
    revoker.put_role_policy(**ROLE, PolicyName="Wide", PolicyDocument=policy_of(room) + " " * 5_000)
    revoker.delete_role_policy(**ROLE, PolicyName="Wide")


def test_inline_policies_of_a_user_add_up(aws: Sandbox) -> None:
    iam = aws.hub("iam")
    given = {**USER, "PolicyName": "SallyportDeny"}
    assert refused(iam.put_user_policy, **given, PolicyDocument=policy_of(2_049)) == LIMIT
    iam.put_user_policy(**given, PolicyDocument=policy_of(2_048))
    iam.delete_user_policy(**given)


def test_managed_and_trust_policies(administrator: Any, aws: Sandbox) -> None:
    assert refused(administrator.create_policy, PolicyName="Big", PolicyDocument=policy_of(6_145)) == LIMIT
    made = administrator.create_policy(PolicyName="Big", PolicyDocument=policy_of(6_144))["Policy"]
    administrator.delete_policy(PolicyArn=made["Arn"])
    trust = policy_of(2_049)
    assert refused(administrator.create_role, RoleName="New", AssumeRolePolicyDocument=trust) == LIMIT
    assert refused(administrator.update_assume_role_policy, **ROLE, PolicyDocument=trust) == LIMIT
    administrator.create_role(RoleName="New", AssumeRolePolicyDocument=policy_of(2_048))
    administrator.delete_role(RoleName="New")


@pytest.mark.parametrize(
    ("too_far", "neighbour"),
    [
        ({"RoleName": "r" * 65}, {"RoleName": "r" * 64}),
        ({"MaxSessionDuration": 43_201}, {"MaxSessionDuration": 43_200}),
        ({"MaxSessionDuration": 3_599}, {"MaxSessionDuration": 3_600}),
        (
            {"Path": "/" + "p" * 505 + "/", "RoleName": "abcdef"},
            {"Path": "/" + "p" * 505 + "/", "RoleName": "abcde"},
        ),
        ({"Description": "d" * 1001}, {"Description": "d" * 1000}),
    ],
    ids="-".join,
)
def test_create_role(administrator: Any, too_far: dict[str, Any], neighbour: dict[str, Any]) -> None:
    usual = {"RoleName": "New", "AssumeRolePolicyDocument": policy_of(200)}
    assert refused(administrator.create_role, **{**usual, **too_far}) == ("ValidationError", 400)
    administrator.create_role(**{**usual, **neighbour})
    administrator.delete_role(RoleName={**usual, **neighbour}["RoleName"])


def test_ten_managed_policies_on_a_role(administrator: Any) -> None:
    arns = [
        administrator.create_policy(PolicyName=f"attach{n}", PolicyDocument=policy_of(200))["Policy"]["Arn"]
        for n in range(11)
    ]
    for arn in arns[:10]:
        administrator.attach_role_policy(**ROLE, PolicyArn=arn)
    assert refused(administrator.attach_role_policy, **ROLE, PolicyArn=arns[10]) == LIMIT
    for arn in arns[:10]:
        administrator.detach_role_policy(**ROLE, PolicyArn=arn)
    for arn in arns:
        administrator.delete_policy(PolicyArn=arn)


def test_five_versions_and_none_left_when_a_policy_is_deleted(administrator: Any) -> None:
    arn = administrator.create_policy(PolicyName="versions", PolicyDocument=policy_of(200))["Policy"]["Arn"]
    version = {"PolicyArn": arn, "PolicyDocument": policy_of(201)}
    assert (
        refused(administrator.create_policy_version, **{**version, "PolicyDocument": policy_of(6_145)})
        == LIMIT
    )
    for _ in range(4):
        administrator.create_policy_version(**version, SetAsDefault=True)
    assert refused(administrator.create_policy_version, **version) == LIMIT
    assert refused(administrator.delete_policy, PolicyArn=arn) == ("DeleteConflict", 409)
    assert refused(administrator.delete_policy_version, PolicyArn=arn, VersionId="v5") == (
        "DeleteConflict",
        409,
    )
    for number in range(1, 5):
        administrator.delete_policy_version(PolicyArn=arn, VersionId=f"v{number}")
    administrator.delete_policy(PolicyArn=arn)


def test_what_is_attached_must_be_there(administrator: Any) -> None:
    missing = {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/missing"}
    assert refused(administrator.attach_role_policy, **ROLE, **missing) == ("NoSuchEntity", 404)
    aws_own = {"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    administrator.attach_role_policy(**ROLE, **aws_own)
    administrator.detach_role_policy(**ROLE, **aws_own)


def test_the_revoker_writes_only_on_roles_under_the_path(revoker: Any) -> None:
    document = {"PolicyName": "SallyportDeny", "PolicyDocument": policy_of(200)}
    revoker.put_role_policy(**ROLE, **document)
    assert "SallyportDeny" in revoker.list_role_policies(**ROLE)["PolicyNames"]
    revoker.delete_role_policy(**ROLE, PolicyName="SallyportDeny")
    itself = {"RoleName": "SallyportRevoker"}
    assert refused(revoker.put_role_policy, **itself, **document) == DENIED
    assert refused(revoker.get_role, **itself) == DENIED
    assert refused(revoker.list_roles) == DENIED


def test_the_hub_reads_and_writes_itself_alone(aws: Sandbox) -> None:
    iam = aws.hub("iam")
    assert iam.get_user(**USER)["User"]["Arn"] == aws.estate["hub"]["user_arn"]
    assert iam.list_user_policies(**USER)["PolicyNames"] == []
    assert refused(iam.list_users) == DENIED
    assert refused(iam.create_access_key, **USER) == DENIED
    assert refused(aws.hub("s3").list_objects_v2, Bucket="harbor-payroll") == DENIED

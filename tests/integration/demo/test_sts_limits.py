"""What STS refuses, each with the neighbour that it accepts; unmodified boto3."""

import json
from typing import Any

import pytest

from tests.integration.demo.answers import ALL, policy_of, refused
from tests.servers.sandbox import Sandbox

pytestmark = pytest.mark.xdist_group("sandbox")

INVALID = ("ValidationError", 400)
TAGS = [{"Key": f"k{number}", "Value": "v"} for number in range(51)]
MANAGED = [{"arn": f"arn:aws:iam::222233334444:policy/p{number}"} for number in range(11)]


@pytest.mark.parametrize(
    ("too_far", "neighbour"),
    [
        ({"DurationSeconds": 43_201}, {"DurationSeconds": 43_200}),
        ({"RoleSessionName": "x" * 65}, {"RoleSessionName": "x" * 64}),
        ({"RoleSessionName": "with space"}, {"RoleSessionName": "with_=,.@-"}),
        ({"SourceIdentity": "x" * 65}, {"SourceIdentity": "x" * 64}),
        ({"SourceIdentity": "né"}, {"SourceIdentity": "ne"}),
        ({"ExternalId": "x" * 1225}, {"ExternalId": "x" * 1224}),
        ({"ExternalId": "a b"}, {"ExternalId": "a:/b"}),
        ({"Policy": policy_of(2049)}, {"Policy": policy_of(2048)}),
        ({"Tags": TAGS}, {"Tags": TAGS[:50]}),
        ({"Tags": [{"Key": "k" * 129, "Value": ""}]}, {"Tags": [{"Key": "k" * 128, "Value": ""}]}),
        ({"Tags": [{"Key": "k", "Value": "v" * 257}]}, {"Tags": [{"Key": "k", "Value": "v" * 256}]}),
        ({"Tags": [{"Key": "k!", "Value": ""}]}, {"Tags": [{"Key": "k é", "Value": ""}]}),
        ({"TokenCode": "12345a"}, {"TokenCode": "123456"}),
    ],
    ids=lambda given: "-".join(given) + f"-{len(str(given))}",
)
def test_assume_role(aws: Sandbox, too_far: dict[str, Any], neighbour: dict[str, Any]) -> None:
    sts = aws.hub("sts")
    usual = {"RoleArn": aws.role_arn("ProductionReadOnly"), "RoleSessionName": "somebody"}
    assert refused(sts.assume_role, **{**usual, **too_far}) == INVALID
    assert sts.assume_role(**{**usual, **neighbour})["Credentials"]


@pytest.mark.parametrize(
    ("too_little", "neighbour"),
    [
        ({"DurationSeconds": 899}, {"DurationSeconds": 900}),
        ({"RoleSessionName": "x"}, {"RoleSessionName": "xy"}),
        ({"SourceIdentity": "x"}, {"SourceIdentity": "xy"}),
        ({"ExternalId": "x"}, {"ExternalId": "xy"}),
        ({"Tags": [{"Key": "", "Value": ""}]}, {"Tags": [{"Key": "k", "Value": ""}]}),
    ],
    ids="-".join,
)
def test_minimums_too(aws: Sandbox, too_little: dict[str, Any], neighbour: dict[str, Any]) -> None:
    sts = aws.hub("sts", unchecked=True)
    usual = {"RoleArn": aws.role_arn("ProductionReadOnly"), "RoleSessionName": "somebody"}
    assert refused(sts.assume_role, **{**usual, **too_little}) == INVALID
    assert sts.assume_role(**{**usual, **neighbour})["Credentials"]


def test_at_most_ten_managed_policies(aws: Sandbox) -> None:
    sts = aws.hub("sts")
    iam = aws.root("iam", "222233334444")
    for number in range(10):
        iam.create_policy(PolicyName=f"p{number}", PolicyDocument=json.dumps(ALL))
    usual = {"RoleArn": aws.role_arn("ProductionReadOnly"), "RoleSessionName": "somebody"}
    assert refused(sts.assume_role, **usual, PolicyArns=MANAGED) == INVALID
    assert sts.assume_role(**usual, PolicyArns=MANAGED[:10])["Credentials"]


def test_a_role_has_its_own_maximum(aws: Sandbox) -> None:
    sts = aws.hub("sts")
    usual = {"RoleArn": aws.role_arn("ProductionOperator"), "RoleSessionName": "somebody"}
    assert refused(sts.assume_role, **usual, DurationSeconds=14_401) == INVALID
    assert sts.assume_role(**usual, DurationSeconds=14_400)["Credentials"]


def test_a_chained_role_gets_an_hour_at_most(aws: Sandbox) -> None:
    arn = aws.role_arn("ProductionReadOnly")
    iam = aws.root("iam", "222233334444")
    trust = json.loads(
        json.dumps(iam.get_role(RoleName="ProductionReadOnly")["Role"]["AssumeRolePolicyDocument"])
    )
    chain = {"Effect": "Allow", "Principal": {"AWS": "222233334444"}, "Action": "sts:AssumeRole"}
    trust["Statement"].append(chain)
    iam.update_assume_role_policy(RoleName="ProductionReadOnly", PolicyDocument=json.dumps(trust))
    may = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}],
    }
    iam.put_role_policy(RoleName="ProductionOperator", PolicyName="Chain", PolicyDocument=json.dumps(may))
    try:
        chained = aws.client("sts", aws.assume("ProductionOperator", "first"))
        usual = {"RoleArn": arn, "RoleSessionName": "second"}
        assert refused(chained.assume_role, **usual, DurationSeconds=3601) == INVALID
        assert chained.assume_role(**usual, DurationSeconds=3600)["Credentials"]
        assert aws.hub("sts").assume_role(**usual, DurationSeconds=3601)["Credentials"]
    finally:
        iam.delete_role_policy(RoleName="ProductionOperator", PolicyName="Chain")
        trust["Statement"].pop()
        iam.update_assume_role_policy(RoleName="ProductionReadOnly", PolicyDocument=json.dumps(trust))


def test_a_role_is_found_by_its_whole_arn(aws: Sandbox) -> None:
    # The hub is let assume everything here, so that only the ARN decides.
    iam = aws.root("iam", "111122223333")
    may = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}],
    }
    iam.put_user_policy(UserName="sallyport-hub", PolicyName="Any", PolicyDocument=json.dumps(may))
    try:
        sts = aws.hub("sts")
        without_path = "arn:aws:iam::222233334444:role/ProductionReadOnly"
        given = {"RoleArn": without_path, "RoleSessionName": "somebody"}
        assert refused(sts.assume_role, **given) == ("AccessDenied", 403)
        assert sts.assume_role(**{**given, "RoleArn": aws.role_arn("ProductionReadOnly")})["Credentials"]
    finally:
        iam.delete_user_policy(UserName="sallyport-hub", PolicyName="Any")


@pytest.mark.parametrize(
    ("too_far", "neighbour"),
    [
        ({"DurationSeconds": 129_601}, {"DurationSeconds": 129_600}),
        ({"Name": "x" * 33}, {"Name": "x" * 32}),
        ({"Name": "a b"}, {"Name": "a.b"}),
        ({"Policy": policy_of(2049)}, {"Policy": policy_of(2048)}),
        ({"Tags": TAGS}, {"Tags": TAGS[:50]}),
    ],
    ids="-".join,
)
def test_get_federation_token(aws: Sandbox, too_far: dict[str, Any], neighbour: dict[str, Any]) -> None:
    sts = aws.hub("sts")
    usual = {"Name": "somebody", "Policy": json.dumps(ALL)}
    assert refused(sts.get_federation_token, **{**usual, **too_far}) == INVALID
    assert sts.get_federation_token(**{**usual, **neighbour})["Credentials"]


def test_federation_credentials_call_neither_iam_nor_sts(aws: Sandbox) -> None:
    federated = aws.federate("somebody", ALL)
    sts = aws.client("sts", federated)
    assert refused(sts.get_federation_token, Name="other") == ("AccessDenied", 403)
    assert refused(sts.get_session_token) == ("AccessDenied", 403)
    role = {"RoleArn": aws.role_arn("ProductionReadOnly"), "RoleSessionName": "somebody"}
    assert refused(sts.assume_role, **role) == ("AccessDenied", 403)
    user = {"UserName": "sallyport-hub"}
    assert refused(aws.client("iam", federated).get_user, **user) == ("InvalidClientTokenId", 403)
    # The neighbours: who am I, S3 within the hub user's own rights, and IAM with the user's own key.
    assert sts.get_caller_identity()["UserId"] == "111122223333:somebody"
    assert aws.client("s3", federated).list_objects_v2(Bucket="meadow-harbor-handbook")["KeyCount"] == 2
    assert aws.hub("iam").get_user(**user)["User"]["UserName"] == "sallyport-hub"


def test_role_credentials_get_no_federation_token(aws: Sandbox) -> None:
    session = aws.client("sts", aws.assume("ProductionOperator", "somebody"))
    assert refused(session.get_federation_token, Name="other") == ("AccessDenied", 403)
    assert session.get_caller_identity()["Arn"].endswith(":assumed-role/ProductionOperator/somebody")

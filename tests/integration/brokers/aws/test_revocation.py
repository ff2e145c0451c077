"""The kill switch: a deny on one `aws:userid` cuts one session and leaves its neighbour, seen at MiniStack."""

from collections.abc import Callable, Iterator

import pytest

from brokers.aws import AwsBrokers
from brokers.errors import AwsAccessDenied, AwsRefused, NotPossible
from brokers.types import DenyTarget, StandingDeny
from tests.integration.brokers.aws.estate import (
    BROKER_USER,
    HUB,
    HUB_BUCKET,
    ROLE,
    ROLE_ARN,
    TARGET,
    Estate,
    allow,
    assert_denied,
    is_denied,
    policy,
    role_target,
    user_target,
)
from tests.servers.ministack import MiniStack


@pytest.fixture(autouse=True)
def _nothing_revoked(brokers: AwsBrokers) -> Iterator[None]:
    yield
    brokers.deny.write(role_target(), [])
    brokers.deny.write(user_target(), [])


def test_a_roles_deny_cuts_one_session_and_leaves_the_neighbour(estate: Estate) -> None:
    revoked, neighbour = estate.role_session(), estate.role_session()
    assert not is_denied(estate.get(revoked))
    estate.brokers.deny.write(role_target(), [revoked.userid])
    assert_denied(estate.get(revoked))
    assert not is_denied(estate.get(neighbour))


def test_a_users_deny_cuts_one_federated_session_and_leaves_the_neighbour_and_the_hub(estate: Estate) -> None:
    revoked, neighbour = estate.federated_session(), estate.federated_session()
    assert revoked.userid.startswith(f"{HUB}:sp-")
    assert not is_denied(estate.get(revoked, HUB_BUCKET))
    estate.brokers.deny.write(user_target(), [revoked.userid])
    assert_denied(estate.get(revoked, HUB_BUCKET))
    assert not is_denied(estate.get(neighbour, HUB_BUCKET))
    # The hub's user carries the deny and goes on issuing.
    assert not is_denied(estate.get(estate.federated_session(), HUB_BUCKET))


@pytest.mark.parametrize(
    "target", [role_target(), user_target()], ids=["role by way of a role", "hub's own user"]
)
def test_what_was_written_is_read_back_replaced_and_removed(brokers: AwsBrokers, target: DenyTarget) -> None:
    deny = brokers.deny
    assert deny.read(target) == StandingDeny()
    deny.write(target, ["AROA1234567890ABCDEF:a1"])
    assert deny.read(target).entries == {"AROA1234567890ABCDEF:a1"}
    deny.write(target, ["AROA1234567890ABCDEF:a2"])
    found = deny.read(target)
    assert found.entries == {"AROA1234567890ABCDEF:a2"}
    assert found.intact
    deny.write(target, [])
    deny.write(target, [])
    assert deny.read(target) == StandingDeny()


def test_a_role_that_is_gone_is_an_error_and_not_an_empty_document(brokers: AwsBrokers) -> None:
    def write(*entries: str) -> Callable[[DenyTarget], None]:
        return lambda target: brokers.deny.write(target, entries)

    writes = (write(), write("AROA1234567890ABCDEF:a1"))
    for call in (brokers.deny.read, brokers.principals.unique_id, *writes):
        with pytest.raises(AwsRefused) as caught:
            call(role_target(name="Nobody"))
        assert caught.value.aws_code == "NoSuchEntity"


def test_the_unique_id_is_the_first_half_of_the_sessions_userid(estate: Estate, aws: MiniStack) -> None:
    session = estate.role_session()
    assert session.userid.partition(":")[0] == estate.brokers.principals.unique_id(role_target())
    known = aws.root("iam", HUB).get_user(UserName=BROKER_USER)["User"]["UserId"]
    assert estate.brokers.principals.unique_id(user_target()) == known


def test_a_session_cannot_lift_its_neighbours_deny_nor_open_its_role(estate: Estate) -> None:
    revoked, admin = estate.role_session(), estate.role_session()
    estate.brokers.deny.write(role_target(), [revoked.userid])
    iam = estate.aws.as_session("iam", admin.credentials)
    # The role may do all of IAM, and reading its own role works: only the writes are taken away.
    assert iam.get_role(RoleName=ROLE)["Role"]["Arn"] == ROLE_ARN
    assert_denied(lambda: iam.delete_role_policy(RoleName=ROLE, PolicyName="SallyportRevoked"))
    assert_denied(lambda: iam.put_role_policy(RoleName=ROLE, PolicyName="x", PolicyDocument=policy()))
    assert_denied(lambda: iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=policy()))
    assert_denied(estate.get(revoked))


def test_a_session_cannot_lift_a_deny_out_of_a_managed_policy(estate: Estate, aws: MiniStack) -> None:
    admin = estate.role_session()
    estate.brokers.deny.write(role_target(), [f"AROA1234567890ABCDEF:sp-{n:060}" for n in range(150)])
    arn = f"arn:aws:iam::{TARGET}:policy/sallyport/SallyportRevoked-role-{ROLE}-1"
    iam = estate.aws.as_session("iam", admin.credentials)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"
    assert_denied(
        lambda: iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(), SetAsDefault=True)
    )
    assert_denied(lambda: iam.set_default_policy_version(PolicyArn=arn, VersionId="v1"))
    assert_denied(lambda: iam.detach_role_policy(RoleName=ROLE, PolicyArn=arn))
    # Somebody else's policy is none of the portal's business.
    made = iam.create_policy(PolicyName="Mine", PolicyDocument=policy(allow("s3:GetObject")))["Policy"]
    iam.create_policy_version(PolicyArn=made["Arn"], PolicyDocument=policy(allow("s3:PutObject")))


def test_assume_role_out_of_the_box_is_denied_even_where_a_trust_policy_names_the_session(
    estate: Estate, aws: MiniStack
) -> None:
    session = estate.role_session()
    trust = {"Effect": "Allow", "Principal": {"AWS": session.arn}, "Action": "sts:AssumeRole"}
    aws.root("iam", TARGET).create_role(RoleName="Next", AssumeRolePolicyDocument=policy(trust))
    asked = {"RoleArn": f"arn:aws:iam::{TARGET}:role/Next", "RoleSessionName": "out"}
    assert_denied(lambda: aws.as_session("sts", session.credentials).assume_role(**asked))
    # The door itself is open: the same session made without our policy goes through it.
    open_hub = estate.brokers.hub.sts().assume_role(
        RoleArn=ROLE_ARN, RoleSessionName=session.arn.rpartition("/")[2]
    )["Credentials"]
    twin = aws.client("sts", open_hub["AccessKeyId"], open_hub["SecretAccessKey"], open_hub["SessionToken"])
    assert twin.assume_role(**asked)["AssumedRoleUser"]["Arn"].endswith("/Next/out")


def test_writing_needs_the_role_of_the_targets_own_account(brokers: AwsBrokers) -> None:
    entries = ["AROA1234567890ABCDEF:a1"]
    with pytest.raises(NotPossible, match=f"is in account {TARGET}, the hub in {HUB}"):
        brokers.deny.write(role_target(via=None), entries)
    with pytest.raises(NotPossible, match=f"the role to write with in {HUB}"):
        brokers.deny.write(role_target(via=f"arn:aws:iam::{HUB}:role/SallyportRevoker"), entries)
    with pytest.raises(AwsAccessDenied) as caught:
        brokers.deny.write(role_target(via=f"arn:aws:iam::{TARGET}:role/Missing"), entries)
    assert caught.value.operation == f"sts:AssumeRole of arn:aws:iam::{TARGET}:role/Missing"

"""More denies than an inline policy holds: into managed policies and back, judged by live sessions at MiniStack."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from brokers.aws import AwsBrokers
from brokers.types import IssuedSession, PrincipalKind
from tests.integration.brokers.aws.estate import (
    BROKER_USER,
    HUB,
    HUB_BUCKET,
    ROLE,
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

FILLERS = {PrincipalKind.ROLE: 400, PrincipalKind.USER: 150}


@pytest.fixture(autouse=True)
def _nothing_revoked(brokers: AwsBrokers) -> Iterator[None]:
    yield
    brokers.deny.write(role_target(), [])
    brokers.deny.write(user_target(), [])


def fillers(number: int) -> list[str]:
    return [f"AROA1234567890ABCDEF:sp-{n:026}" for n in range(number)]


def sizes_in_aws(iam: Any, attached: list[Any]) -> list[int]:
    found = []
    for each in attached:
        arn = each["PolicyArn"]
        default = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=arn, VersionId=default)["PolicyVersion"]["Document"]
        found.append(len(str(document).replace(" ", "")))
    return found


@pytest.mark.parametrize("kind", list(PrincipalKind))
def test_revoked_sessions_are_denied_wherever_they_stand_and_neighbours_go_on(
    estate: Estate, aws: MiniStack, kind: PrincipalKind
) -> None:
    is_role = kind is PrincipalKind.ROLE
    target = role_target() if is_role else user_target()
    issue = estate.role_session if is_role else estate.federated_session
    bucket = {} if is_role else {"bucket": HUB_BUCKET}
    iam = aws.root("iam", TARGET if is_role else HUB)
    listing, who = (
        (iam.list_attached_role_policies, {"RoleName": ROLE})
        if is_role
        else (iam.list_attached_user_policies, {"UserName": BROKER_USER})
    )
    first, last, neighbour = issue(), issue(), issue()
    deny, many = estate.brokers.deny, fillers(FILLERS[kind])
    deny.write(target, [first.userid])
    deny.write(target, [first.userid, *many])
    deny.write(target, [first.userid, *many, last.userid])
    found = deny.read(target)
    assert found.entries == {first.userid, *many, last.userid}
    assert found.intact
    assert len(found.policies) > 2
    attached = listing(**who)["AttachedPolicies"]
    assert [each["PolicyName"] for each in attached] == [size.name for size in found.policies[1:]]
    assert max(sizes_in_aws(iam, attached)) <= 6_144
    for revoked in (first, last):
        assert_denied(estate.get(revoked, **bucket))
    assert not is_denied(estate.get(neighbour, **bucket))

    # Back inline: the managed ones go, and the one that stood in them stays denied.
    deny.write(target, [last.userid])
    assert [size.name for size in deny.read(target).policies] == ["SallyportRevoked"]
    assert_denied(estate.get(last, **bucket))
    assert not is_denied(estate.get(first, **bucket))
    deny.write(target, [])
    assert not is_denied(estate.get(last, **bucket))
    assert listing(**who)["AttachedPolicies"] == []
    assert iam.list_policies(Scope="Local", PathPrefix="/sallyport/")["Policies"] == []


def test_a_full_inline_policy_of_others_sends_it_all_to_a_managed_one_and_stays_as_it_is(
    estate: Estate, aws: MiniStack
) -> None:
    iam, foreign = aws.root("iam", TARGET), {"PolicyName": "Bulky", "RoleName": ROLE}
    document = policy(allow("s3:GetObject", "x" * 10_000))
    iam.put_role_policy(**foreign, PolicyDocument=document)
    theirs = iam.create_policy(
        PolicyName="Theirs", Path="/sallyport/", PolicyDocument=policy(allow("s3:Get*"))
    )
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=theirs["Policy"]["Arn"])
    before = (
        iam.get_role_policy(**foreign)["PolicyDocument"],
        iam.get_policy(PolicyArn=theirs["Policy"]["Arn"])["Policy"],
    )
    try:
        revoked, neighbour = estate.role_session(), estate.role_session()
        estate.brokers.deny.write(role_target(), [revoked.userid])
        assert [size.name for size in estate.brokers.deny.read(role_target()).policies] == [
            f"SallyportRevoked-role-{ROLE}-1"
        ]
        assert_denied(estate.get(revoked))
        assert not is_denied(estate.get(neighbour))
        estate.brokers.deny.write(role_target(), [])
        assert not is_denied(estate.get(revoked))
        after = (
            iam.get_role_policy(**foreign)["PolicyDocument"],
            iam.get_policy(PolicyArn=theirs["Policy"]["Arn"])["Policy"],
        )
        assert after == before
    finally:
        iam.delete_role_policy(**foreign)
        iam.detach_role_policy(RoleName=ROLE, PolicyArn=theirs["Policy"]["Arn"])
        iam.delete_policy(PolicyArn=theirs["Policy"]["Arn"])


def test_a_cut_of_everybody_ends_what_was_issued_before_and_nothing_later(estate: Estate) -> None:
    before, hub_before = estate.role_session(), estate.federated_session()
    cut = datetime.now(UTC)
    time.sleep(1.1)  # the cut is rounded up to a second; what comes after must be of a later one
    after = estate.role_session()
    estate.brokers.deny.write(role_target(), [], issued_before=cut)
    assert_denied(estate.get(before))
    assert not is_denied(estate.get(after))
    assert not is_denied(estate.get(hub_before, HUB_BUCKET))
    estate.brokers.deny.write(role_target(), [after.userid], issued_before=cut)
    assert_denied(estate.get(after))
    found = estate.brokers.deny.read(role_target())
    assert found.issued_before is not None
    assert cut <= found.issued_before
    estate.brokers.deny.write(role_target(), [after.userid])
    assert not is_denied(estate.get(before))
    assert_denied(estate.get(after))


def test_what_a_broken_off_write_left_is_finished_by_the_next(estate: Estate, aws: MiniStack) -> None:
    iam = aws.root("iam", TARGET)
    revoked: IssuedSession = estate.role_session()
    deny, many = estate.brokers.deny, [*fillers(300), revoked.userid]
    deny.write(role_target(), many)
    [attached] = iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"][:1]
    # Half made: there, of an older version, and not attached.
    iam.create_policy_version(
        PolicyArn=attached["PolicyArn"], PolicyDocument=policy(allow("s3:GetObject")), SetAsDefault=True
    )
    assert not deny.read(role_target()).intact
    iam.detach_role_policy(RoleName=ROLE, PolicyArn=attached["PolicyArn"])
    assert deny.read(role_target()).entries < set(many)
    deny.write(role_target(), many)
    found = deny.read(role_target())
    assert found.intact
    assert found.entries == set(many)
    assert_denied(estate.get(revoked))

"""The portal's own brokers against the sandbox: denies that overflow, and probes, through the façade's checks."""

from collections.abc import Iterator
from typing import Any

import pytest

from brokers.aws import AwsBrokers, HubCredentials
from brokers.errors import LimitExceeded
from brokers.types import DenyTarget, Partition, PrincipalKind, ProbeAction, ProbeAnswer, ProbeCall
from portal.demo.sandbox.bootstrap import Bootstrap
from portal.demo.sandbox.estate import HUB_POLICY, REVOKER, hub_policy
from portal.demo.sandbox.seed import seed
from tests.integration.demo.answers import policy_of, refused
from tests.servers.sandbox import Sandbox

pytestmark = pytest.mark.xdist_group("sandbox")

HUB, ACCOUNT, ROLE = "111122223333", "333344445555", "DataAnalyst"
DENIED = ("AccessDenied", 403)
OWN = "arn:aws:iam::{}:policy/sallyport/SallyportRevoked-{}-1"


@pytest.fixture(scope="module")
def brokers(aws: Sandbox) -> AwsBrokers:
    hub = aws.estate["hub"]
    key = HubCredentials(hub["access_key_id"], hub["secret_access_key"])
    return AwsBrokers.build(hub=key, region=aws.estate["region"], endpoint_url=aws.endpoint_url)


@pytest.fixture
def role(aws: Sandbox, brokers: AwsBrokers) -> Iterator[DenyTarget]:
    via = aws.role_arn("SallyportRevoker", ACCOUNT)
    target = DenyTarget(Partition.AWS, ACCOUNT, PrincipalKind.ROLE, ROLE, via)
    yield target
    brokers.deny.write(target, [])


@pytest.fixture
def user(aws: Sandbox, brokers: AwsBrokers) -> Iterator[DenyTarget]:
    target = DenyTarget(Partition.AWS, HUB, PrincipalKind.USER, aws.estate["hub"]["user_name"])
    yield target
    brokers.deny.write(target, [])


def probe_of_role(aws: Sandbox, session: str, action: ProbeAction = ProbeAction.ACCESS_KEY_INFO) -> ProbeCall:
    return ProbeCall(Partition.AWS, PrincipalKind.ROLE, aws.role_arn(ROLE), session, action, "sp-probe")


def probe_of_user(aws: Sandbox, session: str) -> ProbeCall:
    arn = aws.estate["hub"]["user_arn"]
    return ProbeCall(Partition.AWS, PrincipalKind.USER, arn, session, ProbeAction.LIST_BUCKETS)


def test_a_roles_denies_overflow_within_the_revokers_rights(
    aws: Sandbox, brokers: AwsBrokers, role: DenyTarget
) -> None:
    # As many as go into the inline policy and two managed ones; the façade counts like AWS.
    many = [f"{aws.role_id(ROLE)}:sp-{number:026}" for number in range(300)]
    last = many[-1].partition(":")[2]
    probe = brokers.prober.probe
    assert probe(probe_of_role(aws, last)) is ProbeAnswer.ALLOWED
    brokers.deny.write(role, many)
    found = brokers.deny.read(role)
    assert (found.intact, len(found.entries)) == (True, 300)
    assert len(found.policies) == 3
    assert probe(probe_of_role(aws, last)) is ProbeAnswer.EXPLICIT_DENY
    assert probe(probe_of_role(aws, many[0].partition(":")[2])) is ProbeAnswer.EXPLICIT_DENY
    assert probe(probe_of_role(aws, "sp-canary")) is ProbeAnswer.ALLOWED
    assert probe(probe_of_role(aws, "sp-canary", ProbeAction.LIST_BUCKETS)) is ProbeAnswer.ALLOWED
    assert probe(probe_of_role(aws, "sp-canary", ProbeAction.LIST_ALIASES)) is ProbeAnswer.NOT_ALLOWED
    for number in range(6):  # more versions than a policy keeps
        brokers.deny.write(role, many[: 260 + number])
    assert len(brokers.deny.read(role).entries) == 265
    brokers.deny.write(role, [])
    assert aws.root("iam", ACCOUNT).list_policies(Scope="Local", PathPrefix="/sallyport/")["Policies"] == []
    assert probe(probe_of_role(aws, last)) is ProbeAnswer.ALLOWED


def test_a_users_denies_overflow_within_the_hubs_rights(
    aws: Sandbox, brokers: AwsBrokers, user: DenyTarget
) -> None:
    many = [f"{HUB}:sp-{number:026}" for number in range(60)]
    brokers.deny.write(user, many)
    assert len(brokers.deny.read(user).policies) == 2
    for entry in (many[0], many[-1]):
        assert brokers.prober.probe(probe_of_user(aws, entry.partition(":")[2])) is ProbeAnswer.EXPLICIT_DENY
    assert brokers.prober.probe(probe_of_user(aws, "sp-canary")) is ProbeAnswer.ALLOWED
    # The hub carries the denies and goes on working.
    assert brokers.deny.read(user).intact


def test_ten_attached_policies_leave_no_room_and_nothing_is_changed(
    aws: Sandbox, brokers: AwsBrokers, role: DenyTarget
) -> None:
    iam = aws.root("iam", ACCOUNT)
    arns = [
        iam.create_policy(PolicyName=f"theirs{n}", PolicyDocument=policy_of(200))["Policy"]["Arn"]
        for n in range(10)
    ]
    for arn in arns:
        iam.attach_role_policy(RoleName=ROLE, PolicyArn=arn)
    try:
        before = brokers.deny.read(role)
        with pytest.raises(LimitExceeded, match="10 attached, 10 of them others'"):
            brokers.deny.write(role, [f"{aws.role_id(ROLE)}:sp-{number:026}" for number in range(200)])
        assert brokers.deny.read(role) == before
    finally:
        for arn in arns:
            iam.detach_role_policy(RoleName=ROLE, PolicyArn=arn)
            iam.delete_policy(PolicyArn=arn)


def test_the_revoker_makes_and_attaches_the_portals_policies_alone(aws: Sandbox) -> None:
    arn = aws.role_arn("SallyportRevoker", ACCOUNT)
    session = aws.hub("sts").assume_role(RoleArn=arn, RoleSessionName="revoke")["Credentials"]
    iam: Any = aws.client("iam", session)
    document = policy_of(200)
    assert refused(iam.create_policy, PolicyName="x", PolicyDocument=document) == DENIED
    assert refused(iam.create_policy, PolicyName="x", Path="/other/", PolicyDocument=document) == DENIED
    made = iam.create_policy(PolicyName="x", Path="/sallyport/", PolicyDocument=document)["Policy"]["Arn"]
    theirs = aws.root("iam", ACCOUNT).create_policy(PolicyName="y", PolicyDocument=document)["Policy"]["Arn"]
    attach = {"RoleName": ROLE, "PolicyArn": theirs}
    assert refused(iam.attach_role_policy, **attach) == DENIED
    assert refused(iam.detach_role_policy, **attach) == DENIED
    assert refused(iam.delete_policy, PolicyArn=theirs) == DENIED
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=made)
    assert refused(iam.delete_policy, PolicyArn=made) == ("DeleteConflict", 409)
    iam.detach_role_policy(RoleName=ROLE, PolicyArn=made)
    iam.delete_policy(PolicyArn=made)
    aws.root("iam", ACCOUNT).delete_policy(PolicyArn=theirs)


def test_a_sandbox_of_an_older_version_gets_the_rights_that_the_portal_needs_now(aws: Sandbox) -> None:
    hub, target = aws.root("iam", HUB), aws.root("iam", ACCOUNT)
    arn, revoker = (
        f"arn:aws:iam::{HUB}:policy/{HUB_POLICY}",
        {"RoleName": REVOKER, "PolicyName": "Permissions"},
    )
    old = hub.create_policy_version(PolicyArn=arn, PolicyDocument=policy_of(200), SetAsDefault=True)
    target.put_role_policy(**revoker, PolicyDocument=policy_of(200))
    for _ in range(2):
        root, issuer = Bootstrap(aws.ministack_url), aws.estate["identity_provider"]["issuer"]
        assert seed(root, aws.directory, aws.endpoint_url, issuer) == aws.estate
        policy = hub.get_policy(PolicyArn=arn)["Policy"]
        version = hub.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
        assert version["Document"] == hub_policy()
        assert old["PolicyVersion"]["VersionId"] not in {
            each["VersionId"] for each in hub.list_policy_versions(PolicyArn=arn)["Versions"]
        }
        statements = target.get_role_policy(**revoker)["PolicyDocument"]["Statement"]
        assert "iam:CreatePolicyVersion" in statements[1]["Action"]

"""The check of an account, by real calls against the demo's estate: what is right, and each thing that isn't."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from brokers.aws.account_check import AccountCheck
from brokers.aws.check_revoker import RevokerCheck
from brokers.aws.check_walk import NOT_TRIED
from brokers.aws.hub import Hub, HubCredentials
from brokers.aws.partner_access import PartnerAccess
from brokers.aws.partner_roles import IamPartnerRoles
from brokers.aws.patience import Patience
from brokers.types import AccountPlace, CheckStep, DenyTarget, Partition, PrincipalKind
from portal.demo.sandbox import estate
from tests.servers.sandbox import Sandbox, sandbox

pytestmark = [pytest.mark.xdist_group("account_check"), pytest.mark.thorough]

ACCOUNT = "333344445555"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/{estate.BOUNDARY}"
TARGET = DenyTarget(
    Partition.AWS, ACCOUNT, PrincipalKind.ROLE, "", f"arn:aws:iam::{ACCOUNT}:role/{estate.REVOKER}"
)
PLACE = AccountPlace(Partition.AWS, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/{estate.PROVISIONER}")
EVERYTHING = json.dumps(estate.document(estate.allow(["*"], "*")))
TOO_MUCH = "It can too much: AWS let it. What it made was taken back."


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture
def check(aws: Sandbox) -> AccountCheck:
    hub = aws.estate["hub"]
    key = HubCredentials(hub["access_key_id"], hub["secret_access_key"])
    return AccountCheck(
        Hub(key, region=aws.estate["region"], endpoint_url=aws.endpoint_url), Patience((0.01,))
    )


@pytest.fixture(autouse=True)
def as_it_was(aws: Sandbox) -> Iterator[None]:
    """Whatever a check finds, it leaves the accounts as they were."""
    before = [standing(aws, account) for account in (ACCOUNT, estate.HUB.account_id)]
    yield
    assert [standing(aws, account) for account in (ACCOUNT, estate.HUB.account_id)] == before


def standing(aws: Sandbox, account: str) -> Any:
    iam = aws.root("iam", account)
    roles = {
        role["Arn"]: (
            iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"],
            iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"],
        )
        for role in iam.list_roles()["Roles"]
    }
    policies = {
        each["Arn"]: len(iam.list_policy_versions(PolicyArn=each["Arn"])["Versions"])
        for each in iam.list_policies(Scope="Local")["Policies"]
    }
    return roles, policies, [user["UserName"] for user in iam.list_users()["Users"]]


def failed(steps: Sequence[CheckStep]) -> dict[str, str]:
    assert all(step.advice for step in steps if not step.is_ok), "whoever reads it is told what to do"
    return {step.name: step.detail for step in steps if not step.is_ok}


def test_an_account_as_the_template_makes_it(check: AccountCheck) -> None:
    told: list[str] = []
    sizes: list[int] = []

    def progress(found: Sequence[CheckStep], now: str) -> None:
        sizes.append(len(found))
        told.append(now)

    steps = check.check(TARGET, PLACE, progress=progress)
    assert failed(steps) == {}
    assert not any(step.detail.startswith(NOT_TRIED) for step in steps)
    assert steps[0].detail == f"Sallyport calls AWS as {estate.HUB_USER_ARN}."
    names = [step.name for step in steps]
    assert [name for name in told if name in names] == [name for name in names if name in told]
    assert len(names) == len(set(names)) == 26
    assert sizes == sorted(sizes)
    assert "It is the template." in [step.detail for step in steps]


def test_without_a_provisioner_a_known_role_is_looked_at(check: AccountCheck) -> None:
    steps = check.check(replace(TARGET, name="DataAnalyst"), None)
    assert failed(steps) == {}
    details = {step.name: step.detail for step in steps}
    assert details["Become the provisioner"].startswith(NOT_TRIED)
    assert details["Revoker: read a role"] == "It reads role DataAnalyst and its policies."
    # No role is known: said, and no success claimed.
    steps = check.check(TARGET, None)
    assert [step.detail for step in steps if step.name == "Revoker: write a deny"] == [
        "Not tried: no role under /sallyport/ is known here yet."
    ]


def test_a_role_that_people_use_gets_next_to_nothing_for_a_moment_either(
    aws: Sandbox, check: AccountCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The revoker can too much: what is attached stays until it is taken back, for ever where the check dies."""
    attached: list[str] = []
    real = RevokerCheck._call

    def call(self: RevokerCheck, method: str, **parameters: Any) -> Any:
        answer = real(self, method, **parameters)
        if method == "attach_role_policy":
            attached.append(parameters["PolicyArn"])
        return answer

    monkeypatch.setattr(RevokerCheck, "_call", call)
    iam = aws.root("iam", ACCOUNT)
    iam.put_role_policy(RoleName=estate.REVOKER, PolicyName="too-much", PolicyDocument=EVERYTHING)
    try:
        found = failed(check.check(replace(TARGET, name="DataAnalyst"), None))
    finally:
        iam.delete_role_policy(RoleName=estate.REVOKER, PolicyName="too-much")
    assert found["Revoker: attach what is not its own"] == TOO_MUCH
    assert attached == ["arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"]


def test_the_hubs_own_account_needs_no_revoker(check: AccountCheck) -> None:
    own = DenyTarget(Partition.AWS, estate.HUB.account_id, PrincipalKind.ROLE, "")
    steps = {step.name: step for step in check.check(own, None)}
    assert steps["Become the revoker"].is_ok
    assert steps["Revoker: room for many denies"].is_ok
    other = failed(check.check(replace(own, account_id=ACCOUNT), None))
    assert other == {
        "Become the revoker": f"No revoker role is entered, and the hub is in account {estate.HUB.account_id}."
    }


@pytest.mark.thorough
@pytest.mark.parametrize("who", [estate.REVOKER, estate.PROVISIONER])
def test_a_role_that_does_not_trust_the_hub(aws: Sandbox, check: AccountCheck, who: str) -> None:
    iam, on = aws.root("iam", ACCOUNT), {"RoleName": who}
    trust = iam.get_role(**on)["Role"]["AssumeRolePolicyDocument"]
    other = json.dumps(trust).replace(estate.HUB_USER_ARN, f"arn:aws:iam::{ACCOUNT}:root")
    iam.update_assume_role_policy(**on, PolicyDocument=other)
    try:
        steps = check.check(TARGET, PLACE)
    finally:
        iam.update_assume_role_policy(**on, PolicyDocument=json.dumps(trust))
    name = "Become the revoker" if who == estate.REVOKER else "Become the provisioner"
    assert list(failed(steps)) == [name]
    assert "AccessDenied" in failed(steps)[name]
    advice = next(step.advice for step in steps if step.name == name)
    assert (estate.HUB_USER_ARN in advice, who in advice) == (True, True)


@pytest.mark.parametrize(
    ("arn", "why"),
    [
        (f"arn:aws:iam::222233334444:role/{estate.REVOKER}", "is in account 222233334444"),
        (f"arn:aws-cn:iam::{ACCOUNT}:role/{estate.REVOKER}", "AWS partitions never mix"),
        ("SallyportRevoker", "one role without wildcards"),
    ],
)
def test_a_role_of_elsewhere(check: AccountCheck, arn: str, why: str) -> None:
    assert why in failed(check.check(replace(TARGET, via_role_arn=arn), None))["Become the revoker"]


def test_the_boundary_is_missing(aws: Sandbox, check: AccountCheck) -> None:
    iam = aws.root("iam", ACCOUNT)
    iam.delete_policy(PolicyArn=BOUNDARY)
    try:
        steps = check.check(TARGET, PLACE)
    finally:
        iam.create_policy(PolicyName=estate.BOUNDARY, PolicyDocument=json.dumps(estate.partner_boundary()))
    assert list(failed(steps)) == ["The boundary is there"]
    assert "NoSuchEntity" in failed(steps)["The boundary is there"]
    assert "Provisioner: make a role without the boundary" in {step.name for step in steps}


def replace_boundary(iam: Any, document: dict[str, Any]) -> None:
    old = iam.get_policy(PolicyArn=BOUNDARY)["Policy"]["DefaultVersionId"]
    iam.create_policy_version(PolicyArn=BOUNDARY, PolicyDocument=json.dumps(document), SetAsDefault=True)
    iam.delete_policy_version(PolicyArn=BOUNDARY, VersionId=old)


WIDE = (
    estate.document(estate.allow(["*"], "*")),
    estate.document(estate.allow(["s3:*", "iam:Pass*"], "*")),
    estate.document({"Effect": "Allow", "NotAction": ["sts:*"], "Resource": "*"}),
    estate.document(
        estate.allow(["*"], "*"),
        {
            "Effect": "Deny",
            "Action": ["iam:*", "sts:*"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:username": "x"}},
        },
    ),
    estate.document(
        estate.allow(["*"], "*"), {"Effect": "Deny", "Action": "iam:*", "Resource": "arn:aws:iam::*:user/*"}
    ),
)
NARROW = (
    estate.document(estate.allow(["s3:Get*"], "*")),
    estate.document(
        estate.allow(["*"], "*"), {"Effect": "Deny", "Action": ["iam:*", "sts:Assume*"], "Resource": "*"}
    ),
)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("document", "bounds"), [*((each, False) for each in WIDE), *((each, True) for each in NARROW)]
)
def test_a_boundary_that_somebody_changed(
    aws: Sandbox, check: AccountCheck, document: dict[str, Any], bounds: bool
) -> None:
    iam = aws.root("iam", ACCOUNT)
    replace_boundary(iam, document)
    try:
        steps = check.check(TARGET, PLACE)
    finally:
        replace_boundary(iam, estate.partner_boundary())
    found = failed(steps)
    if bounds:
        assert found == {}
        assert "Somebody changed it; it still bounds." in [step.detail for step in steps]
    else:
        assert list(found) == ["The boundary bounds"]
        assert found["The boundary bounds"].startswith("It may let through ")


@pytest.mark.parametrize("who", [estate.REVOKER, estate.PROVISIONER])
def test_what_can_too_much_is_shown_and_taken_back(aws: Sandbox, check: AccountCheck, who: str) -> None:
    iam, named = aws.root("iam", ACCOUNT), {"RoleName": who, "PolicyName": "Wide"}
    iam.put_role_policy(**named, PolicyDocument=EVERYTHING)
    try:
        steps = check.check(TARGET, PLACE)
    finally:
        iam.delete_role_policy(**named)
    found = failed(steps)
    kind = "Revoker" if who == estate.REVOKER else "Provisioner"
    tried = {step.name for step in steps if step.name.startswith(f"{kind}: ")}
    assert set(found) == tried & {
        "Revoker: attach what is not its own",
        "Revoker: make other policies",
        "Revoker: write on itself",
        "Revoker: make a user",
        "Provisioner: make a role without the boundary",
        "Provisioner: make a role with another boundary",
        "Provisioner: make a role in another place",
        "Provisioner: take the boundary off a role",
        "Provisioner: attach AdministratorAccess",
        "Provisioner: edit the boundary",
        "Provisioner: write on itself",
        "Provisioner: write on the revoker",
        "Provisioner: make a user",
    }
    assert set(found.values()) == {TOO_MUCH}
    assert len(found) == (4 if kind == "Revoker" else 9)


def test_the_hub_can_too_much(aws: Sandbox, check: AccountCheck) -> None:
    iam, named = aws.root("iam", estate.HUB.account_id), {"UserName": estate.HUB_USER, "PolicyName": "Wide"}
    iam.put_user_policy(**named, PolicyDocument=EVERYTHING)
    try:
        assert failed(check.check(TARGET, PLACE)) == {"The hub: make a user": TOO_MUCH}
    finally:
        iam.delete_user_policy(**named)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("who", "lacks", "step"),
    [
        (estate.REVOKER, "iam:GetRole", "Revoker: read a role"),
        (estate.REVOKER, "iam:PutRolePolicy", "Revoker: write a deny"),
        (estate.REVOKER, "iam:CreatePolicy", "Revoker: room for many denies"),
        (estate.PROVISIONER, "iam:ListRoles", "Provisioner: find roles of partners"),
        (estate.PROVISIONER, "iam:TagRole", "Provisioner: make a role"),
        (estate.PROVISIONER, "iam:PutRolePolicy", "Provisioner: tend it"),
        (estate.PROVISIONER, "iam:GetPolicyVersion", "The boundary is there"),
    ],
)
def test_what_it_lacks(aws: Sandbox, check: AccountCheck, who: str, lacks: str, step: str) -> None:
    iam, named = aws.root("iam", ACCOUNT), {"RoleName": who, "PolicyName": "Lacks"}
    deny = estate.document({"Effect": "Deny", "Action": lacks, "Resource": "*"})
    iam.put_role_policy(**named, PolicyDocument=json.dumps(deny))
    try:
        found = failed(check.check(TARGET, PLACE))
    finally:
        iam.delete_role_policy(**named)
    assert list(found) == [step]
    assert f"{lacks} was refused by AWS: AccessDenied" in found[step] or lacks == "iam:TagRole"


def test_a_role_that_cannot_be_removed_is_named_and_the_next_check_takes_it(
    aws: Sandbox, check: AccountCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam, named = aws.root("iam", ACCOUNT), {"RoleName": estate.PROVISIONER, "PolicyName": "Lacks"}
    deny = estate.document({"Effect": "Deny", "Action": "iam:DeleteRole", "Resource": "*"})
    iam.put_role_policy(**named, PolicyDocument=json.dumps(deny))
    try:
        steps = check.check(TARGET, PLACE)
    finally:
        iam.delete_role_policy(**named)
    assert list(failed(steps)) == ["Provisioner: remove the role"]
    left = [role["RoleName"] for role in iam.list_roles(PathPrefix=estate.PARTNERS_PATH)["Roles"]]
    assert left[0] in steps[-1].advice
    roles = IamPartnerRoles(PartnerAccess(check._hub))
    assert roles.list(PLACE) == [], "nobody's stray: a check may be at work on it"
    # Another check may be at work on it: only what is old is taken away.
    assert failed(check.check(TARGET, PLACE)) == {}
    assert [r["RoleName"] for r in iam.list_roles(PathPrefix=estate.PARTNERS_PATH)["Roles"]] == left
    monkeypatch.setattr("brokers.aws.check_provisioner._LEFT_BEHIND", -timedelta(minutes=1))
    assert [role.name for role in roles.list(PLACE)] == left
    assert failed(check.check(TARGET, PLACE)) == {}
    assert iam.list_roles(PathPrefix=estate.PARTNERS_PATH)["Roles"] == []


@pytest.mark.thorough
def test_no_answer_is_no_verdict(aws: Sandbox, check: AccountCheck) -> None:
    with aws.faults({"action": "CreateUser", "times": 99}):
        steps = check.check(TARGET, PLACE)
    found = failed(steps)
    assert set(found) == {"The hub: make a user", "Revoker: make a user", "Provisioner: make a user"}
    assert all("got no usable answer" in detail for detail in found.values())
    advice = {step.advice for step in steps if not step.is_ok}
    assert advice == {"AWS gave no answer. Try again in a moment."}
    with aws.faults({"action": "CreateRole", "code": "LimitExceeded", "status": 409, "times": 99}):
        found = failed(check.check(TARGET, PLACE))
    # Past the rights: AWS would have made it.
    assert found["Provisioner: make a role in another place"].startswith("Not refused for lack of rights")


def test_the_files_name_the_hub(check: AccountCheck) -> None:
    files = check.files(Partition.AWS, ACCOUNT)
    assert [file.kind for file in files] == ["CloudFormation", "Terraform", "AWS command line"]
    assert all(estate.HUB_USER_ARN in file.text for file in files)

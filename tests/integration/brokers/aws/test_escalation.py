"""The shipped policies refuse escalation: of each right, what is a step too far, and its neighbour.

Judged twice: by MiniStack, which the demo's estate (the same policies, by a test) is enforced by, and by
`tests.iam_evaluator`, which reads the policies alone.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from brokers.aws import hub_policies as says
from portal.demo.sandbox import estate
from tests.iam_evaluator import evaluate
from tests.integration.brokers.aws.recorder import ACCOUNT, BOUNDARY, HUB, POLICIES, READS, Recorder
from tests.servers.sandbox import Sandbox, sandbox

pytestmark = [pytest.mark.xdist_group("least_rights"), pytest.mark.thorough]
CHECKED = "sp-escalation"
ON = {"RoleName": CHECKED}
ANYTHING = json.dumps(estate.document(estate.allow(["*"], "*")))
TRUST = json.dumps(estate.trust())
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
MAKE = {"AssumeRolePolicyDocument": TRUST, "Path": "/sallyport/partners/x/", "PermissionsBoundary": BOUNDARY}
NEIGHBOURS: dict[str, tuple[str, dict[str, Any]]] = {
    "make": ("create_role", {**MAKE, "RoleName": "sp-neighbour"}),
    "write": ("put_role_policy", {**ON, "PolicyName": "x", "PolicyDocument": ANYTHING}),
    "attach": ("attach_role_policy", {**ON, "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
    "trust": ("update_assume_role_policy", {**ON, "PolicyDocument": TRUST}),
    "bound": ("put_role_permissions_boundary", {**ON, "PermissionsBoundary": BOUNDARY}),
    "read": ("get_policy", {"PolicyArn": BOUNDARY}),
    "delete": ("delete_role_policy", {**ON, "PolicyName": "y"}),
}
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
IAM_FULL = "arn:aws:iam::aws:policy/IAMFullAccess"
NEW = MAKE | {"RoleName": "sp-x"}
BOUNDLESS = {key: value for key, value in NEW.items() if key != "PermissionsBoundary"}
POLICY = {"PolicyName": "x", "PolicyDocument": ANYTHING}
VERSION = {"PolicyArn": BOUNDARY, "PolicyDocument": ANYTHING, "SetAsDefault": True}
REVOKER, ITSELF, OTHER = ({"RoleName": name} for name in (estate.REVOKER, estate.PROVISIONER, "DataAnalyst"))
INLINE = {"PolicyName": "x", "PolicyDocument": ANYTHING}
ESCALATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "attach AdministratorAccess": ("attach", "attach_role_policy", {**ON, "PolicyArn": ADMIN}),
    "attach IAMFullAccess": ("attach", "attach_role_policy", {**ON, "PolicyArn": IAM_FULL}),
    "attach to itself": ("attach", "attach_role_policy", {**ITSELF, "PolicyArn": READ_ONLY}),
    "create without boundary": ("make", "create_role", BOUNDLESS),
    "create with another boundary": ("make", "create_role", NEW | {"PermissionsBoundary": ADMIN}),
    "create at the root": ("make", "create_role", NEW | {"Path": "/"}),
    "create beside partners": ("make", "create_role", NEW | {"Path": "/sallyport/"}),
    "create at a look-alike path": ("make", "create_role", NEW | {"Path": "/sallyport/partnersx/"}),
    "edit the boundary": ("read", "create_policy_version", VERSION),
    "delete the boundary": ("read", "delete_policy", {"PolicyArn": BOUNDARY}),
    "take the boundary off": ("bound", "delete_role_permissions_boundary", ON),
    "put another boundary": ("bound", "put_role_permissions_boundary", {**ON, "PermissionsBoundary": ADMIN}),
    "trust of another role": ("trust", "update_assume_role_policy", {**OTHER, "PolicyDocument": TRUST}),
    "trust of itself": ("trust", "update_assume_role_policy", {**ITSELF, "PolicyDocument": TRUST}),
    "trust of the revoker": ("trust", "update_assume_role_policy", {**REVOKER, "PolicyDocument": TRUST}),
    "write on itself": ("write", "put_role_policy", {**ITSELF, **INLINE}),
    "write on the revoker": ("write", "put_role_policy", {**REVOKER, **INLINE}),
    "write on another role": ("write", "put_role_policy", {**OTHER, **INLINE}),
    "delete of another role": ("delete", "delete_role_policy", {**OTHER, "PolicyName": "Permissions"}),
    "create a user": ("read", "create_user", {"UserName": "x"}),
    "create a key": ("read", "create_access_key", {"UserName": "x"}),
    "create a policy": ("read", "create_policy", POLICY),
    "create a policy for itself to attach": ("read", "create_policy", {**POLICY, "Path": "/sallyport-scopes/"}),
    "put on a user": ("write", "put_user_policy", {"UserName": "x", **INLINE}),
    "make a login": ("read", "create_login_profile", {"UserName": "x", "Password": "Secret-1234567890"}),
    "open to a provider": ("read", "create_saml_provider", {"SAMLMetadataDocument": "x" * 1000, "Name": "x"}),
    "into an instance": ("read", "create_instance_profile", {"InstanceProfileName": "x"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture
def provisioner(aws: Sandbox) -> Iterator[Any]:
    """A client that may all that the provisioner may, and a partner's role in front of it."""
    root = aws.root("iam", ACCOUNT)
    root.create_role(RoleName=CHECKED, **MAKE)
    root.put_role_policy(**ON, PolicyName="y", PolicyDocument=json.dumps(READS))
    before = names_of(root)
    yield aws.client("iam", aws.provisioner(ACCOUNT))
    for name in {CHECKED, "sp-neighbour"} & set(names_of(root)):
        for policy in root.list_role_policies(RoleName=name)["PolicyNames"]:
            root.delete_role_policy(RoleName=name, PolicyName=policy)
        for policy in root.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            root.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        root.delete_role(RoleName=name)
    assert set(names_of(root)) == set(before) - {CHECKED}


def names_of(iam: Any) -> list[str]:
    return [role["RoleName"] for role in iam.list_roles()["Roles"]]


@pytest.mark.parametrize("what", ESCALATIONS)
def test_an_escalation_is_refused_and_its_neighbour_is_not(aws: Sandbox, provisioner: Any, what: str) -> None:
    beside, method, given = ESCALATIONS[what]
    with pytest.raises(ClientError) as refused:
        getattr(provisioner, method)(**given)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    verdict = judged(aws, method, given)
    assert not verdict.allowed
    neighbour, allowed = NEIGHBOURS[beside]
    assert judged(aws, neighbour, allowed).allowed
    getattr(provisioner, neighbour)(**allowed)


def judged(aws: Sandbox, method: str, given: Mapping[str, Any]) -> Any:
    action = "iam:" + next(
        name for name in botocore.session.get_session().get_service_model("iam").operation_names
        if xform_name(name) == method
    )  # fmt: skip
    resource, context = Recorder(aws).judged_by(action, ACCOUNT, {"Path": "/", **given})
    if action == "iam:CreateRole" and "PermissionsBoundary" not in given:
        context.pop("iam:PermissionsBoundary", None)
    return evaluate([POLICIES["provisioner"]], action, resource, context)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/sallyport/partners/x/sp-x"),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/sallyport/partners/x/sp-x"),
        ("iam:AddRoleToInstanceProfile", f"arn:aws:iam::{ACCOUNT}:instance-profile/x"),
        ("s3:GetObject", "arn:aws:s3:::harbor-payroll/2026-11/summary.csv"),
        ("iam:SetDefaultPolicyVersion", BOUNDARY),
    ],
)
@pytest.mark.parametrize("who", ["revoker", "provisioner"])
def test_neither_role_can_more_than_iam(who: str, action: str, resource: str) -> None:
    assert not evaluate([POLICIES[who]], action, resource, {}).allowed


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("put_role_policy", {**REVOKER, **INLINE}),
        ("put_role_policy", {**ITSELF, **INLINE}),
        ("attach_role_policy", {**OTHER, "PolicyArn": ADMIN}),
        ("update_assume_role_policy", {**OTHER, "PolicyDocument": TRUST}),
        ("create_role", NEW),
        ("create_policy_version", {"PolicyArn": BOUNDARY, "PolicyDocument": ANYTHING}),
        ("create_policy", POLICY),
        ("create_user", {"UserName": "x"}),
        ("create_access_key", {"UserName": "x"}),
        ("delete_role_permissions_boundary", OTHER),
    ],
)
def test_the_revoker_escalates_nowhere(aws: Sandbox, method: str, given: dict[str, Any]) -> None:
    iam = aws.client("iam", aws.assume_in(estate.REVOKER, ACCOUNT))
    with pytest.raises(ClientError) as refused:
        getattr(iam, method)(**given)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert iam.get_role(**OTHER)["Role"]["RoleName"] == "DataAnalyst"


def test_a_hub_that_is_bounded_gains_nothing_by_writing_on_itself(aws: Sandbox) -> None:
    """The shipped template bounds the hub by its own policy. The neighbour without a boundary shows what that stops."""
    root = aws.root("iam", HUB)
    document = json.dumps(says.hub_policy("aws", HUB)).replace(f"user/{estate.HUB_USER}", "user/twin-*")
    arn = root.create_policy(PolicyName="TwinHub", PolicyDocument=document)["Policy"]["Arn"]
    for name, bounded in (("twin-bounded", True), ("twin-free", False)):
        root.create_user(UserName=name, **({"PermissionsBoundary": arn} if bounded else {}))
        root.attach_user_policy(UserName=name, PolicyArn=arn)
        iam = aws.client("iam", root.create_access_key(UserName=name)["AccessKey"])
        with pytest.raises(ClientError):
            iam.list_users()
        iam.put_user_policy(UserName=name, PolicyName="More", PolicyDocument=ANYTHING)
        if bounded:
            with pytest.raises(ClientError) as refused:
                iam.list_users()
            assert refused.value.response["Error"]["Code"] == "AccessDenied"
            with pytest.raises(ClientError):
                iam.delete_user_permissions_boundary(UserName=name)
            assert iam.get_user(UserName=name)["User"]["UserName"] == name
        else:
            assert iam.list_users()["Users"]

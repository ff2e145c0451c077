"""The shipped policies let the portal make each call that it makes, and refuse escalation.

Judged twice: by MiniStack, which the demo's estate (the same policies, by a test) is enforced by, and by
`tests.iam_evaluator`, which reads the policies alone.
"""

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import botocore.client
import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from brokers.aws import AwsBrokers, HubCredentials
from brokers.aws import hub_policies as says
from brokers.errors import AwsRefused
from brokers.ports import AwsPorts
from brokers.types import (
    AcceptedExternalId,
    AccountPlace,
    AssumeRoleCall,
    DenyTarget,
    DeveloperIdentityCall,
    FederationTokenCall,
    Partition,
    PartnerRoleSpec,
    PrincipalKind,
    ProbeAction,
    ProbeCall,
    RootTaskCall,
    Scope,
)
from portal.demo.sandbox import estate
from tests.iam_evaluator import evaluate
from tests.servers.sandbox import Sandbox, sandbox

pytestmark = [pytest.mark.xdist_group("least_rights"), pytest.mark.thorough]

BROKERS = Path(__file__).parents[4] / "brokers" / "aws"
HUB, ACCOUNT = estate.HUB.account_id, estate.DATA.account_id
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/{estate.BOUNDARY}"
PLACE = AccountPlace(Partition.AWS, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/{estate.PROVISIONER}")
VIA = f"arn:aws:iam::{ACCOUNT}:role/{estate.REVOKER}"
ROLE = DenyTarget(Partition.AWS, ACCOUNT, PrincipalKind.ROLE, "DataAnalyst", VIA)
USER = DenyTarget(Partition.AWS, HUB, PrincipalKind.USER, estate.HUB_USER)
READS: dict[str, Any] = estate.document(
    estate.allow(["s3:GetObject"], "arn:aws:s3:::harbor-partner-dropbox/*")
)
POLICIES: Mapping[str, Any] = {
    "hub": says.hub_policy("aws", HUB, [ACCOUNT]),
    "revoker": says.revoker_policy("aws", ACCOUNT),
    "provisioner": says.provisioner_policy("aws", ACCOUNT),
}
# What nobody grants: AWS lets every identity do it.
FREE = {"sts:GetCallerIdentity"}
NOT_SHIPPED = {"iam:RemoveRoleFromInstanceProfile"}


@dataclass(frozen=True)
class Call:
    """One call as it was made: by whom, what, on which resource, with which condition keys; how it went."""

    who: str
    action: str
    resource: str
    context: tuple[tuple[str, str], ...]
    error: str


class Recorder:
    """Notes each call of every client of botocore, and who made it."""

    def __init__(self, aws: Sandbox) -> None:
        self.aws = aws
        self.calls: list[Call] = []
        self.plain: Callable[..., Any] = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]  # not public

    def make(self, client: Any, operation: str, parameters: Mapping[str, Any]) -> Any:
        service = client.meta.service_model.service_name
        action, error = f"{service}:{operation}", ""
        if (
            client.meta.service_model.operation_model(operation).auth_type == "none"
        ):  # what it carries is the proof
            return self.plain(client, operation, parameters)
        found = self.of(client, action, parameters)
        try:
            return self.plain(client, operation, parameters)
        except ClientError as problem:
            error = problem.response["Error"]["Code"]
            raise
        finally:
            self.calls.append(replace(found, error=error))

    def of(self, client: Any, action: str, given: Mapping[str, Any]) -> Call:
        key = client._request_signer._credentials.access_key
        who = "hub" if key == self.aws.estate["hub"]["access_key_id"] else self.role_of(key)
        account = HUB if who == "hub" else ACCOUNT
        resource, context = self.judged_by(action, account, given)
        return Call(who, action, resource, tuple(sorted(context.items())), "")

    def role_of(self, key: str) -> str:
        issued = json.loads((self.aws.directory / "sessions.json").read_text())
        arn = next((row["arn"] for row in issued if row["access_key_id"] == key), "")
        return "revoker" if estate.REVOKER in arn else "provisioner" if estate.PROVISIONER in arn else arn

    def judged_by(self, action: str, account: str, given: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        """Return what AWS judges the call by: Service Authorization Reference."""
        root, context = f"arn:aws:iam::{account}", {}
        if action in {
            "iam:AttachRolePolicy",
            "iam:DetachRolePolicy",
            "iam:AttachUserPolicy",
            "iam:DetachUserPolicy",
        }:
            context["iam:PolicyARN"] = given["PolicyArn"]
        if "RoleName" in given:
            resource, standing = self.standing(account, given["RoleName"])
            boundary = given.get("PermissionsBoundary") or standing
            if boundary:
                context["iam:PermissionsBoundary"] = boundary
            if action == "iam:CreateRole":
                resource = f"{root}:role{given['Path']}{given['RoleName']}"
            return resource, context
        if action == "sts:AssumeRoot":
            context["sts:TaskPolicyArn"] = given["TaskPolicyArn"]["arn"]
        return self.named(action, account, given), context

    def named(self, action: str, account: str, given: Mapping[str, Any]) -> str:
        """Return the resource of a call that is on no role."""
        pool = str(given.get("IdentityPoolId", ""))
        by_action = {
            "iam:CreatePolicy": f"arn:aws:iam::{account}:policy{given.get('Path')}{given.get('PolicyName')}",
            "sts:GetFederationToken": f"arn:aws:sts::{account}:federated-user/{given.get('Name')}",
            "sts:AssumeRoot": f"arn:aws:iam::{given.get('TargetPrincipal')}:root",
            "cognito-identity:GetOpenIdTokenForDeveloperIdentity": (
                f"arn:aws:cognito-identity:{pool.partition(':')[0]}:{account}:identitypool/{pool}"
            ),
        }
        if "UserName" in given:
            return self.user(account, given["UserName"])
        return str(by_action.get(action) or given.get("PolicyArn") or given.get("RoleArn") or "*")

    def user(self, account: str, name: str) -> str:
        try:
            return str(self.aws.root("iam", account).get_user(UserName=name)["User"]["Arn"])
        except ClientError:
            return f"arn:aws:iam::{account}:user/{name}"

    def standing(self, account: str, name: str) -> tuple[str, str]:
        try:
            role = self.aws.root("iam", account).get_role(RoleName=name)["Role"]
        except ClientError:  # AWS knows no path of a role that isn't there
            return f"arn:aws:iam::{account}:role/{name}", ""
        return role["Arn"], role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture(scope="module")
def recorded(aws: Sandbox) -> list[Call]:
    """Everything that the portal asks of AWS, done once through the façade and MiniStack, as the estate allows it."""
    hub = aws.estate["hub"]
    recorder, plain = Recorder(aws), aws.root
    roots = {account: plain("iam", account) for account in (HUB, ACCOUNT)}
    recorder.aws = replace(aws)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sandbox, "root", lambda _, __, account: roots[account])
        make = recorder.make

        def noted(client: Any, operation: str, parameters: Mapping[str, Any]) -> Any:
            if client in roots.values():
                return recorder.plain(client, operation, parameters)
            return make(client, operation, parameters)

        patch.setattr(botocore.client.BaseClient, "_make_api_call", noted)
        key = HubCredentials(hub["access_key_id"], hub["secret_access_key"])
        brokers = AwsBrokers.build(hub=key, region=aws.estate["region"], endpoint_url=aws.endpoint_url)
        ports = brokers.ports()
        issue(ports)
        vouch(aws, ports)
        deny(aws, ports)
        partners(aws, ports)
    return recorder.calls


def issue(ports: AwsPorts) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    grant, hour = uuid4(), timedelta(hours=1)
    arn = f"arn:aws:iam::{ACCOUNT}:role/sallyport/DataAnalyst"
    ports.credentials.assume_role(
        AssumeRoleCall(
            arn,
            ports.session_name(grant),
            hour,
            hour,
            soon,
            tags={"SallyportGrant": str(grant)},
            source_identity=ports.source_identity(uuid4()),
        )
    )
    ports.credentials.get_federation_token(
        FederationTokenCall(Partition.AWS, ports.session_name(grant), hour, soon, Scope(READS))
    )
    for kind, principal, action in (
        (PrincipalKind.ROLE, arn, ProbeAction.ACCESS_KEY_INFO),
        (PrincipalKind.USER, estate.HUB_USER_ARN, ProbeAction.LIST_BUCKETS),
    ):
        identity = "sp-probe" if kind is PrincipalKind.ROLE else None
        ports.prober.probe(
            ProbeCall(Partition.AWS, kind, principal, ports.session_name(grant), action, identity)
        )


def vouch(aws: Sandbox, ports: AwsPorts) -> None:
    """Make the two calls of the hub's own besides these: for a device's identity, and for a member's root."""
    pool = next(each for each in aws.estate["identity_pools"] if each["developer_provider"])
    quarter = timedelta(minutes=15)
    soon = datetime.now(UTC) + timedelta(hours=1)
    calls = ports.hub_of(None, "").credentials
    calls.get_developer_credentials(
        DeveloperIdentityCall(
            pool["identity_pool_id"],
            pool["developer_provider"],
            str(uuid4()),
            pool["role_arn"],
            ports.session_name(uuid4()),
            quarter,
            timedelta(hours=1),
            soon,
        )
    )
    calls.assume_root(RootTaskCall(Partition.AWS, ACCOUNT, "S3UnlockBucketPolicy", quarter, soon))


def deny(aws: Sandbox, ports: AwsPorts) -> None:
    """Write more than fits inline, look, and take it away; on a role, the hub's user and a person's own."""
    own = DenyTarget(Partition.AWS, ACCOUNT, PrincipalKind.USER, aws.estate["mfa_users"][0]["user_name"], VIA)
    targets = (ROLE, aws.role_id("DataAnalyst"), 300), (USER, HUB, 60), (own, ACCOUNT, 60)
    for target, prefix, many in targets:
        entries = [f"{prefix}:sp-{number:026}" for number in range(many)]
        ports.deny.write(target, entries)
        for fewer in range(1, 7):  # more versions than a policy keeps
            ports.deny.write(target, entries[:-fewer])
        ports.deny.read(target)
        ports.principals.unique_id(target)
        ports.policies.own_policies(target)
        ports.deny.write(target, [])


def partners(aws: Sandbox, ports: AwsPorts) -> None:
    """Make a role, spoil it in each way, put it right, take it away; prove an ExternalId on a twin."""
    grant = uuid4()
    now = datetime.now(UTC)
    spec = PartnerRoleSpec(
        place=PLACE,
        path="/sallyport/partners/northlight/",
        name=ports.partners.role_name(grant),
        principal_arn=f"arn:aws:iam::{estate.NORTHLIGHT.account_id}:root",
        external_ids=(AcceptedExternalId(str(uuid4())),),
        starts_at=now - timedelta(hours=1),
        ends_at=now + timedelta(hours=1),
        max_session=timedelta(hours=1),
        policy=READS,
        managed_policy_arns=("arn:aws:iam::aws:policy/ReadOnlyAccess",),
        description="Northlight reads",
        tags={"SallyportGrant": str(grant), "SallyportPartner": "northlight"},
    )
    roles = ports.partners.roles
    roles.make(spec)
    on = {"RoleName": spec.name}
    iam = aws.root("iam", ACCOUNT)
    iam.delete_role_permissions_boundary(**on)
    iam.tag_role(**on, Tags=[{"Key": "Stray", "Value": "x"}])
    iam.untag_role(**on, TagKeys=["SallyportPartner"])
    iam.update_role(**on, Description="spoilt", MaxSessionDuration=7200)
    iam.put_role_policy(**on, PolicyName="Stray", PolicyDocument=json.dumps(READS))
    iam.attach_role_policy(**on, PolicyArn="arn:aws:iam::aws:policy/SecurityAudit")
    roles.make(spec)
    assert roles.list(PLACE)
    assert roles.read(PLACE, spec.name) is not None
    assert roles.close(PLACE, spec.name, grant=str(grant))
    # Somebody's instance profile has it: that is theirs to say, and until they do the role stands, closed.
    profile = {"InstanceProfileName": "theirs"}
    iam.create_instance_profile(**profile)
    iam.add_role_to_instance_profile(**profile, **on)
    with pytest.raises(AwsRefused, match="off the instance profile"):
        roles.delete(PLACE, spec.name, grant=str(grant))
    iam.remove_role_from_instance_profile(**profile, **on)
    roles.delete(PLACE, spec.name, grant=str(grant))
    assert roles.read(PLACE, spec.name) is None
    prover, twin = ports.partners.external_ids, ports.partners.twin_name(uuid4())
    accepted = AcceptedExternalId(str(uuid4()))
    prover.make_twin(PLACE, twin, [accepted], ends_at=now + timedelta(minutes=30))
    assert prover.assume_twin(PLACE, twin, accepted.value)
    assert not prover.assume_twin(PLACE, twin, None)
    prover.remove_twin(PLACE, twin)


def test_nothing_that_the_portal_does_is_refused(recorded: list[Call]) -> None:
    denied = [call for call in recorded if call.error == "AccessDenied"]
    # The twin must refuse who comes without its ExternalId; no right is shipped for other people's instance profiles.
    assert [call.action for call in denied] == ["iam:RemoveRoleFromInstanceProfile", "sts:AssumeRole"]
    assert {call.who for call in recorded} == {"hub", "revoker", "provisioner"}


def test_each_call_is_allowed_by_the_shipped_policies(recorded: list[Call]) -> None:
    for call in set(recorded):
        if call.action not in FREE | NOT_SHIPPED:
            verdict = evaluate([POLICIES[call.who]], call.action, call.resource, dict(call.context))
            assert verdict.allowed, (call, verdict)


def actions_of(policy: Mapping[str, Any]) -> set[str]:
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def test_no_right_is_there_that_no_call_needs(recorded: list[Call]) -> None:
    used = {(call.who, call.action) for call in recorded}
    unused = {who: actions_of(policy) - {a for w, a in used if w == who} for who, policy in POLICIES.items()}
    assert unused == {
        # With AssumeRole itself; and made with the federation token, not by the hub.
        "hub": {"sts:TagSession", "sts:SetSourceIdentity", "s3:ListAllMyBuckets"},
        "revoker": set(),
        # The check of an account reads the boundary.
        "provisioner": {"iam:GetPolicy", "iam:GetPolicyVersion"},
    }


def in_code() -> set[str]:
    """Return every operation of IAM and STS whose name stands in the broker's code, also as `put_{kind}_policy`."""
    core = botocore.session.get_session()
    known = {
        xform_name(name): f"{service}:{name}"
        for service in ("iam", "sts")
        for name in core.get_service_model(service).operation_names
    }
    found = set()
    for path in BROKERS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for pattern in named(node):
                found |= {action for name, action in known.items() if re.fullmatch(pattern, name)}
    return found


def named(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Attribute):
        yield re.escape(node.attr)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield re.escape(node.value)
    elif isinstance(node, ast.JoinedStr):
        parts = [
            re.escape(str(p.value)) if isinstance(p, ast.Constant) else "(role|user)" for p in node.values
        ]
        if len(parts) > 1:
            yield "".join(parts)


def test_a_call_that_is_new_in_the_code_is_recorded_too(recorded: list[Call]) -> None:
    """Red: something new is asked of AWS. Do it in `recorded`, and give the right to it in `hub_policies`."""
    elsewhere = {
        # Tried by the check of an account, to see it refused.
        "iam:CreateUser", "iam:DeleteUser", "iam:DeleteRolePermissionsBoundary",
        # Signed by hand, with a session's own credentials.
        "sts:GetAccessKeyInfo", "iam:ListAccountAliases",
        # Proven by what they carry, or signed with a person's own key: no right of the hub's.
        "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:GetSessionToken",
    }  # fmt: skip
    made = {call.action for call in recorded}
    assert in_code() - made - elsewhere == set()
    assert made & elsewhere == set()


# ---------------------------------------------------------------- escalation

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

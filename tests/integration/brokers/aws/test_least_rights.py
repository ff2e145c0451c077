"""The shipped policies let the portal make each call that it makes, and no right more.

Judged twice: by MiniStack, which the demo's estate (the same policies, by a test) is enforced by, and by
`tests.iam_evaluator`, which reads the policies alone.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import botocore.client
import botocore.session
import pytest
from botocore import xform_name

from brokers.aws import AwsBrokers, HubCredentials
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
from tests.integration.brokers.aws.recorder import ACCOUNT, HUB, POLICIES, READS, Call, Recorder
from tests.servers.sandbox import Sandbox, sandbox

pytestmark = [pytest.mark.xdist_group("least_rights"), pytest.mark.thorough]

BROKERS = Path(__file__).parents[4] / "brokers" / "aws"
PLACE = AccountPlace(Partition.AWS, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/{estate.PROVISIONER}")
VIA = f"arn:aws:iam::{ACCOUNT}:role/{estate.REVOKER}"
ROLE = DenyTarget(Partition.AWS, ACCOUNT, PrincipalKind.ROLE, "DataAnalyst", VIA)
USER = DenyTarget(Partition.AWS, HUB, PrincipalKind.USER, estate.HUB_USER)
# What nobody grants: AWS lets every identity do it.
FREE = {"sts:GetCallerIdentity"}
NOT_SHIPPED = {"iam:RemoveRoleFromInstanceProfile"}


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

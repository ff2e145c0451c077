"""Real error texts of unmodified clients go in, and the step that stopped it comes out.

Each call is made by the AWS CLI or boto3 against the sandbox, refused there for one reason, and what the client printed
is pasted to the doctor as somebody would: the command, and the error under it. The neighbour gets in.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from brokers.aws import AwsBrokers, HubCredentials
from portal.access.models import Grant, PartnerRole
from portal.access.operations.doctor.diagnose import Diagnosis, DoctorOrder, diagnose
from portal.access.operations.partners.work_partner_roles import work_partner_roles
from portal.catalog.models import AwsAccount, ScopeTemplate
from portal.directory.models import PartnerAccount
from portal.kernel.actor import Actor
from tests.partner_world import add_account, add_partner, grant_to, prove
from tests.servers.aws_cli import AWS_CLI
from tests.servers.ministack import clean_environment
from tests.servers.sandbox import Sandbox, sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.thorough]
OURS, THEIRS, STRANGER = "333344445555", "444455556666", "555566667777"
BUCKET, OTHER_BUCKET = "harbor-partner-dropbox", "harbor-payroll"
COMMAND = Actor.command("tests")
Keys = Mapping[str, str]
READS: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::{{bucket}}/*"},
        # So that what stops these is the role's own denies, and not that nothing allows them.
        {"Effect": "Allow", "Action": ["sts:AssumeRole", "iam:PutRolePolicy"], "Resource": "*"},
    ],
}
BOTO3 = """
import boto3, sys
sts = boto3.client("sts", endpoint_url=sys.argv[1], region_name="us-east-1")
sts.assume_role(RoleArn=sys.argv[2], RoleSessionName="work")
"""


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox(Path(tmp_path_factory.mktemp("doctor"))) as running:
        stranger = running.root("iam", STRANGER)
        stranger.create_user(UserName="ci")
        document = (
            '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}'
        )
        stranger.put_user_policy(UserName="ci", PolicyName="May", PolicyDocument=document)
        running.root("iam", THEIRS).create_user(UserName="without-rights")
        yield running


@dataclass
class World:
    aws: Sandbox
    brokers: AwsBrokers
    theirs: PartnerAccount
    ours: AwsAccount
    template: ScopeTemplate
    home: Path
    user: dict[str, str] = field(default_factory=dict)

    def ports(self) -> Any:
        return self.brokers.ports()

    def grant(self, *, stands: bool = True, **order: Any) -> Grant:
        """Make a grant, and its role in AWS by the portal's own worker."""
        changes = {"scope_parameters": {"bucket": BUCKET}, **order}
        grant = grant_to(self.theirs, self.ours, self.template, self, **changes)
        work_partner_roles(aws=self.ports(), holder="tests")
        row = PartnerRole.objects.get(grant=grant)
        assert (row.state == "standing") == stands, row.last_error
        # Long enough ago that AWS knows it everywhere.
        PartnerRole.objects.filter(pk=row.pk, made_at__isnull=False).update(
            made_at=datetime.now(UTC) - timedelta(hours=1)
        )
        return grant

    @property
    def external_id(self) -> str:
        return str(self.theirs.external_ids.get(accepted_until=None).value)

    def key_of(self, account: str, user: str) -> Keys:
        made = self.aws.root("iam", account).create_access_key(UserName=user)["AccessKey"]
        return {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}

    def cli(self, *arguments: str, keys: Keys | None = None) -> str:
        """Run an unmodified AWS CLI; return the command and what it printed, as people paste it. Empty: it worked."""
        command = [AWS_CLI, *arguments]
        printed = self._run([*command, "--endpoint-url", self.aws.endpoint_url], keys)
        return f"$ aws {shlex.join(arguments)}\n{printed}" if printed else ""

    def boto3(self, role_arn: str) -> str:
        return self._run([sys.executable, "-c", BOTO3, self.aws.endpoint_url, role_arn], None)

    def _run(self, command: list[str], keys: Keys | None) -> str:
        environment = {
            **clean_environment(),
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "1",
            **(self.user if keys is None else keys),
        }
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        return done.stderr.strip() if done.returncode else ""

    def assume(self, grant: Grant, *more: str, keys: Keys | None = None, external_id: str = "") -> str:
        sent = ["--external-id", external_id or self.external_id]
        arn = grant.role.arn
        known = ["sts", "assume-role", "--role-arn", arn, "--role-session-name", "work"]
        return self.cli(*known, *sent, *more, keys=keys)

    def inside(self, grant: Grant) -> Keys:
        """Get in, as the partner does."""
        key = {
            "AccessKeyId": self.user["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": self.user["AWS_SECRET_ACCESS_KEY"],
        }
        sts = self.aws.client("sts", key)
        asked = {"RoleArn": grant.role.arn, "RoleSessionName": "work", "ExternalId": self.external_id}
        return session_of(sts.assume_role(**asked)["Credentials"])

    def ask(self, pasted: str, **told: Any) -> Diagnosis:
        return diagnose(order=DoctorOrder(error_text=pasted, **told), aws=self.ports(), actor=COMMAND)


def session_of(credentials: Mapping[str, str]) -> Keys:
    return {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
    }


@pytest.fixture
def world(aws: Sandbox, tmp_path: Path) -> World:
    hub, partner = aws.estate["hub"], aws.estate["partners"][0]
    brokers = AwsBrokers.build(
        hub=HubCredentials(hub["access_key_id"], hub["secret_access_key"]),
        region=aws.estate["region"],
        endpoint_url=aws.endpoint_url,
    )
    ours = AwsAccount.objects.create(
        name="Harbor Data",
        account_id=OURS,
        provisioner_role_arn=f"arn:aws:iam::{OURS}:role/SallyportProvisioner",
    )
    theirs = add_account(add_partner("Northlight Analytics"), THEIRS)
    prove(theirs, ours)
    template = ScopeTemplate.objects.create(
        name="The project's bucket",
        summary="Read {{bucket}}",
        parameters={"bucket": "bucket_name"},
        policy=READS,
        for_partners=True,
    )
    user = {
        "AWS_ACCESS_KEY_ID": partner["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": partner["secret_access_key"],
    }
    return World(aws, brokers, theirs, ours, template, tmp_path, user)


def test_the_neighbour_gets_in_and_hears_that_nothing_stops_it(world: World) -> None:
    grant = world.grant()
    assert world.assume(grant) == ""
    found = world.ask(
        "", role_arn=grant.role.arn, external_id=world.external_id, partner_account_number=THEIRS
    )
    assert (found.stopped_by, found.sentence) == ("", "Nothing here stops it.")
    read = ("s3api", "get-object", "--bucket", BUCKET, "--key", "briefing.txt", str(world.home / "x"))
    assert world.cli(*read, keys=world.inside(grant)) == ""
    allowed = world.ask(
        "", role_arn=grant.role.arn, action="s3:GetObject", resource=f"arn:aws:s3:::{BUCKET}/x"
    )
    assert allowed.stopped_by == ""


Entering = Callable[[World, Grant], str]
ENTERING: dict[str, tuple[Entering, str, str]] = {
    "no ExternalId": (
        lambda world, grant: world.cli(
            "sts", "assume-role", "--role-arn", grant.role.arn, "--role-session-name", "work"
        ),
        "external_id",
        "They send no ExternalId",
    ),
    "a stranger's ExternalId": (
        lambda world, grant: world.assume(grant, external_id=str(uuid4())),
        "external_id",
        "was never that of production",
    ),
    "capitals": (
        lambda world, grant: world.assume(grant, external_id=world.external_id.upper()),
        "external_id",
        "written otherwise",
    ),
    "another account": (
        lambda world, grant: world.assume(grant, keys=world.key_of(STRANGER, "ci")),
        "account",
        STRANGER,
    ),
    "tags": (
        lambda world, grant: world.assume(grant, "--tags", "Key=team,Value=etl"),
        "session",
        "session tags",
    ),
    "too long": (
        lambda world, grant: world.assume(grant, "--duration-seconds", "7200"),
        "duration",
        "7,200 seconds; this role's sessions last 3,600",
    ),
    "no path in the ARN": (
        lambda world, grant: world.cli(
            *("sts", "assume-role", "--role-session-name", "work", "--external-id", world.external_id),
            *("--role-arn", f"arn:aws:iam::{OURS}:role/{grant.role.name}"),
        ),
        "role_arn",
        "The path is not that of the role",
    ),
    "a wrong secret": (
        lambda world, grant: world.assume(
            grant, keys={**world.user, "AWS_SECRET_ACCESS_KEY": "not/the/secret"}
        ),
        "client",
        "secret of their own access key",
    ),
    "no credentials": (
        lambda world, grant: world.assume(grant, keys={}),
        "client",
        "no credentials of its own",
    ),
    "as themselves": (
        lambda world, grant: (
            world.cli("s3api", "put-object", "--bucket", BUCKET, "--key", "x")
            + f"\nrole_arn = {grant.role.arn}\n"
            f"external_id = {world.external_id}"
        ),
        "client",
        "which is themselves",
    ),
}


@pytest.mark.parametrize("name", ENTERING)
def test_what_keeps_them_out_is_found_by_what_the_cli_printed(name: str, world: World) -> None:
    fails, step, words = ENTERING[name]
    grant = world.grant()
    pasted = fails(world, grant)
    assert pasted, "the sandbox let it in"
    found = world.ask(pasted)
    assert found.stopped_by == step, pasted
    assert words in found.sentence
    assert found.grant == grant
    assert world.assume(grant) == ""


def test_boto3s_own_traceback_does_as_well(world: World) -> None:
    grant = world.grant()
    pasted = world.boto3(grant.role.arn)
    assert "botocore" in pasted
    assert "Traceback" in pasted
    found = world.ask(pasted, sends_external_id=False)
    assert (found.stopped_by, found.grant) == ("external_id", grant)
    unsaid = world.ask(pasted)
    assert unsaid.stopped_by == "external_id"
    assert "Nobody says which ExternalId they send" in unsaid.sentence


def test_before_the_window(world: World) -> None:
    grant = world.grant(starts_at=datetime.now(UTC) + timedelta(minutes=10))
    found = world.ask(world.assume(grant))
    assert (found.stopped_by, found.grant) == ("window", grant)
    assert "starts only at" in found.sentence


def test_another_principal_of_the_right_account(world: World) -> None:
    grant = world.grant(principal_arn=f"arn:aws:iam::{THEIRS}:role/NorthlightPipeline")
    found = world.ask(world.assume(grant))
    assert (found.stopped_by, found.grant) == ("principal", grant)
    assert f"They called as arn:aws:iam::{THEIRS}:user/northlight-etl" in found.sentence


def test_over_an_hour_with_another_roles_credentials(world: World) -> None:
    grant = world.grant(max_session_seconds=43_200)
    key = {
        "AccessKeyId": world.user["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": world.user["AWS_SECRET_ACCESS_KEY"],
    }
    own = f"arn:aws:iam::{THEIRS}:role/NorthlightPipeline"
    answer = world.aws.client("sts", key).assume_role(RoleArn=own, RoleSessionName="pipeline")
    keys = session_of(answer["Credentials"])
    found = world.ask(world.assume(grant, "--duration-seconds", "7200", keys=keys))
    assert (found.stopped_by, found.grant) == ("duration", grant)
    assert "another role's credentials" in found.sentence
    assert world.assume(grant, "--duration-seconds", "3600", keys=keys) == ""


def test_a_caller_whom_their_own_policies_do_not_let(world: World) -> None:
    grant = world.grant()
    pasted = world.assume(grant, keys=world.key_of(THEIRS, "without-rights"))
    assert pasted, "the sandbox let it in"
    found = world.ask(pasted)
    assert (found.stopped_by, found.grant) == ("their_policy", grant)
    step = next(each for each in found.steps if each.name == "their_policy")
    assert (step.verdict, grant.role.arn in step.paste) == ("maybe", True)


def test_a_trust_policy_that_somebody_changed(world: World) -> None:
    grant = world.grant()
    closed = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}'
    world.aws.root("iam", OURS).update_assume_role_policy(RoleName=grant.role.name, PolicyDocument=closed)
    found = world.ask(world.assume(grant))
    assert (found.stopped_by, found.grant) == ("drift", grant)


Inside = Callable[[World, Grant], tuple[str, ...]]
INSIDE: dict[str, tuple[Inside, str, str]] = {
    "another action": (
        lambda _, __: ("s3api", "put-object", "--bucket", BUCKET, "--key", "x"),
        "scope",
        "The scope doesn't have s3:PutObject. It allows:",
    ),
    "chaining": (
        lambda _, __: (
            *("sts", "assume-role", "--role-session-name", "on", "--role-arn"),
            f"arn:aws:iam::{OURS}:role/sallyport/DataAnalyst",
        ),
        "denies",
        "go on to a further role",
    ),
    "their own role": (
        lambda _, grant: (
            *("iam", "put-role-policy", "--role-name", grant.role.name, "--policy-name", "x"),
            *("--policy-document", '{"Version":"2012-10-17","Statement":[]}'),
        ),
        "denies",
        "the role itself",
    ),
}


@pytest.mark.parametrize("name", INSIDE)
def test_what_stops_a_call_inside_is_found_by_what_the_cli_printed(name: str, world: World) -> None:
    calls, step, words = INSIDE[name]
    grant = world.grant()
    pasted = world.cli(*calls(world, grant), keys=world.inside(grant))
    assert pasted, "the sandbox let it through"
    found = world.ask(pasted, role_arn=grant.role.arn)
    assert found.stopped_by == step, pasted
    assert words in found.sentence
    assert found.grant == grant


def test_another_bucket_is_told_once_somebody_says_which(world: World) -> None:
    grant = world.grant()
    read = ("s3api", "get-object", "--bucket", OTHER_BUCKET, "--key", "2026-11/summary.csv", "x")
    pasted = world.cli(*read, keys=world.inside(grant))
    found = world.ask(pasted, resource=f"arn:aws:s3:::{OTHER_BUCKET}/2026-11/summary.csv")
    assert (found.stopped_by, found.grant) == ("scope", grant)
    assert f"not on arn:aws:s3:::{OTHER_BUCKET}" in found.sentence
    assert f"arn:aws:s3:::{BUCKET}/*" in found.sentence

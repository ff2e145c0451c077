"""From nothing: the shipped files make a hub and connect an account in MiniStack, and the check finds all as it should.

MiniStack's own CloudFormation runs the templates, the AWS CLI the script.
"""

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from brokers.aws.account_check import AccountCheck
from brokers.aws.account_files import account_roles
from brokers.aws.hub import Hub, HubCredentials
from brokers.aws.hub_files import hub_cloudformation
from brokers.aws.patience import Patience
from brokers.types import AccountPlace, DenyTarget, Partition, PrincipalKind
from tests.servers.aws_cli import AWS_CLI
from tests.servers.process import wait_until
from tests.servers.sandbox import Sandbox, sandbox

pytestmark = [pytest.mark.xdist_group("connecting"), pytest.mark.thorough]
HUB, ACCOUNT = "666677778888", "555566667777"


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path / "sandbox") as running:
        yield running


def stack(aws: Sandbox, account: str, template: str, **parameters: str) -> None:
    client = aws.root("cloudformation", account)
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    name = {"StackName": f"sallyport-{len(template)}"}
    client.create_stack(
        **name, TemplateBody=template, Parameters=given, Capabilities=["CAPABILITY_NAMED_IAM"]
    )

    def state() -> str:
        return str(client.describe_stacks(**name)["Stacks"][0]["StackStatus"])

    wait_until(lambda: not state().endswith("IN_PROGRESS"), seconds=20, what="the stack")
    assert state() == "CREATE_COMPLETE"


@pytest.fixture
def check(aws: Sandbox) -> AccountCheck:
    """A hub as the template makes it, bounded by its own policy."""
    stack(aws, HUB, hub_cloudformation())
    key = aws.root("iam", HUB).create_access_key(UserName="sallyport-hub")["AccessKey"]
    hub = Hub(
        HubCredentials(key["AccessKeyId"], key["SecretAccessKey"]),
        region=aws.estate["region"],
        endpoint_url=aws.endpoint_url,
    )
    return AccountCheck(hub, Patience((0.01,)))


def text_of(check: AccountCheck, kind: str) -> str:
    return next(file.text for file in check.files(Partition.AWS, ACCOUNT) if file.kind == kind)


def by_cloudformation(aws: Sandbox, check: AccountCheck, _: Path) -> None:
    stack(aws, ACCOUNT, text_of(check, "CloudFormation"))


def by_command_line(aws: Sandbox, check: AccountCheck, folder: Path) -> None:
    """Run the script as it is; only where AWS is, is put in between."""
    folder.mkdir()
    (folder / "aws").write_text(
        f'#!/bin/sh\nexec {shlex.quote(AWS_CLI)} --endpoint-url {aws.ministack_url} "$@"\n'
    )
    (folder / "aws").chmod(0o755)
    script = folder / "connect.sh"
    script.write_text(text_of(check, "AWS command line"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "anything",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    ran = subprocess.run(["sh", str(script)], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    other = {**environment, "AWS_ACCESS_KEY_ID": "999900001111"}
    elsewhere = subprocess.run(["sh", str(script)], env=other, capture_output=True, text=True, check=False)
    assert elsewhere.returncode != 0, "in another account it makes nothing"
    assert aws.root("iam", "999900001111").list_roles()["Roles"] == []


Connect = Callable[[Sandbox, AccountCheck, Path], None]


@pytest.mark.parametrize("connect", [by_cloudformation, by_command_line])
def test_what_is_shipped_connects_an_account(
    aws: Sandbox, check: AccountCheck, tmp_path: Path, connect: Connect
) -> None:
    roles = account_roles(Partition.AWS, ACCOUNT)
    target = DenyTarget(Partition.AWS, ACCOUNT, PrincipalKind.ROLE, "", roles.revoker_arn)
    place = AccountPlace(Partition.AWS, ACCOUNT, roles.provisioner_arn)

    def wrong() -> list[str]:
        return [step.name for step in check.check(target, place) if not step.is_ok]

    assert wrong() == ["Become the revoker", "Become the provisioner"]
    connect(aws, check, tmp_path / "bin")
    assert wrong() == []


def test_without_partners_there_is_a_revoker_alone(aws: Sandbox, check: AccountCheck) -> None:
    stack(aws, ACCOUNT, text_of(check, "CloudFormation"), LetPartnersIn="no")
    iam: Any = aws.root("iam", ACCOUNT)
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["SallyportRevoker"]
    assert iam.list_policies(Scope="Local")["Policies"] == []
    target = DenyTarget(
        Partition.AWS, ACCOUNT, PrincipalKind.ROLE, "", account_roles(Partition.AWS, ACCOUNT).revoker_arn
    )
    assert [step for step in check.check(target, None) if not step.is_ok] == []

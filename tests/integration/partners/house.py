"""Our accounts and partners' in a real MiniStack, the portal's rows for them, and workers in processes of their own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import F

from brokers.aws import AwsBrokers, HubCredentials
from brokers.aws.hub_policies import boundary_policy, hub_trust, provisioner_policy
from brokers.aws.partner_names import BOUNDARY_NAME, PARTNERS_PATH
from brokers.ports import AwsPorts
from portal.access.models import Grant, PartnerRole
from portal.catalog.models import AwsAccount, ScopeTemplate
from portal.directory.models import PartnerAccount
from portal.kernel.clock import database_now
from tests.integration.jobs.plant import ROOT
from tests.partner_world import add_template, grant_to, prove
from tests.servers.holding_proxy import HoldingProxy, holding_proxy
from tests.servers.ministack import REGION, MiniStack, clean_environment

HUB = "111111111111"
HUB_USER = "sallyport"
PROVISIONER = "SallyportProvisioner"
BUCKET = "joint-project"
LONG = timedelta(minutes=5)


def seed_hub(aws: MiniStack) -> HubCredentials:
    """Make the user whose key the portal works with."""
    iam = aws.root("iam", HUB)
    iam.create_user(UserName=HUB_USER)
    may = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_user_policy(UserName=HUB_USER, PolicyName="Hub", PolicyDocument=document)
    key = iam.create_access_key(UserName=HUB_USER)["AccessKey"]
    return HubCredentials(key["AccessKeyId"], key["SecretAccessKey"])


def seed_account(aws: MiniStack, number: str) -> None:
    """Connect an account of ours as its owner would: the boundary, and the provisioner with its least rights."""
    iam = aws.root("iam", number)
    iam.create_policy(PolicyName=BOUNDARY_NAME, PolicyDocument=json.dumps(boundary_policy()))
    trust = json.dumps(hub_trust(f"arn:aws:iam::{HUB}:user/{HUB_USER}"))
    iam.create_role(RoleName=PROVISIONER, AssumeRolePolicyDocument=trust)
    rights = json.dumps(provisioner_policy("aws", number))
    iam.put_role_policy(RoleName=PROVISIONER, PolicyName="Provisioner", PolicyDocument=rights)


def add_ours(number: str, name: str) -> AwsAccount:
    arn = f"arn:aws:iam::{number}:role/{PROVISIONER}"
    return AwsAccount.objects.create(name=name, account_id=number, provisioner_role_arn=arn)


@dataclass
class Workers:
    """Starts workers in processes of their own, kills them, waits for them."""

    process: "subprocess.Popen[str]"

    def start(self, name: str) -> int:
        return self._ask(f"start {name}")

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        assert self.wait(pid) == -signal.SIGKILL

    def wait(self, pid: int) -> int:
        return self._ask(f"wait {pid}")

    def run(self, name: str) -> None:
        assert self.wait(self.start(name)) == 0

    def _ask(self, line: str) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextlib.contextmanager
def workers(hub: HubCredentials, url: str, log: Path) -> Iterator[Workers]:
    """Have workers on this test's database, that call AWS at `url`."""
    place = os.environ["SALLYPORT_DATABASE_URL"].rpartition("/")[0]
    environment = {
        **clean_environment(),
        "SALLYPORT_DATABASE_URL": f"{place}/{connection.settings_dict['NAME']}",
        "SALLYPORT_SIMULATION": "tests",
        "SALLYPORT_AWS_ENDPOINT_URL": url,
        "SALLYPORT_HUB_ACCESS_KEY_ID": hub.access_key_id,
        "SALLYPORT_HUB_SECRET_ACCESS_KEY": hub.secret_access_key,
        "DJANGO_SETTINGS_MODULE": "portal.config.settings",
    }
    command = [sys.executable, "-m", "tests.integration.partners.workers"]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield Workers(process)
        finally:
            process.kill()


@dataclass
class House:
    """One account of ours, one of a partner's, and what stands in AWS of what the rows say."""

    aws: MiniStack
    brokers: AwsBrokers
    proxy: HoldingProxy
    workers: Workers
    ours: AwsAccount
    theirs: PartnerAccount
    template: ScopeTemplate = field(default_factory=add_template)

    def ports(self) -> AwsPorts:
        return self.brokers.ports()

    def grant(self) -> Grant:
        prove(self.theirs, self.ours)
        return grant_to(self.theirs, self.ours, self.template, self)

    def names_in_aws(self) -> set[str]:
        return set(roles_in(self.aws, self.ours.account_id))

    def outlive(self, by: timedelta = LONG) -> None:
        """Have leases run out, and all that waits come due: by a few minutes' time."""
        now = database_now()
        PartnerRole.objects.filter(leased_until__isnull=False).update(leased_until=F("leased_until") - by)
        PartnerRole.objects.filter(unsure_until__isnull=False).update(unsure_until=F("unsure_until") - by)
        PartnerRole.objects.exclude(due_at=None).update(due_at=now)


def roles_in(aws: MiniStack, account: str) -> dict[str, Any]:
    """Return what AWS has under the path of partners' roles, by name, as the account's owner sees it."""
    found = aws.root("iam", account).get_paginator("list_roles").paginate(PathPrefix=PARTNERS_PATH)
    return {role["RoleName"]: role for page in found for role in page["Roles"]}


def build(aws: MiniStack, hub: HubCredentials, url: str) -> AwsBrokers:
    return AwsBrokers.build(hub=hub, region=REGION, endpoint_url=url)


@contextlib.contextmanager
def before(aws: MiniStack) -> Iterator[HoldingProxy]:
    with holding_proxy(int(aws.url.rpartition(":")[2])) as proxy:
        yield proxy

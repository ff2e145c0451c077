"""With the portal, worker and Redis gone, access still ends at the grant's end, to the second: AWS does it."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.servers.aws_outcome import ALLOWED, assert_ends_on_the_second, outcome, watch
from tests.servers.demo import ROOT, Demo, running_demo
from tests.servers.sandbox import Sandbox

pytestmark = [pytest.mark.xdist_group("demo-gone"), pytest.mark.thorough]
BUCKET = "meadow-logs"
ACCOUNT = "222233334444"
OBJECT = "2026/11/20/shop.log"
ISSUE = """
import json, sys, django
django.setup()
from datetime import timedelta
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.grants.make_grant import GrantOrder, make_grant
from portal.catalog.models import AwsRole
from portal.directory.models import ExternalIdentity, Person
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.wiring import aws_ports

dora = Person.objects.get(name="Dora Weiss")
ExternalIdentity.objects.filter(person=dora).update(confirmed_at=database_now())  # as if she had signed in
role = AwsRole.objects.get(name="ProductionReadOnly")
order = GrantOrder(person_id=dora.pk, role_id=role.pk, reason="test", ends_at=database_now() + timedelta(seconds=61))
grant = make_grant(order=order, aws=aws_ports(), actor=Actor.command("test"))
actor = Actor(kind=ActorKind.PERSON, label=dora.name, person_id=dora.pk)
issued = issue_credentials(grant_id=grant.pk, aws=aws_ports(), actor=actor)
keys = issued.credentials
json.dump({
    "ends_at": grant.ends_at.isoformat(), "session": aws_ports().session_name(grant.pk), "role_arn": role.arn,
    "AccessKeyId": keys.access_key_id, "SecretAccessKey": keys.secret_access_key,
    "SessionToken": keys.session_token, "Expiration": keys.expires_at.isoformat(),
}, sys.stdout)
"""


def test_access_ends_on_the_second_with_everything_of_ours_gone(tmp_path: Path) -> None:
    with running_demo(tmp_path / "home") as demo:
        aws, issued = demo.sandbox, issue(demo)
        ends_at = datetime.fromisoformat(issued["ends_at"])
        session_arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/ProductionReadOnly/{issued['session']}"
        let_in_by_bucket(aws, session_arn)
        twin = without_the_clause(aws, issued["role_arn"])
        demo.kill("web", "worker", "beat", "valkey")

        s3, twin_s3 = aws.client("s3", issued), aws.client("s3", twin)
        # The bucket's policy names the session itself, and doesn't let it live on.
        answers = watch(lambda: s3.get_object(Bucket=BUCKET, Key=OBJECT), end=ends_at.timestamp())
        assert_ends_on_the_second(answers, ends_at.timestamp())
        assert datetime.fromisoformat(issued["Expiration"]) > datetime.now(UTC), "their own end lies ahead"
        assert outcome(lambda: twin_s3.get_object(Bucket=BUCKET, Key=OBJECT)) == ALLOWED


def issue(demo: Demo) -> dict[str, Any]:
    """Make a grant of a minute and take credentials, by the product's own operations, beside the running demo."""
    found = subprocess.run(
        [sys.executable, "-c", ISSUE],
        env={**os.environ, **environment(demo)},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    issued: dict[str, Any] = json.loads(found.stdout)
    return issued


def environment(demo: Demo) -> dict[str, str]:
    """Return the demo's own environment, as its web process has it."""
    raw = Path(f"/proc/{demo.pids['web']}/environ").read_bytes().split(b"\0")
    pairs = (item.decode().partition("=") for item in raw if item)
    return {name: value for name, _, value in pairs if name.startswith(("SALLYPORT_", "DJANGO_"))}


def let_in_by_bucket(aws: Sandbox, session_arn: str) -> None:
    """Give the bucket a policy that names the session: a way round any condition on an Allow alone."""
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": session_arn},
                "Action": "s3:GetObject",
                "Resource": f"arn:aws:s3:::{BUCKET}/*",
            }
        ],
    }
    aws.root("s3", ACCOUNT).put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))


def without_the_clause(aws: Sandbox, role_arn: str) -> dict[str, str]:
    """Assume the same role with the hub's key, without the clause that ends it."""
    answer = aws.hub("sts").assume_role(RoleArn=role_arn, RoleSessionName="twin-without-the-clause")
    found: dict[str, str] = answer["Credentials"]
    return found

"""What a partner is handed over, pasted into unmodified tools, against a stand-in that judges: it lets them in."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from brokers.types import AcceptedExternalId, Credentials
from portal.web.presenters import hand_over
from portal.web.presenters.first_calls import first_call
from portal.web.presenters.hand_over import Way, boto3, cli_profile, own_side_policy
from tests.integration.brokers.aws.estate import BUCKET, OTHER_BUCKET, allow, policy
from tests.integration.brokers.aws.partner_estate import HOUR, PARTNER, STRANGER, Partners, scope
from tests.servers.aws_cli import AWS_CLI
from tests.servers.ministack import REGION

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("ministack")]
LISTS = scope(
    allow(["s3:ListBucket"], f"arn:aws:s3:::{BUCKET}"), allow(["s3:GetObject"], f"arn:aws:s3:::{BUCKET}/*")
)
READ_BY_PROFILE = """
import boto3, sys
s3 = boto3.Session(profile_name=sys.argv[1]).client("s3")
print(s3.get_object(Bucket=sys.argv[2], Key="plan.txt")["Body"].read().decode())
"""
READ_BY_SNIPPET = """
import sys
from sallyport_session import sallyport_session
session = sallyport_session()
print(session.client("s3").get_object(Bucket=sys.argv[1], Key="plan.txt")["Body"].read().decode())
print(type(session.get_credentials()).__name__)
"""


def way(partners: Partners, **changes: object) -> Way:
    """A real role for the partner's account, and the facts that its page would have."""
    external_id = str(uuid4())
    spec, standing = partners.made(policy=LISTS, external_ids=(AcceptedExternalId(external_id),), **changes)
    return Way(
        profile="reports-4f2a91",
        role_arn=standing.arn,
        external_id=external_id,
        principal=spec.principal_arn,
        region=REGION,
        seconds=3600,
        first=first_call(LISTS),
        endpoint_url=partners.aws.url,
    )


def ran(command: list[str], home: Path, key: Credentials, given: Way) -> "subprocess.CompletedProcess[str]":
    """Run a client of the partner's: its own key, the profile as it was handed over, and nothing else."""
    (home / "config").write_text(cli_profile(given))
    (home / "credentials").write_text(
        f"[default]\naws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret_access_key}\n"
    )
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_CONFIG_FILE": str(home / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "PYTHONPATH": str(home),
    }
    return subprocess.run(
        command, env=env, capture_output=True, text=True, check=False, timeout=120, cwd=home
    )


def key_of(partners: Partners, account: str = PARTNER, user: str = "ci") -> Credentials:
    return partners.users[account, user]


@pytest.mark.thorough
def test_the_commands_of_the_page_in_the_aws_cli(partners: Partners, tmp_path: Path) -> None:
    aws, given = AWS_CLI, way(partners)
    key = key_of(partners)
    who, lists = (line.replace("aws ", f"{aws} ", 1) for line in hand_over.test_commands(given).splitlines())
    told = ran(["bash", "-c", f"{who} --output json"], tmp_path, key, given)
    assert told.returncode == 0, told.stderr
    name = given.role_arn.rpartition("/")[2]
    assert f":assumed-role/{name}/sallyport" in json.loads(told.stdout)["Arn"]
    listed = ran(["bash", "-c", lists], tmp_path, key, given)
    assert "plan.txt" in listed.stdout, listed.stderr
    elsewhere = ran(["bash", "-c", lists.replace(BUCKET, OTHER_BUCKET)], tmp_path, key, given)
    assert elsewhere.returncode != 0
    assert "AccessDenied" in elsewhere.stderr
    wrong = replace(given, external_id=str(uuid4()))
    refused = ran(["bash", "-c", who], tmp_path, key, wrong)
    assert refused.returncode != 0
    # The page says so of this very answer.
    assert re.search(r"AccessDenied.*sts:AssumeRole|AccessDenied.*AssumeRole", refused.stderr, re.DOTALL)


@pytest.mark.thorough
def test_the_profile_in_boto3_and_who_it_is_for(partners: Partners, tmp_path: Path) -> None:
    given = way(partners)
    command = [sys.executable, "-c", READ_BY_PROFILE, given.profile, BUCKET]
    read = ran(command, tmp_path, key_of(partners), given)
    assert read.stdout == "the plan\n", read.stderr
    for who, told in (
        (key_of(partners, STRANGER), given),
        (key_of(partners), replace(given, external_id=str(uuid4()))),
    ):
        refused = ran(command, tmp_path, who, told)
        assert refused.returncode != 0
        assert "AccessDenied" in refused.stderr
        assert "AssumeRole" in refused.stderr


@pytest.mark.thorough
def test_the_boto3_snippet_reads_and_refreshes_by_itself(partners: Partners, tmp_path: Path) -> None:
    given = way(partners)
    (tmp_path / "sallyport_session.py").write_text(boto3(given))
    key = key_of(partners)
    read = ran([sys.executable, "-c", READ_BY_SNIPPET, BUCKET], tmp_path, key, given)
    assert read.stdout == "the plan\nDeferredRefreshableCredentials\n", read.stderr
    itself = ran([sys.executable, "sallyport_session.py"], tmp_path, key, given)
    assert ":assumed-role/" in itself.stdout, itself.stderr
    elsewhere = ran([sys.executable, "-c", READ_BY_SNIPPET, OTHER_BUCKET], tmp_path, key, given)
    assert "AccessDenied" in elsewhere.stderr
    (tmp_path / "sallyport_session.py").write_text(boto3(replace(given, external_id=str(uuid4()))))
    refused = ran([sys.executable, "-c", READ_BY_SNIPPET, BUCKET], tmp_path, key, given)
    assert "AccessDenied" in refused.stderr
    assert "AssumeRole" in refused.stderr


def test_new_credentials_are_asked_for_before_the_old_ones_end(partners: Partners, tmp_path: Path) -> None:
    """With a clock that stands an hour later the snippet's session asks again, and gets in again."""
    given = way(partners, ends_at=datetime.now(UTC) + 3 * HOUR)
    (tmp_path / "sallyport_session.py").write_text(boto3(given))
    script = (
        "import datetime\n"
        "import botocore.credentials as credentials\n"
        "from sallyport_session import sallyport_session\n"
        "session = sallyport_session()\n"
        "s3 = session.client('s3')\n"
        f"s3.get_object(Bucket={BUCKET!r}, Key='plan.txt')\n"
        "first = session.get_credentials().get_frozen_credentials().access_key\n"
        "now = credentials._local_now\n"
        "later = lambda: now() + datetime.timedelta(minutes=55)\n"
        "credentials._local_now = session.get_credentials()._time_fetcher = later\n"
        f"s3.get_object(Bucket={BUCKET!r}, Key='plan.txt')\n"
        "print(session.get_credentials().get_frozen_credentials().access_key != first)\n"
    )
    done = ran([sys.executable, "-c", script], tmp_path, key_of(partners), given)
    assert done.stdout == "True\n", done.stderr


@pytest.mark.thorough
def test_the_policy_for_their_own_side_is_what_they_need(partners: Partners, tmp_path: Path) -> None:
    given, iam = way(partners), partners.aws.root("iam", PARTNER)
    command = [sys.executable, "-c", READ_BY_PROFILE, given.profile, BUCKET]
    iam.create_user(UserName="fresh")
    try:
        key = iam.create_access_key(UserName="fresh")["AccessKey"]
        fresh = Credentials(
            key["AccessKeyId"], key["SecretAccessKey"], "", datetime.now(UTC) + timedelta(hours=1)
        )
        other = way(partners)
        iam.put_user_policy(UserName="fresh", PolicyName="In", PolicyDocument=own_side_policy(given))
        assert ran(command, tmp_path, fresh, given).stdout == "the plan\n"
        assert "AccessDenied" in ran(command, tmp_path, fresh, other).stderr
        iam.put_user_policy(UserName="fresh", PolicyName="In", PolicyDocument=policy(allow("s3:*")))
        assert "AccessDenied" in ran(command, tmp_path, fresh, given).stderr
    finally:
        iam.delete_user_policy(UserName="fresh", PolicyName="In")
        iam.delete_access_key(UserName="fresh", AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName="fresh")

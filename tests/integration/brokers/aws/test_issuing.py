"""Issuing at MiniStack: scopes, names, trust, and the credentials in other people's tools."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from brokers.aws import AwsBrokers, HubCredentials
from brokers.aws.session_names import TAG_GRANT, TAG_PERSON, grant_of, session_name, source_identity
from brokers.errors import AwsAccessDenied, AwsRefused, NotPossible
from brokers.types import AssumeRoleCall, FederationTokenCall, IssuedSession, Partition
from tests.integration.brokers.aws.estate import (
    BUCKET,
    HUB,
    HUB_BUCKET,
    OTHER_BUCKET,
    ROLE,
    ROLE_ARN,
    TARGET,
    Estate,
    assert_denied,
    is_denied,
    policy,
    reading,
)
from tests.servers.aws_cli import AWS_CLI
from tests.servers.ministack import REGION, MiniStack, clean_environment


def call(**changes: Any) -> AssumeRoleCall:
    made = AssumeRoleCall(
        role_arn=ROLE_ARN,
        session_name=session_name(uuid4()),
        duration=timedelta(hours=1),
        max_session=timedelta(hours=1),
        ends_at=datetime.now(UTC) + timedelta(hours=2),
    )
    return replace(made, **changes)


def test_a_scope_narrows_the_role_to_reading_one_bucket(estate: Estate, aws: MiniStack) -> None:
    scoped, whole = estate.role_session(scope=reading()), estate.role_session()
    assert not is_denied(estate.get(scoped))
    assert_denied(
        lambda: aws.as_session("s3", scoped.credentials).put_object(Bucket=BUCKET, Key="k", Body=b"")
    )
    assert_denied(estate.get(scoped, OTHER_BUCKET))
    aws.as_session("s3", whole.credentials).put_object(Bucket=BUCKET, Key="k", Body=b"")
    assert not is_denied(estate.get(whole, OTHER_BUCKET))


def test_the_session_is_named_after_the_grant_and_carries_its_tags(brokers: AwsBrokers) -> None:
    grant, person = uuid4(), uuid4()
    issued = brokers.credentials.assume_role(
        call(
            session_name=session_name(grant),
            tags={TAG_GRANT: str(grant), TAG_PERSON: str(person)},
            source_identity=source_identity(person),
        )
    )
    assert issued.arn == f"arn:aws:sts::{TARGET}:assumed-role/{ROLE}/{session_name(grant)}"
    assert grant_of(issued.userid.partition(":")[2]) == grant
    assert issued.request_id
    assert issued.packed_policy_percent == 0
    left = issued.credentials.expires_at - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(minutes=60)


def test_the_trust_policy_and_its_external_id_decide(estate: Estate, aws: MiniStack) -> None:
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{HUB}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "3f1c"}},
    }
    aws.root("iam", TARGET).create_role(RoleName="Partner", AssumeRolePolicyDocument=policy(trust))
    asked = call(role_arn=f"arn:aws:iam::{TARGET}:role/Partner")
    for wrong in (None, "other"):
        with pytest.raises(AwsAccessDenied) as caught:
            estate.brokers.credentials.assume_role(replace(asked, external_id=wrong))
        assert caught.value.operation == "sts:AssumeRole"
    assert estate.brokers.credentials.assume_role(replace(asked, external_id="3f1c")).userid


def test_federated_credentials_work_within_their_scope_only(estate: Estate) -> None:
    session = estate.federated_session()
    assert session.arn.startswith(f"arn:aws:sts::{HUB}:federated-user/sp-")
    assert not is_denied(estate.get(session, HUB_BUCKET))
    s3 = estate.aws.as_session("s3", session.credentials)
    assert_denied(lambda: s3.put_object(Bucket=HUB_BUCKET, Key="k", Body=b""))


def test_a_hub_on_temporary_credentials_chains_and_cannot_federate(aws: MiniStack, estate: Estate) -> None:
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{TARGET}:role/SallyportRevoker"},
        "Action": "sts:AssumeRole",
    }
    aws.root("iam", TARGET).create_role(RoleName="Chained", AssumeRolePolicyDocument=policy(trust))
    found = estate.brokers.hub.sts().assume_role(
        RoleArn=f"arn:aws:iam::{TARGET}:role/SallyportRevoker", RoleSessionName="instance"
    )["Credentials"]
    hub = HubCredentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
    chained = AwsBrokers.build(hub=hub, region=REGION, endpoint_url=aws.url)
    asked = call(role_arn=f"arn:aws:iam::{TARGET}:role/Chained")
    assert chained.credentials.assume_role(asked).userid
    assert chained.ports().hub_is_chained
    asked_token = FederationTokenCall(Partition.AWS, "sp-x", timedelta(hours=1), asked.ends_at)
    with pytest.raises(NotPossible, match="long-lived access key"):
        chained.credentials.get_federation_token(asked_token)


def test_a_wrong_hub_key_is_a_refusal_that_names_no_secret(aws: MiniStack, hub_key: HubCredentials) -> None:
    wrong = HubCredentials(hub_key.access_key_id, "not-the-secret")
    brokers = AwsBrokers.build(hub=wrong, region=REGION, endpoint_url=aws.url)
    with pytest.raises(AwsRefused) as caught:
        brokers.credentials.assume_role(call())
    assert caught.value.aws_code == "SignatureDoesNotMatch"
    assert "not-the-secret" not in str(caught.value)


def environment(session: IssuedSession, url: str, home: str) -> dict[str, str]:
    """What the portal's page shows as exports, and where AWS is; nothing else of AWS's."""
    return {
        **clean_environment(),
        "HOME": home,
        "AWS_ACCESS_KEY_ID": session.credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.credentials.secret_access_key,
        "AWS_SESSION_TOKEN": session.credentials.session_token,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
    }


def test_unmodified_boto3_uses_the_credentials(estate: Estate, tmp_path: Any) -> None:
    session = estate.role_session(scope=reading())
    script = (
        "import boto3; s3 = boto3.client('s3');"
        f"print(s3.get_object(Bucket={BUCKET!r}, Key='plan.txt')['Body'].read().decode());"
        "print(boto3.client('sts').get_caller_identity()['Arn'])"
    )
    env = environment(session, estate.aws.url, str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, check=True, timeout=60
    )
    assert done.stdout.decode().split("\n")[:2] == ["the plan", session.arn]


@pytest.mark.services
@pytest.mark.thorough
def test_the_unmodified_aws_cli_uses_the_credentials(estate: Estate, tmp_path: Any) -> None:
    session = estate.role_session(scope=reading())
    env = environment(session, estate.aws.url, str(tmp_path))
    command = [AWS_CLI, "--endpoint-url", estate.aws.url, "--output", "json"]

    def run(*words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([*command, *words], env=env, capture_output=True, check=False, timeout=120)

    who = run("sts", "get-caller-identity")
    assert json.loads(who.stdout)["Arn"] == session.arn, who.stderr
    got = run("s3api", "get-object", "--bucket", BUCKET, "--key", "plan.txt", str(tmp_path / "got"))
    assert got.returncode == 0, got.stderr
    assert (tmp_path / "got").read_bytes() == b"the plan"
    denied = run("s3api", "get-object", "--bucket", OTHER_BUCKET, "--key", "plan.txt", str(tmp_path / "no"))
    assert denied.returncode != 0
    assert b"AccessDenied" in denied.stderr

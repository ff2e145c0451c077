"""A service gets cross-account roles through the API: one token, two roles in two accounts, against the stand-in."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from portal import wiring
from portal.access.models import Grant
from portal.access.operations.grants.make_grant import GrantOrder, make_grant
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.catalog.models import AwsAccount, AwsRole
from portal.directory.models import ApiToken, Person
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from tests.integration.api.calling import caller, problem, send
from tests.integration.kill_switch.house import build_ports
from tests.servers.sandbox import Sandbox, sandbox
from tests.world import make_person

SHELL = Actor.command("tests")
ISSUE = ApiToken.Scope.ISSUE_CREDENTIALS
SHOP, TIDES = "ProductionReadOnly", "DataAnalyst"
BUCKETS = {SHOP: "meadow-logs", TIDES: "harbor-measurements"}

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(180),
]


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_real_aws(stand_in: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the fake of this folder: the real brokers, against the stand-in."""
    ports = build_ports(stand_in)
    monkeypatch.setattr(wiring, "aws_ports", lambda: ports)


def granted(stand_in: Sandbox, service: Person, name: str) -> Grant:
    """Grant a role of the estate to a service, for an hour."""
    found = next(role for role in stand_in.estate["roles"] if role["name"] == name)
    known = next(each for each in stand_in.estate["accounts"] if each["account_id"] == found["account_id"])
    account, _ = AwsAccount.objects.get_or_create(
        account_id=known["account_id"],
        defaults={"name": known["name"], "revoker_role_arn": known["revoker_role_arn"]},
    )
    role, _ = AwsRole.objects.get_or_create(
        account=account,
        name=name,
        defaults={"title": name, "path": found["path"], "unique_id": found["role_id"]},
    )
    order = GrantOrder(
        person_id=service.pk,
        role_id=role.pk,
        ends_at=database_now() + timedelta(hours=1),
        reason="The nightly report reads both",
    )
    return make_grant(order=order, aws=wiring.aws_ports(), actor=SHELL)


def fetched(service: Any, grant: Grant) -> dict[str, str]:
    answer = send(service, "post", f"/api/v1/grants/{grant.pk}/credentials")
    assert answer.status_code in {200, 201}, answer.content
    assert "no-store" in answer["Cache-Control"]
    body: dict[str, str] = answer.json()
    return body


def may_list(stand_in: Sandbox, credentials: dict[str, str], bucket: str) -> bool:
    try:
        stand_in.client("s3", credentials).list_objects_v2(Bucket=bucket)
    except ClientError as refused:
        if refused.response["Error"]["Code"] != "AccessDenied":
            raise
        return False
    return True


def test_one_token_fetches_two_roles_in_two_accounts(stand_in: Sandbox) -> None:
    report = make_person("Nightly report")
    grants = {name: granted(stand_in, report, name) for name in BUCKETS}
    accounts = {grant.role.account.account_id for grant in grants.values()}
    assert len(accounts) == 2
    service = caller(report, ISSUE, ApiToken.Scope.READ_GRANTS)

    listed = send(service, "get", "/api/v1/grants").json()["results"]
    assert {each["id"] for each in listed} == {str(grant.pk) for grant in grants.values()}

    for name, grant in grants.items():
        credentials = fetched(service, grant)
        said = stand_in.client("sts", credentials).get_caller_identity()
        assert said["Account"] == grant.role.account.account_id
        assert f":assumed-role/{name}/" in said["Arn"]
        # Each opens its own account's bucket, and not the other's.
        assert {other: may_list(stand_in, credentials, bucket) for other, bucket in BUCKETS.items()} == {
            other: other == name for other in BUCKETS
        }


def test_one_service_gets_nothing_by_the_other_s_grant_or_with_a_smaller_token(stand_in: Sandbox) -> None:
    report, backup = make_person("Nightly report"), make_person("Backup")
    theirs, own = granted(stand_in, report, SHOP), granted(stand_in, backup, TIDES)
    address = f"/api/v1/grants/{theirs.pk}/credentials"
    problem(send(caller(backup, ISSUE), "post", address), 404, "not_found")
    assert fetched(caller(backup, ISSUE), own)["AccessKeyId"].startswith("ASIA")
    problem(send(caller(report, ApiToken.Scope.READ_GRANTS), "post", address), 403, "insufficient_scope")
    assert fetched(caller(report, ISSUE), theirs)["AccessKeyId"].startswith("ASIA")


def test_ending_one_grant_leaves_the_other_to_the_service(stand_in: Sandbox) -> None:
    report = make_person("Nightly report")
    shop, tides = granted(stand_in, report, SHOP), granted(stand_in, report, TIDES)
    service = caller(report, ISSUE)
    fetched(service, shop)
    revoke_grant(grant_id=shop.pk, reason="The report needs it no more", actor=SHELL)
    refused = problem(send(service, "post", f"/api/v1/grants/{shop.pk}/credentials"), 409, "conflict")
    assert refused["detail"].startswith("This grant has ended")
    assert may_list(stand_in, fetched(service, tides), BUCKETS[TIDES])

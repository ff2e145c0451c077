"""Every write through the admin leaves its audit row in the same transaction, and is checked as a whole row."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory

from portal.catalog.models import AwsAccount, AwsRole, ScopeTemplate
from portal.directory.models import Group, Partner, Person
from portal.staff import base
from tests.fakes import UNAVAILABLE, FakeAws, role_id_of
from tests.integration.staff.pages import errors_of, fields_of, said, save, trail
from tests.world import HOUR, make_grant, make_role, signed_in

pytestmark = pytest.mark.django_db
ACCOUNTS = "/manage/catalog/awsaccount/"
ROLES = "/manage/catalog/awsrole/"
# What a browser sends along of the account's hub, where nothing is said of one.
NO_HUB = {"hub-TOTAL_FORMS": "0", "hub-INITIAL_FORMS": "0"}


@pytest.fixture
def client(root: Person) -> Client:
    return signed_in(root)


def role_form(account: AwsAccount, **changes: str) -> dict[str, str]:
    known = {
        "title": "Deploy",
        "account": str(account.pk),
        "method": "assume_role",
        "path": "/",
        "name": "Deploy",
        "max_session_seconds": "3600",
        "factor_minutes": "0",
        "allows_console": "on",
        "is_enabled": "on",
        "is_writable": "on",
    }
    return {**known, **changes}


def test_adding_changing_and_deleting_leave_their_rows(client: Client, root: Person) -> None:
    sent = {
        "name": "Staging",
        "account_id": "123456789012",
        "partition": "aws",
        "revoker_role_arn": "",
        **NO_HUB,
    }
    client.post(f"{ACCOUNTS}add/", sent)
    account = AwsAccount.objects.get()
    client.post(f"{ACCOUNTS}{account.pk}/change/", {**sent, "name": "Testing"})
    client.post(f"{ACCOUNTS}{account.pk}/delete/", {"post": "yes"})
    assert not AwsAccount.objects.exists()
    added, changed, deleted = (trail(f"staff.record.{kind}") for kind in ("added", "changed", "deleted"))
    assert [len(rows) for rows in (added, changed, deleted)] == [1, 1, 1]
    assert changed[0].details["fields"] == ["name"]
    assert changed[0].details["values"] == {"name": "Testing"}
    for row in (added[0], changed[0], deleted[0]):
        assert (row.actor_id, row.details["record"], row.details["id"]) == (
            root.pk,
            "AWS account",
            str(account.pk),
        )


def test_saving_without_a_change_says_nothing(client: Client, account: AwsAccount) -> None:
    assert save(client, f"{ACCOUNTS}{account.pk}/change/").status_code == 302
    assert trail("staff.record.changed") == []


@pytest.mark.parametrize("act", ["add", "change", "delete"])
def test_without_its_audit_row_nothing_is_written(
    root: Person, account: AwsAccount, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError("the trail can't be written")

    monkeypatch.setattr(base, "record", fails)
    client = Client(raise_request_exception=False)
    client.force_login(root)
    sent = {"name": "New", "account_id": "123456789012", "partition": "aws", "post": "yes", **NO_HUB}
    address = f"{ACCOUNTS}add/" if act == "add" else f"{ACCOUNTS}{account.pk}/{act}/"
    assert client.post(address, sent).status_code == 500
    assert [row.name for row in AwsAccount.objects.all()] == [account.name]


def test_an_old_form_brings_back_nothing_that_it_did_not_change(db: None) -> None:
    """Saving writes the changed columns alone: what another wrote since the row was read stays."""
    role = make_role("Deploy", name="Deploy")
    stale = AwsRole.objects.get(pk=role.pk)
    AwsRole.objects.filter(pk=role.pk).update(is_enabled=False)
    form = SimpleNamespace(changed_data=["description"])
    stale.description = "For releases"
    admin.site._registry[AwsRole].save_model(RequestFactory().post("/"), stale, form, change=True)
    role.refresh_from_db()
    assert (role.description, role.is_enabled) == ("For releases", False)


def test_what_history_needs_is_not_deleted(client: Client, ben: Person) -> None:
    grant = make_grant(ben)
    page = client.post(f"{ROLES}{grant.role_id}/delete/", {"post": "yes"})
    assert page.status_code == 200
    assert "Cannot delete AWS role" in page.content.decode()
    assert AwsRole.objects.filter(pk=grant.role_id).exists()


def test_many_are_not_deleted_at_once(client: Client, account: AwsAccount) -> None:
    client.post(ACCOUNTS, {"action": "delete_selected", "_selected_action": [str(account.pk)], "post": "yes"})
    assert AwsAccount.objects.exists()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": "*"}, "name"),
        ({"name": "Dep loy"}, "name"),
        ({"name": "Deploy\u0430"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"path": "team"}, "path"),
        ({"path": "/te*m/"}, "path"),
        ({"max_session_seconds": "3599"}, "__all__"),
        ({"max_session_seconds": "43201"}, "__all__"),
        ({"allows_console": ""}, "__all__"),
        ({"method": "federation_token"}, "__all__"),
        ({"account": "nonsense"}, "account"),
        ({"probe": "nonsense"}, "probe"),
    ],
)
def test_roles_that_aws_or_we_refuse(
    client: Client, account: AwsAccount, changed: dict[str, str], field: str
) -> None:
    sent = {name: value for name, value in {**role_form(account), **changed}.items() if value}
    assert set(errors_of(client.post(f"{ROLES}add/", sent))) == {field}
    assert not AwsRole.objects.exists()
    assert errors_of(client.post(f"{ROLES}add/", role_form(account))) == {}


@pytest.mark.parametrize(
    "changed",
    [
        {"is_writable": ""},
        {"name": "AWSServiceRoleForSupport"},
        {"path": "/aws-service-role/support.amazonaws.com/"},
        {"name": "AWSReservedSSO_Admin_0123456789abcdef"},
        {"path": "/aws-reserved/sso.amazonaws.com/"},
    ],
)
def test_a_role_without_a_kill_switch_may_be_enabled_and_says_what_that_means(
    client: Client, account: AwsAccount, changed: dict[str, str]
) -> None:
    sent = {name: value for name, value in role_form(account, **changed).items() if value}
    page = client.post(f"{ROLES}add/", sent, follow=True)
    assert "nothing cuts its sessions short" in said(page)
    assert not AwsRole.objects.get().has_kill_switch
    AwsRole.objects.all().delete()
    page = client.post(f"{ROLES}add/", role_form(account), follow=True)
    assert AwsRole.objects.get().has_kill_switch
    assert "nothing cuts" not in said(page)


def test_taking_the_kill_switch_away_counts_the_grants_that_lose_it(client: Client, ben: Person) -> None:
    grant = make_grant(ben)
    address = f"{ROLES}{grant.role.pk}/change/"
    sent = {name: value for name, value in fields_of(client.get(address)).items() if name != "is_writable"}
    assert "1 of its grants are living now" in said(client.post(address, sent, follow=True))


def test_a_roles_id_is_read_from_aws_after_the_commit(
    client: Client, account: AwsAccount, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"{ROLES}add/", role_form(account))
    role = AwsRole.objects.get()
    assert role.unique_id == role_id_of(role.name)
    assert trail("staff.record.changed")[0].details["values"] == {"unique_id": role.unique_id}


def test_aws_out_of_reach_blocks_no_saving(client: Client, account: AwsAccount, aws: FakeAws) -> None:
    aws.fail["unique_id"] = UNAVAILABLE
    role = make_role("Deploy", name="Deploy", unique_id="")
    page = client.post(ROLES, {"action": "read_from_aws", "_selected_action": [str(role.pk)]}, follow=True)
    assert "not found in AWS" in said(page)
    del aws.fail["unique_id"]
    page = client.post(ROLES, {"action": "read_from_aws", "_selected_action": [str(role.pk)]}, follow=True)
    assert f"is in AWS as {role_id_of(role.name)}" in said(page)


def test_a_granted_role_stays_the_role_that_it_is(client: Client, ben: Person) -> None:
    role = make_grant(ben).role
    save(client, f"{ROLES}{role.pk}/change/", name="Another", path="/x/", title="Renamed")
    role.refresh_from_db()
    assert (role.title, role.name, role.path) == ("Renamed", "ReadOnly", "/")


def test_a_title_taken_is_an_error_and_not_a_crash(client: Client, ben: Person) -> None:
    role = make_grant(ben).role
    AwsRole.objects.create(account=role.account, title="Taken", name="Other")
    assert "__all__" in errors_of(save(client, f"{ROLES}{role.pk}/change/", title="Taken"))


def test_a_contract_is_not_cut_under_living_grants(client: Client, ben: Person) -> None:
    now = datetime.now(UTC)
    partner = Partner.objects.create(
        name="Hull", contract_starts_at=now - HOUR, contract_ends_at=now + 9 * HOUR
    )
    Person.objects.filter(pk=ben.pk).update(partner=partner)
    make_grant(ben)
    address = f"/manage/directory/partner/{partner.pk}/change/"

    def until(end: datetime) -> dict[str, list[str]]:
        both = {"contract_starts_at": partner.contract_starts_at, "contract_ends_at": end}
        parts = {f"{name}_0": f"{at:%Y-%m-%d}" for name, at in both.items()}
        return errors_of(
            save(client, address, **parts, **{f"{name}_1": f"{at:%H:%M:%S}" for name, at in both.items()})
        )

    assert "1 of its people's grants" in until(now + HOUR / 2)["contract_ends_at"][0]
    assert until(now + timedelta(hours=2)) == {}


def test_a_scope_with_an_unknown_placeholder_is_refused(client: Client) -> None:
    allow = '{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "%s"}'
    policy = f'{{"Version": "2012-10-17", "Statement": [{allow}]}}'
    sent = {
        "name": "One",
        "summary": "x",
        "parameters": '{"bucket": "bucket_name"}',
        "managed_policy_arns": "[]",
    }
    add = "/manage/catalog/scopetemplate/add/"
    assert errors_of(client.post(add, {**sent, "policy": policy % "arn:aws:s3:::{{bukket}}"}))
    assert not ScopeTemplate.objects.filter(library_key="").exists()
    assert errors_of(client.post(add, {**sent, "policy": policy % "arn:aws:s3:::{{bucket}}"})) == {}


def test_members_of_a_group_are_recorded(client: Client, ben: Person) -> None:
    group = Group.objects.create(name="Operators")
    rows = {"memberships-TOTAL_FORMS": "1", "memberships-0-person": str(ben.pk)}
    assert errors_of(save(client, f"/manage/directory/group/{group.pk}/change/", **rows)) == {}
    assert group.members.get() == ben
    assert trail("staff.record.changed")[0].details["fields"] == ["memberships"]

"""Roles of each call and hubs of accounts, as admins keep them: what is missing is named, secrets never come out."""

from typing import Any

import pytest
from django.test import Client

from portal.audit.models import AuditEvent
from portal.catalog.models import AccountHub, AwsAccount, AwsRole
from portal.directory.models import Person
from portal.kernel.sealing import unseal
from tests.fakes import FakeAws
from tests.integration.staff.pages import errors_of, save
from tests.proof_world import IN_IAM, POOL, oidc_provider, saml_provider, token_role
from tests.world import signed_in

pytestmark = pytest.mark.django_db
ADD = "/manage/catalog/awsrole/add/"
SECRET = "hub-secret/that+stands=nowhere"  # made up


@pytest.fixture
def client(root: Person, aws: FakeAws) -> Client:
    return signed_in(root)


def add(client: Client, account: AwsAccount, **fields: Any) -> dict[str, list[str]]:
    given = {"title": "New", "name": "New", "account": str(account.pk), **fields}
    return errors_of(save(client, ADD, **given))


def test_each_call_says_what_it_needs_and_is_kept_with_it(client: Client, account: AwsAccount) -> None:
    saml, oidc = str(saml_provider().pk), str(oidc_provider().pk)
    via = AwsRole.objects.create(account=account, title="Gate", name="Gate")
    off: dict[str, Any] = {"allows_console": None}
    cases: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("assume_role", {}, {"via": str(via.pk)}),
        ("saml", {}, {"provider_arn": IN_IAM, "vouched_by": saml}),
        ("web_identity", {}, {"vouched_by": oidc, "audience": "app"}),
        (
            "cognito",
            {},
            {"identity_pool_id": POOL, "login_name": "l", "vouched_by": oidc, "audience": "app"},
        ),
        ("cognito_developer", {}, {"identity_pool_id": POOL, "login_name": "l"}),
        ("session_token", off, {}),
        (
            "root_task",
            off | {"max_session_seconds": "900", "factor_minutes": "5"},
            {"root_task": "S3UnlockBucketPolicy"},
        ),
    ]
    for number, (method, given, needed) in enumerate(cases):
        named = {"title": method, "name": f"Role{number}", "method": method, **given}
        for name in needed if method != "assume_role" else ():
            refused = add(client, account, **named, **{**needed, name: ""})
            assert name in refused, (method, name, refused)
        assert add(client, account, **named, **needed) == {}, method
    assert AwsRole.objects.exclude(title="Gate").count() == len(cases)


def test_what_a_call_has_no_use_for_is_left_empty(client: Client, account: AwsAccount) -> None:
    refused = add(client, account, audience="app", root_task="S3UnlockBucketPolicy")
    assert set(refused) == {"audience", "root_task"}
    assert "no use" in refused["audience"][0]
    assert add(client, account) == {}


def test_who_vouches_must_speak_the_calls_language(client: Client, account: AwsAccount) -> None:
    saml, oidc = saml_provider(), oidc_provider()
    given = {"method": "saml", "provider_arn": IN_IAM}
    refused = add(client, account, **given, vouched_by=str(oidc.pk))
    assert "SAML" in refused["vouched_by"][0]
    elsewhere = IN_IAM.replace("222222222222", "333333333333")
    refused = add(client, account, method="saml", provider_arn=elsewhere, vouched_by=str(saml.pk))
    assert "in the role's account" in refused["provider_arn"][0]
    assert add(client, account, **given, vouched_by=str(saml.pk)) == {}


def test_a_granted_role_shows_what_its_call_takes_and_no_more(
    client: Client, make_role: Any, make_grant: Any, ben: Person
) -> None:
    role = token_role(make_role, oidc_provider())
    page = f"/manage/catalog/awsrole/{role.pk}/change/"
    shown = client.get(page).content.decode()
    assert 'name="via"' in shown, "the call can still be changed"
    make_grant(ben, role=role)
    shown = client.get(page).content.decode()
    assert 'name="audience"' in shown
    assert 'name="via"' not in shown
    assert errors_of(save(client, page, audience="another")) == {}
    role.refresh_from_db()
    assert role.audience == "another"


def test_a_root_task_asks_for_a_factor(client: Client, account: AwsAccount) -> None:
    given: dict[str, Any] = {
        "method": "root_task",
        "root_task": "IAMAuditRootUserCredentials",
        "max_session_seconds": "900",
        "allows_console": None,
    }
    assert "factor_minutes" in add(client, account, **given, factor_minutes="0")
    assert add(client, account, **given, factor_minutes="5") == {}


def test_via_is_one_role_reached_by_assume_role(client: Client, account: AwsAccount) -> None:
    first = AwsRole.objects.create(account=account, title="Gate", name="Gate")
    second = AwsRole.objects.create(account=account, title="Second", name="Second", via=first)
    assert "via" in add(client, account, via=str(second.pk))
    assert add(client, account, via=str(first.pk)) == {}


def hub(**fields: str) -> dict[str, str]:
    return {"hub-TOTAL_FORMS": "1", **{f"hub-0-{name}": value for name, value in fields.items()}}


def test_a_hubs_secret_goes_in_and_never_comes_out(client: Client, account: AwsAccount) -> None:
    page = f"/manage/catalog/awsaccount/{account.pk}/change/"
    keys = hub(kind="keys", region="eu-west-1", access_key_id="AKIAHUBHUBHUBHUB1")
    assert "hub-0-new_secret" in errors_of(save(client, page, **keys))
    assert errors_of(save(client, page, **keys, **{"hub-0-new_secret": SECRET})) == {}
    kept = AccountHub.objects.get()
    assert unseal(bytes(kept.secret)).decode() == SECRET
    shown = client.get(page).content.decode()
    assert SECRET not in shown
    assert "AKIAHUBHUBHUBHUB1, by the STS of eu-west-1" in shown
    assert SECRET not in str(list(AuditEvent.objects.values()))
    values = AuditEvent.objects.latest("pk").details["values"]
    told = ("AKIAHUBHUBHUBHUB1", "eu-west-1", "changed")
    assert tuple(values[f"hub.{name}"] for name in ("access_key_id", "region", "new_secret")) == told
    # Left empty, it stays; with another key it must be typed again.
    assert errors_of(save(client, page, **{"hub-0-region": ""})) == {}
    kept.refresh_from_db()
    assert (kept.region, unseal(bytes(kept.secret)).decode()) == ("", SECRET)
    other = {"hub-0-access_key_id": "AKIAANOTHERANOTHER1"}
    assert "hub-0-new_secret" in errors_of(save(client, page, **other))
    assert errors_of(save(client, page, **other, **{"hub-0-new_secret": SECRET[::-1]})) == {}


def test_another_kind_of_hub_drops_the_key(client: Client, account: AwsAccount) -> None:
    page = f"/manage/catalog/awsaccount/{account.pk}/change/"
    keys = hub(kind="keys", access_key_id="AKIAHUBHUBHUBHUB1", new_secret=SECRET)
    assert errors_of(save(client, page, **keys)) == {}
    role = "arn:aws:iam::222222222222:role/Hub"
    half = {"hub-0-kind": "role", "hub-0-role_arn": role}
    assert "hub-0-access_key_id" in errors_of(save(client, page, **half))
    whole = half | {"hub-0-access_key_id": ""}
    assert errors_of(save(client, page, **whole)) == {}
    kept = AccountHub.objects.get()
    assert (kept.kind, kept.role_arn, bytes(kept.secret)) == ("role", role, b"")


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"kind": "role"}, "role_arn"),
        ({"kind": "web_identity", "role_arn": "arn:aws:iam::222222222222:role/Hub"}, "token_file"),
        ({"kind": "ambient", "token_file": "/run/token"}, "token_file"),
        ({"kind": "ambient", "new_secret": SECRET}, "new_secret"),
    ],
)
def test_what_a_hub_lacks_is_named(
    client: Client, account: AwsAccount, given: dict[str, str], missing: str
) -> None:
    page = f"/manage/catalog/awsaccount/{account.pk}/change/"
    assert set(errors_of(save(client, page, **hub(**given)))) == {f"hub-0-{missing}"}
    assert errors_of(save(client, page, **hub(kind="ambient"))) == {}

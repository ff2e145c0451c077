"""A grant to a partner's AWS account has no person: every page, list, export and metric survives it, and says whose."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.access.models import Grant
from portal.access.operations.drift.reconcile import make_comparison
from portal.catalog.models import AwsAccount
from portal.directory.models import ApiToken
from portal.directory.operations.api_tokens import create_token
from portal.kernel.clock import database_now
from tests.fakes import FakeAws
from tests.partner_world import (
    DAY,
    THEIRS,
    add_account,
    add_partner,
    add_template,
    connect,
    grant_to,
    prove,
    row_of,
    work,
)
from tests.world import as_actor, make_person, signed_in

pytestmark = pytest.mark.django_db
SUBJECT = "Acme Robotics, production"


@pytest.fixture
def grant(aws: FakeAws) -> Grant:
    ours = connect(AwsAccount.objects.create(name="Data", account_id="222222222222"))
    theirs = add_account(add_partner())
    made = grant_to(theirs, ours, add_template(), aws)
    prove(theirs, ours)
    work(aws)
    return made


@pytest.fixture
def root(db: None) -> Any:
    return make_person("Ada Okafor", is_staff=True, is_superuser=True)


@pytest.fixture
def ada(root: Any) -> Client:
    return signed_in(root)


def page(client: Client, address: str) -> str:
    answer = client.get(address, headers={"HX-Request": "true"} if "/now/" in address else None)
    assert answer.status_code == 200, (address, answer.status_code)
    return answer.content.decode()


def test_its_own_pages_say_whose_it_is(grant: Grant, ada: Client) -> None:
    shown = page(ada, reverse("web:grant", args=[grant.pk]))
    assert SUBJECT in shown
    assert "Role made in AWS" in shown
    for name in ("revoke", "extend"):
        assert SUBJECT in page(ada, reverse(f"web:{name}", args=[grant.pk]))


def test_it_is_revoked_from_its_page_and_shows_its_end(grant: Grant, ada: Client, aws: FakeAws) -> None:
    answer = ada.post(reverse("web:revoke", args=[grant.pk]), {"reason": "over", "cut": "yes"})
    assert answer.status_code in {302, 303}
    assert row_of(grant).state == "closing"
    own, managed = (
        reverse("web:grant", args=[grant.pk]),
        reverse("admin:access_grant_change", args=[grant.pk]),
    )
    assert "AWS is being told to close its role" in page(ada, managed)
    work(aws)
    assert "Its role is gone: AWS says that there is none" in page(ada, managed)
    assert "Role gone" in page(ada, own)
    ada.get(reverse("web:cut-sessions", args=[grant.pk]))


def test_nothing_is_issued_from_its_page(grant: Grant, ada: Client) -> None:
    for name in ("credentials", "open-console"):
        answer = ada.post(reverse(f"web:{name}", args=[grant.pk]), {})
        assert answer.status_code in {403, 404}, name
    assert ada.get(reverse("web:release", args=[grant.pk])).status_code in {403, 404}


def test_strangers_find_nothing(grant: Grant) -> None:
    client = signed_in(make_person("Mallory Quick"))
    for name in ("grant", "revoke", "extend", "release", "cut-sessions"):
        assert client.get(reverse(f"web:{name}", args=[grant.pk])).status_code == 404, name
    assert SUBJECT not in page(client, reverse("web:my-access"))


@pytest.mark.parametrize("name", ["now", "now-state", "now-next", "now-cutoffs"])
def test_the_operators_page_survives_it(grant: Grant, ada: Client, name: str) -> None:
    Grant.objects.filter(pk=grant.pk).update(ends_at=database_now() + DAY / 48)
    shown = page(ada, reverse(f"web:{name}"))
    assert (SUBJECT in shown) == (name in {"now", "now-next"})


def test_the_operators_page_survives_one_past_its_end(grant: Grant, ada: Client) -> None:
    Grant.objects.filter(pk=grant.pk).update(ends_at=database_now() - DAY, starts_at=database_now() - 2 * DAY)
    assert SUBJECT in page(ada, reverse("web:now"))


def test_metrics_count_it(grant: Grant, settings: Any) -> None:
    settings.METRICS_TOKEN = "m" * 40
    answer = Client().get("/metrics", headers={"authorization": "Bearer " + "m" * 40})
    assert answer.status_code == 200
    assert 'sallyport_grants{state="active"} 1' in answer.content.decode()


def test_the_management_pages_survive_it(grant: Grant, ada: Client, root: Any) -> None:
    listed = reverse("admin:access_grant_changelist")
    assert SUBJECT in page(ada, listed)
    for term in ("acme", THEIRS, "production"):
        assert SUBJECT in page(ada, f"{listed}?q={term}"), term
    assert SUBJECT not in page(ada, f"{listed}?q=nothing-like-it")
    assert SUBJECT in page(ada, reverse("admin:access_grant_change", args=[grant.pk]))
    assert SUBJECT in page(ada, reverse("admin:access_grant_revoke", args=[grant.pk]))
    partner = grant.partner
    assert partner is not None
    assert SUBJECT in page(ada, reverse("admin:directory_partner_suspend", args=[partner.pk]))
    events = reverse("admin:audit_auditevent_changelist")
    for known in (grant.pk, partner.pk, grant.role_id):
        assert "access.partner_role.made" in page(ada, f"{events}?q={known}")
    page(ada, reverse("admin:directory_partner_change", args=[partner.pk]))
    page(ada, reverse("admin:directory_person_change", args=[root.pk]))


def test_its_role_is_nobodys_to_change_or_to_grant(grant: Grant, ada: Client) -> None:
    address = reverse("admin:catalog_awsrole_change", args=[grant.role_id])
    assert 'name="title"' not in page(ada, address)
    assert ada.post(address, {"title": "Mine now"}).status_code == 403
    assert (
        ada.post(reverse("admin:catalog_awsrole_delete", args=[grant.role_id]), {"post": "yes"}).status_code
        == 403
    )
    assert grant.role.name in page(ada, reverse("admin:catalog_awsrole_changelist"))
    assert "cross_account" not in page(ada, reverse("admin:catalog_awsrole_add"))
    asked = {"app_label": "access", "model_name": "grant", "field_name": "role"}
    assert grant.role.name not in ada.get(reverse("admin:autocomplete"), asked).content.decode()


def test_suspending_in_the_management_pages_takes_its_role(grant: Grant, ada: Client) -> None:
    partner = grant.partner
    assert partner is not None
    answer = ada.post(
        reverse("admin:directory_partner_suspend", args=[partner.pk]),
        {"reason": "a leak", "confirmed": "yes"},
    )
    assert answer.status_code == 302
    assert row_of(grant).state == "closing"


def test_the_api_says_whose_it_is(grant: Grant, root: Any, aws: FakeAws) -> None:
    actor = as_actor(root)
    scopes = [
        ApiToken.Scope.READ_GRANTS.value,
        ApiToken.Scope.REVOKE_GRANTS.value,
        ApiToken.Scope.MAKE_GRANTS.value,
    ]
    made = create_token(name="t", scopes=scopes, days=1, actor=actor)
    client = Client(headers={"authorization": f"Bearer {made.plain}"})
    later = (grant.ends_at + DAY).isoformat()
    answer = client.post(
        f"/api/v1/grants/{grant.pk}/extend", {"ends_at": later, "reason": "longer"}, "application/json"
    )
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["person"], told["subject"], told["partner"], told["partner_account"]) == (
        "",
        SUBJECT,
        "Acme Robotics",
        THEIRS,
    )
    answer = client.post(f"/api/v1/grants/{grant.pk}/revoke", {"reason": "over"}, "application/json")
    assert answer.status_code == 200, answer.content
    assert answer.json()["state"] == "revoked"
    assert row_of(grant).state == "closing"


def test_a_comparison_with_aws_leaves_it_alone(grant: Grant, ada: Client, aws: FakeAws) -> None:
    assert ada.post(reverse("web:difference-look"), {}).status_code == 303
    make_comparison(aws=aws.ports())
    assert grant.role.name not in page(ada, reverse("web:difference"))

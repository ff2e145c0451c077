"""Use it: all the ways to one grant's credentials on one page, none of which shows a secret."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.urls import reverse

from portal.access.models import AwsSession, Grant, UserKey
from portal.catalog.models import AwsRole
from portal.cli.grants import names, read_grant
from portal.directory.models import Person
from portal.kernel.clock import database_now
from portal.web.use_it import program_name
from tests.fakes import FakeAws
from tests.integration.api.calling import caller, send
from tests.vouched import tests_provider as usual_provider
from tests.world import make_admin, make_grant, make_role, make_scheduled, signed_in

pytestmark = pytest.mark.django_db


def page(person: Person, grant: Grant, status: int = 200) -> str:
    answer = signed_in(person).get(reverse("web:use-it", args=[grant.pk]))
    assert answer.status_code == status
    return answer.content.decode()


def test_every_way_is_there(ben: Person, aws: FakeAws) -> None:
    grant = make_grant(ben)
    account = grant.role.account
    shown = page(ben, grant)
    assert f'action="{reverse("web:open-console", args=[grant.pk])}"' in shown
    assert f'action="{reverse("web:credentials", args=[grant.pk])}"' in shown
    name = f"{account.name.lower().replace(' ', '-')}/production-read-only"
    assert f"sallyport exec {name} -- aws sts get-caller-identity" in shown
    assert f"credential_process = sallyport credentials {name} --format process" in shown
    assert "sallyport login --portal http://localhost:8000" in shown
    assert f"http://localhost:8000/go/{account.account_id}/ReadOnly" in shown
    assert reverse("web:programs", args=[grant.pk]) in shown
    assert "How AWS gives it" in shown
    assert aws.calls == []
    assert not AwsSession.objects.exists()


def test_it_is_its_own_persons_alone(ben: Person, mallory: Person) -> None:
    grant = make_grant(ben)
    page(mallory, grant, 404)
    page(make_admin("view_grant", "revoke_grant"), grant, 404)
    page(ben, grant)


def test_the_program_finds_it_by_the_name_that_is_shown(ben: Person) -> None:
    role = make_role()
    alone, first, second = make_grant(ben), make_grant(ben, role), make_grant(ben, role)
    told = send(caller(ben), "get", "/api/v1/grants").json()["results"]
    known = {grant.id: name for name, grant in names([read_grant(each) for each in told]).items()}
    for grant in (alone, first, second):
        assert program_name(grant) == known[str(grant.pk)]


def test_a_role_without_console_or_credentials_shows_the_other_alone(ben: Person) -> None:
    console = page(ben, make_grant(ben, make_role(allows_credentials=False)))
    assert "Open console" in console
    assert "sallyport exec" not in console
    keys = page(ben, make_grant(ben, make_role(allows_console=False)))
    assert "Open console" not in keys
    assert "To share" not in keys
    assert "sallyport exec" in keys


def test_a_grant_that_is_closed_says_why(ben: Person) -> None:
    shown = page(ben, make_scheduled(ben))
    assert "This grant starts only at" in shown
    assert "Open console" not in shown


@pytest.mark.parametrize(
    ("method", "door", "field", "option"),
    [
        ("saml", "saml", "assertion", "--assertion-file FILE"),
        ("web_identity", "web-identity", "token", "--id-token-file FILE"),
    ],
)
def test_what_takes_a_proof_along_says_where_it_is_handed_over(
    ben: Person, method: str, door: str, field: str, option: str
) -> None:
    role = make_role(
        method=method, vouched_by=usual_provider(), provider_arn="arn:aws:iam::1:x", audience="a"
    )
    grant = make_grant(ben, role)
    shown = page(ben, grant)
    assert f'action="{reverse("web:credentials", args=[grant.pk])}"' in shown, "a page takes it as well"
    assert f"/api/v1/exchange/{door}" in shown
    assert role.arn in shown
    assert f"&quot;{field}&quot;" in shown
    assert f"{option} -- aws" in shown
    assert "Open console" not in shown
    assert "To share" not in shown
    cards = signed_in(ben).get("/").content.decode()
    assert "How to use it" in cards
    assert "Open console" not in cards
    assert "Get credentials" not in cards


def test_what_can_not_be_had_now_has_no_button(ben: Person) -> None:
    soon = database_now() + timedelta(seconds=40)
    role = make_role(
        method="root_task",
        root_task="S3UnlockBucketPolicy",
        max_session_seconds=900,
        name="root",
        allows_console=False,
    )
    shown = page(ben, make_grant(ben, role, ends_at=soon))
    assert "the grant&#x27;s end is less than a minute away" in shown
    assert "Get credentials" not in shown
    assert "Get credentials" in page(ben, make_grant(ben, role))


def test_ones_own_user_gives_its_code(ben: Person) -> None:
    grant = make_grant(ben, make_role(method="session_token", name="ben", allows_console=False))
    shown = page(ben, grant)
    assert f"/api/v1/grants/{grant.pk}/credentials" in shown
    assert "mfa_code" in shown
    assert "--mfa -- aws" in shown
    assert f'href="{reverse("web:iam-users")}"' in shown, "where the device is entered that isn't known yet"


def test_a_page_takes_the_code_where_credentials_are_given_now(ben: Person) -> None:
    role = make_role(method="session_token", name="ben", allows_console=False)
    grant = make_grant(ben, role)
    device = {"access_key_id": "AKIA", "mfa_serial": "arn:aws:iam::1:mfa/ben", "kept_at": database_now()}
    UserKey.objects.create(role=role, person=ben, **device)
    way = f'action="{reverse("web:credentials", args=[grant.pk])}"'
    assert way in page(ben, grant)
    AwsRole.objects.filter(pk=role.pk).update(is_enabled=False)
    assert way not in page(ben, grant)


@pytest.mark.parametrize("gives", [True, False])
def test_a_page_takes_a_proof_only_of_a_role_that_gives_credentials(ben: Person, *, gives: bool) -> None:
    role = make_role(method="saml", vouched_by=usual_provider(), provider_arn="arn:aws:iam::1:x")
    AwsRole.objects.filter(pk=role.pk).update(allows_credentials=gives)
    grant = make_grant(ben, role)
    assert (f'action="{reverse("web:credentials", args=[grant.pk])}"' in page(ben, grant)) is gives


def test_the_stand_ins_place_is_in_the_profile(ben: Person, settings: LazySettings) -> None:
    settings.AWS_ENDPOINT_URL = "http://localhost:4566"
    assert "endpoint_url = http://localhost:4566" in page(ben, make_grant(ben))


def test_my_access_leads_there(ben: Person) -> None:
    grant = make_grant(ben)
    assert reverse("web:use-it", args=[grant.pk]) in signed_in(ben).get("/").content.decode()
    assert signed_in(ben).get(reverse("web:use-it", args=[uuid4()])).status_code == 404

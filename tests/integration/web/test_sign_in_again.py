"""Whose sign-in is too old is told what to do, on the page that they are on, with a link that does it."""

import pytest
from django.test import Client
from django.urls import reverse

from portal.directory.models import ExternalIdentity, Person
from tests.integration.web.saml_visits import make_provider
from tests.vouched import vouch
from tests.world import make_grant, make_person, signed_in

pytestmark = pytest.mark.django_db
AGAIN = "/sign-in/?again=1"


@pytest.fixture
def stale(db: None) -> Person:
    """Somebody who signed in once, 91 days ago."""
    person = make_person("Stella Old", vouched=False)
    identity = vouch(person)
    identity.confirmed_at = identity.confirmed_at and identity.confirmed_at - identity.provider.max_age
    identity.save()
    return person


@pytest.mark.parametrize("door", ["credentials", "open-console"])
def test_nothing_is_issued_and_the_page_leads_to_the_sign_in(stale: Person, door: str) -> None:
    answer = signed_in(stale).post(
        reverse(f"web:{door}", args=[make_grant(stale).pk]),
        {"destination": "https://console.aws.amazon.com/"},
    )
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "older than 90 days: sign in again at The tests" in page
    assert f'href="{AGAIN}"' in page


def test_the_sign_in_page_opens_to_somebody_who_is_signed_in_only_when_they_want_it_again(
    stale: Person,
) -> None:
    make_provider()
    client = signed_in(stale)
    assert client.get("/sign-in/").headers["Location"] == "/"
    page = client.get(AGAIN)
    assert page.status_code == 200
    assert b"Provider own" in page.content
    assert client.get("/").status_code == 200, "looking at it signs nobody out"


def test_my_access_says_so_before_anything_is_clicked(stale: Person) -> None:
    make_grant(stale)
    page = signed_in(stale).get("/").content.decode()
    assert "Your sign-in is older than 90 days" in page
    assert f'href="{AGAIN}"' in page


def test_my_access_stays_quiet_for_whom_somebody_vouches_or_who_has_nothing(
    stale: Person, ben: Person
) -> None:
    make_grant(ben)
    for person in (stale, ben):
        assert AGAIN not in signed_in(person).get("/").content.decode()


def test_a_page_that_polls_notices_that_the_sign_in_grew_too_old(ben: Person) -> None:
    make_grant(ben)
    client: Client = signed_in(ben)
    seen = client.get("/").context["access"].fingerprint
    poll = f"{reverse('web:grants-fragment')}?seen={seen}"
    assert client.get(poll, headers={"HX-Request": "true"}).status_code == 204
    ExternalIdentity.objects.filter(person=ben).update(confirmed_at=None)
    assert b"Sign in at The tests first" in client.get(poll, headers={"HX-Request": "true"}).content

"""Who I am at which provider: seen, linked by a second proof at a fresh browser, taken off again."""

import pytest
from django.urls import reverse

from portal.directory.models import ExternalIdentity, GroupMembership, Partner, Person
from tests.entitled import make_group
from tests.integration.web.saml_visits import make_provider
from tests.sign_ins import browser_of, make_identity
from tests.world import make_person, signed_in

pytestmark = pytest.mark.django_db
ACCOUNT = "/account/"


def shown(person: Person, minutes: float = 0) -> str:
    answer = browser_of(person, minutes=minutes).get(ACCOUNT)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def second(ben: Person) -> ExternalIdentity:
    return make_identity(ben, make_provider(), login="ben@own")


def unlink(identity: ExternalIdentity) -> str:
    return reverse("web:unlink", args=[identity.pk])


def test_the_page_names_each_identity_and_where_another_can_be_linked(
    ben: Person, second: ExternalIdentity
) -> None:
    make_provider("other", entity_id="urn:other")
    page = shown(ben)
    assert "Provider own" in page
    assert "ben@own" in page
    assert "Link Provider other…" in page
    assert "Link Provider own…" not in page, "linked already"
    assert f'href="{unlink(second)}"' in page


def test_a_partners_provider_is_offered_to_its_own_people(ben: Person, partner: Partner) -> None:
    make_provider("theirs", partner=partner)
    assert "Link Provider theirs…" not in shown(ben)
    assert "Link Provider theirs…" in shown(make_person("Noa Guest", partner=partner))


def test_an_old_sign_in_is_asked_to_sign_in_again_first(ben: Person) -> None:
    make_provider()
    page = shown(ben, minutes=11)
    assert "Link Provider own…" not in page
    assert f'/sign-in/?again=1&amp;next={ACCOUNT}"' in page


def test_the_forms_may_lead_to_the_providers(ben: Person) -> None:
    make_provider()
    policy = browser_of(ben).get(ACCOUNT).headers["Content-Security-Policy"]
    assert "form-action 'self' https://idp.example.test" in policy


def test_taking_one_off_asks_first_and_says_what_goes(ben: Person, second: ExternalIdentity) -> None:
    group = make_group(name="own-group")
    group.provider = second.provider
    group.save()
    GroupMembership.objects.create(person=ben, group=group)
    browser = browser_of(ben)
    page = browser.get(unlink(second)).content.decode()
    assert "Take off Provider own?" in page
    assert "You leave the group" in page
    answer = browser.post(unlink(second), follow=True)
    assert "Taken off: you no longer sign in at Provider own." in answer.content.decode()
    assert not ExternalIdentity.objects.filter(pk=second.pk).exists()
    assert not group.members.exists()


def test_the_last_one_stays(ben: Person) -> None:
    browser = browser_of(ben)
    only = ben.identities.get()
    assert "the only way left to sign in" in browser.get(ACCOUNT).content.decode()
    answer = browser.post(unlink(only))
    assert answer.status_code == 403
    assert "the only way left" in answer.content.decode()
    assert ben.identities.exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_old_sign_in_takes_nothing_off(ben: Person, second: ExternalIdentity, method: str) -> None:
    answer = getattr(browser_of(ben, minutes=10), method)(unlink(second))
    assert answer.status_code == 403
    assert b"Sign in again first" in answer.content
    assert ben.identities.filter(pk=second.pk).exists()


def test_an_admins_page_is_no_way_around(ben: Person, second: ExternalIdentity, admin: Person) -> None:
    assert browser_of(admin).post(unlink(second)).status_code == 404
    assert signed_in(ben).post(unlink(second)).status_code == 403

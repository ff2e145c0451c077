"""Taking what a group may: seen on My access, asked for how long and why, held at once, gone with the group."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from portal.access.models import Grant
from portal.catalog.models import Entitlement, ScopeTemplate
from portal.directory.models import ExternalIdentity, Partner, Person
from tests.entitled import entitle, leave, make_group
from tests.world import make_admin, make_person, make_role, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def offer(ben: Person) -> Entitlement:
    return entitle(make_group(ben), make_role("Night shift"), longest_minutes=90)


def page(person: Person, path: str = "/") -> str:
    answer = signed_in(person).get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def address(offer: Entitlement) -> str:
    return reverse("web:take", args=[offer.pk])


def test_my_access_shows_it_to_the_groups_members_alone(
    ben: Person, mallory: Person, offer: Entitlement
) -> None:
    shown = page(ben)
    assert "You may take" in shown
    assert "through the group operators" in shown
    assert "up to 1 hour 30 minutes" in shown
    assert f'href="{address(offer)}"' in shown
    assert "No access at the moment" not in shown
    assert "You may take" not in page(mallory)


def test_it_is_taken_and_active_at_once(ben: Person, offer: Entitlement) -> None:
    asked = page(ben, address(offer))
    assert '<option value="60" selected>an hour</option>' in asked
    assert '<option value="90">1 hour 30 minutes</option>' in asked
    assert 'value="120"' not in asked
    client = signed_in(ben)
    answer = client.post(address(offer), {"minutes": "90", "reason": "night shift"}, follow=True)
    shown = answer.content.decode()
    assert "Night shift is yours until" in shown
    assert "You may take" not in shown, "it is held"
    grant = Grant.objects.get()
    assert (grant.state, grant.person, grant.reason) == ("active", ben, "night shift")
    assert timedelta(minutes=89) < grant.ends_at - datetime.now(UTC) <= timedelta(minutes=90)


def test_the_grant_says_through_which_group(ben: Person, offer: Entitlement) -> None:
    signed_in(ben).post(address(offer), {"minutes": "15", "reason": "r"})
    shown = page(ben, reverse("web:grant", args=[Grant.objects.get().pk]))
    assert "the group operators, whose members may take it" in shown
    assert "through operators" in shown, "on its line"
    admin = make_admin("view_grant")
    assert "the group operators" in page(admin, f"/manage/access/grant/{Grant.objects.get().pk}/change/")


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"minutes": "60", "reason": " "}, "Say what it is for."),
        ({"minutes": "91", "reason": "r"}, "91 is not one of the available choices"),
        ({"minutes": "-5", "reason": "r"}, "is not one of the available choices"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    ben: Person, offer: Entitlement, sent: dict[str, str], says: str
) -> None:
    answer = signed_in(ben).post(address(offer), sent)
    assert answer.status_code == 400
    assert says in answer.content.decode()
    assert not Grant.objects.exists()


def test_a_second_time_is_refused_with_the_grant_that_is_held(ben: Person, offer: Entitlement) -> None:
    client = signed_in(ben)
    client.post(address(offer), {"minutes": "15", "reason": "r"})
    answer = client.post(address(offer), {"minutes": "15", "reason": "r"})
    assert answer.status_code == 409
    assert str(Grant.objects.get().pk) in answer.content.decode()


def test_an_old_sign_in_is_led_to_the_sign_in_first(ben: Person, offer: Entitlement) -> None:
    ExternalIdentity.objects.update(confirmed_at=datetime(2025, 1, 1, tzinfo=UTC))
    assert "sign in again at The tests" in page(ben)
    answer = signed_in(ben).post(address(offer), {"minutes": "15", "reason": "r"})
    assert answer.status_code == 403
    assert b"/sign-in/?again=1" in answer.content


def test_what_a_scope_says_stands_in_its_words(ben: Person, offer: Entitlement) -> None:
    template = ScopeTemplate.objects.create(
        name="One bucket",
        summary="Read the bucket {{bucket}}",
        policy={},
        parameters={"bucket": "bucket_name"},
    )
    Entitlement.objects.update(scope_template=template, scope_parameters={"bucket": "reports"})
    assert "Read the bucket reports" in page(ben)
    Entitlement.objects.update(scope_parameters={})
    assert "One bucket" in page(ben), "taking it will say what is wrong"
    answer = signed_in(ben).post(address(offer), {"minutes": "15", "reason": "r"})
    assert (answer.status_code, Grant.objects.count()) == (400, 0)


def test_whoever_leaves_sees_neither_offer_nor_access(ben: Person, offer: Entitlement) -> None:
    signed_in(ben).post(address(offer), {"minutes": "15", "reason": "r"})
    leave(ben, offer.group)
    shown = page(ben)
    assert "You may take" not in shown
    assert "Recently ended" in shown
    assert signed_in(ben).get(address(offer)).status_code == 404


def test_a_suspended_partners_people_are_offered_nothing(partner: Partner) -> None:
    guest = make_person("Noa Guest", partner=partner)
    entitle(make_group(guest), make_role())
    assert "You may take" in page(guest)
    Partner.objects.update(suspended_at=datetime.now(UTC))
    assert "You may take" not in page(guest)

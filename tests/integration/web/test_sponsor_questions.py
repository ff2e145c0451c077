"""Whoever is asked to answer for a partner sees it on My access, and answers it by one click or by a name."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from portal.access.operations.partners.watch_sponsors import watch_sponsors
from portal.directory.models import Partner, Person
from portal.web.sponsor_questions import question_of
from tests.partners import make_partner
from tests.world import make_admin, make_person, signed_in

pytestmark = pytest.mark.django_db
WORDS = "Nobody answers for Acme."


@pytest.fixture
def deputy(db: None) -> Person:
    return make_person("Dee Deputy")


@pytest.fixture
def acme(deputy: Person) -> Partner:
    gone = make_person("Sam", is_active=False, deactivated_at=datetime.now(UTC))
    made = make_partner(sponsor=gone, deputy=deputy)
    watch_sponsors(at=datetime.now(UTC))
    return made


def my_access(person: Person) -> str:
    return str(signed_in(person).get("/").content.decode())


def test_who_is_asked_sees_it(acme: Partner, deputy: Person) -> None:
    admin = make_admin("change_partner")
    others = (make_admin("view_partner", name="R"), make_person("Any"), make_person("Pat", partner=acme))
    assert WORDS in my_access(deputy)
    assert [WORDS in my_access(one) for one in (admin, *others)] == [False] * 4
    watch_sponsors(at=datetime.now(UTC) + timedelta(hours=73))
    assert WORDS in my_access(admin)
    assert [WORDS in my_access(one) for one in (deputy, *others)] == [False] * 4


def test_one_click_takes_it_over(acme: Partner, deputy: Person) -> None:
    where = reverse("web:take-over", args=[acme.pk])
    assert f'action="{where}"' in my_access(deputy)
    assert signed_in(make_person("Any")).post(where).status_code == 404
    page = signed_in(deputy).post(where, follow=True)
    assert "You answer for Acme now." in page.content.decode()
    assert WORDS not in page.content.decode()
    acme.refresh_from_db()
    assert acme.sponsor == deputy


@pytest.mark.parametrize("typed", ["nia lund", "NIA@host.example"])
def test_somebody_else_is_named(acme: Partner, deputy: Person, typed: str) -> None:
    nia = make_person("Nia Lund", email="nia@host.example")
    client, where = signed_in(deputy), reverse("web:answer-for", args=[acme.pk])
    assert "Who answers for Acme?" in client.get(where).content.decode()
    make_person("Two Same")
    make_person("Two Same")
    make_person("Theirs", partner=acme)
    for wrong in ("", "Nobody", "Sam", "Theirs", "Two Same"):
        assert client.post(where, {"sponsor": wrong}).status_code == 400
    page: Any = client.post(where, {"sponsor": typed}, follow=True)
    assert "Nia Lund answers for Acme now." in page.content.decode()
    acme.refresh_from_db()
    assert acme.sponsor == nia
    assert client.get(where).status_code == 404


def test_nobody_else_may_open_it(acme: Partner, deputy: Person) -> None:
    where = reverse("web:answer-for", args=[acme.pk])
    for person in (make_person("Any"), make_admin("view_partner"), make_person("Pat", partner=acme)):
        assert signed_in(person).get(where).status_code == 404
    assert signed_in(make_admin("change_partner", name="Adi")).get(where).status_code == 200
    assert signed_in(deputy).get(where).status_code == 200


def test_what_a_partners_page_is_told(acme: Partner, deputy: Person) -> None:
    now, zone = datetime.now(UTC), UTC
    reader = make_admin("view_partner")
    view = question_of(acme.pk, reader, now=now, zone=zone)
    assert view is not None
    assert (view.gone, view.asked, view.is_asked, view.may_answer) == ("Sam", "Dee Deputy", False, False)
    mine = question_of(acme.pk, deputy, now=now, zone=zone)
    assert mine is not None
    assert (mine.is_asked, mine.may_answer) == (True, True)
    Partner.objects.update(sponsor=deputy, deputy=None)
    watch_sponsors(at=now)
    assert question_of(acme.pk, reader, now=now, zone=zone) is None


def test_a_partners_page_shows_it_with_the_act_to_who_may(acme: Partner) -> None:
    where = reverse("web:take-over", args=[acme.pk])
    changer, reader = make_admin("view_partner", "change_partner"), make_admin("view_partner", name="R")
    for person, may in ((changer, True), (reader, False)):
        page = signed_in(person).get(f"/partners/{acme.slug}/").content.decode()
        assert WORDS in page
        assert (f'action="{where}"' in page) is may

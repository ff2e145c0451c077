"""Resetting somebody's second factors: by superusers, asked first, with a reason; by nobody else."""

from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client

from portal.directory.models import Person
from portal.identity.operations.factors import has_factor
from tests.factors import add_app, add_device
from tests.integration.staff.pages import said, trail
from tests.integration.web.saml_visits import is_signed_in
from tests.sign_ins import browser_of
from tests.world import make_admin, signed_in

pytestmark = pytest.mark.django_db
PEOPLE = "/manage/directory/person/"


def reset(client: Client, *people: Person, **more: str) -> Any:
    chosen = {ACTION_CHECKBOX_NAME: [str(person.pk) for person in people]}
    return client.post(PEOPLE, {"action": "reset_factors", **chosen, **more}, follow=True)


def test_it_asks_and_then_says_what_ended(admin: Person, ben: Person) -> None:
    add_app(ben)
    add_device(ben)
    browser, client = browser_of(ben), signed_in(admin)
    page = reset(client, ben)
    assert page.context["question"].rows == [("Ben Lindqvist", "1", "1", "1")]
    assert has_factor(ben)
    page = reset(client, ben, confirmed="yes", reason="")
    assert has_factor(ben)
    page = reset(client, ben, admin, confirmed="yes", reason="lost the phone")
    assert "Ben Lindqvist has no second factor now, and is signed out everywhere" in said(page)
    assert "Nobody resets their own" in said(page)
    assert not has_factor(ben)
    assert not is_signed_in(browser)
    assert trail("directory.factor.removed")[0].details["reason"] == "lost the phone"


def test_an_admin_who_is_no_superuser_can_not(ben: Person) -> None:
    add_app(ben)
    client = signed_in(make_admin("view_person", "change_person"))
    assert "reset_factors" not in client.get(PEOPLE).content.decode()
    reset(client, ben, confirmed="yes", reason="because")
    assert has_factor(ben)

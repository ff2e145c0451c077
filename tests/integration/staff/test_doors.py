"""Who gets into the management pages, and where everybody else is sent."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import NoReverseMatch, reverse

from portal.directory.models import Person
from tests.world import make_admin, signed_in

pytestmark = pytest.mark.django_db


def test_nobody_is_sent_to_the_portals_sign_in_and_back() -> None:
    answer = Client().get("/manage/access/grant/?state__exact=active", follow=True)
    assert [address for address, _ in answer.redirect_chain] == [
        "/manage/login/?next=/manage/access/grant/%3Fstate__exact%3Dactive",
        "/sign-in/?next=/manage/access/grant/%3Fstate__exact%3Dactive",
    ]


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example/", "/\\evil.example"])
def test_only_own_addresses_are_gone_back_to(address: str) -> None:
    answer = Client().get("/manage/login/", {"next": address})
    assert answer["Location"] == "/sign-in/?next=/manage/"


@pytest.mark.parametrize("address", ["/manage/", "/manage/login/", "/manage/access/grant/"])
def test_a_signed_in_person_who_is_no_admin_gets_a_403(ben: Person, address: str) -> None:
    assert signed_in(ben).get(address).status_code == 403


def test_an_admin_gets_in() -> None:
    client = signed_in(make_admin("view_grant"))
    assert client.get("/manage/").status_code == 200
    assert client.get("/manage/access/grant/").status_code == 200
    assert client.get("/manage/login/")["Location"] == "/manage/"
    assert client.get("/manage/directory/person/").status_code == 403


def test_signing_out_is_the_portals() -> None:
    client = signed_in(make_admin())
    answer = client.post("/manage/logout/")
    assert (answer.status_code, answer["Location"]) == (307, "/sign-out")


def test_there_is_no_page_for_passwords() -> None:
    with pytest.raises(NoReverseMatch):
        reverse("admin:password_change")
    assert signed_in(make_admin()).get("/manage/password_change/").status_code == 404


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model.__name__)
def test_every_list_and_form_opens(root: Person, model: type) -> None:
    client, meta = signed_in(root), model._meta  # type: ignore[attr-defined]  # a model class
    listed = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    page = client.get(listed)
    assert page.status_code == 200
    assert_fit_for_the_policy(page)
    assert client.get(listed, {"q": "a b'%\"\\ \u00e9"}).status_code == 200
    add = client.get(reverse(f"admin:{meta.app_label}_{meta.model_name}_add"))
    assert_fit_for_the_policy(add)
    assert add.status_code == (200 if admin.site._registry[model].has_add_permission(_request(root)) else 403)


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model.__name__)
def test_lists_filter_by_choices_and_never_by_all_values(model: type) -> None:
    fields = {field.name: field for field in model._meta.get_fields()}  # type: ignore[attr-defined]  # a model class
    for name in admin.site._registry[model].list_filter:
        field = fields[str(name)]
        assert field.choices or field.get_internal_type() == "BooleanField"
    assert admin.site._registry[model].show_full_result_count is False


def assert_fit_for_the_policy(page: Any) -> None:
    """The browser's word counts (journeys); this finds the same mistakes without one."""
    policy = page["Content-Security-Policy"]
    assert "unsafe" not in policy
    text = page.content.decode()
    inline = [tag for tag in re.findall(r"<script[^>]*>", text) if "src=" not in tag and "json" not in tag]
    assert not inline
    assert not re.findall(r"<[^>]+\s(?:style|on[a-z]+)=", text)


def _request(person: Person) -> Any:
    return type("Request", (), {"user": person})()

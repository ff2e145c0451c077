"""A partner's identity provider may call its people what it likes: an admin who chooses sees whose they are."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_namesakes_of_two_companies_are_told_apart(
    person: Callable[..., Any], partner: Any, admin: Any
) -> None:
    from django.contrib import admin as admin_pages  # noqa: PLC0415  # after the settings are chosen

    from portal.staff.grant_form import GrantForm  # noqa: PLC0415

    own, other = person("Ada Brook"), person("Ada Brook", partner=partner)
    client = Client()
    client.force_login(admin)
    asked = {"app_label": "access", "model_name": "grant", "field_name": "person", "term": "Ada"}
    found = client.get("/manage/autocomplete/", asked).json()["results"]
    assert {row["id"]: row["text"] for row in found} == {
        str(own.pk): "Ada Brook",
        str(other.pk): "Ada Brook (Acme)",
    }
    for chosen, shown in ((own, ">Ada Brook<"), (other, ">Ada Brook (Acme)<")):
        form = GrantForm({"person": str(chosen.pk)}, site=admin_pages.site)
        assert shown in str(form["person"])

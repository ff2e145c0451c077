"""The doctor of one's own grants over the API, and what a grant says of a stand-in in AWS's place."""

from typing import Any

import pytest
from django.urls import reverse

from portal.directory.models import Person
from tests.integration.api.calling import caller, problem, send
from tests.world import make_admin, make_grant

pytestmark = pytest.mark.django_db


def steps(person: Person, grant: Any) -> list[dict[str, str]]:
    answer = send(caller(person), "get", reverse("api:grant-doctor", args=[grant.pk]))
    assert answer.status_code == 200
    assert answer.json()["grant"] == str(grant.pk)
    told: list[dict[str, str]] = answer.json()["steps"]
    return told


def test_it_tells_its_person_what_stops_a_grant(ben: Person) -> None:
    grant = make_grant(ben)
    assert all(step["verdict"] != "stopped" for step in steps(ben, grant))
    grant.role.is_enabled = False
    grant.role.save(update_fields=["is_enabled"])
    [stopped] = [step for step in steps(ben, grant) if step["verdict"] == "stopped"]
    assert stopped["detail"]
    assert stopped["advice"]


def test_nobody_else_is_told(ben: Person, mallory: Person) -> None:
    """Also no admin: the page is theirs, this is one's own."""
    grant = make_grant(ben)
    for other in (mallory, make_admin()):
        address = reverse("api:grant-doctor", args=[grant.pk])
        problem(send(caller(other), "get", address), 404, "not_found")
    assert steps(ben, grant)


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        ("", None),
        ("http://127.0.0.1:4566", {"endpoint_url": "http://127.0.0.1:4566", "region": "eu-central-1"}),
    ],
)
def test_a_stand_in_is_named_where_there_is_one(
    ben: Person, settings: Any, endpoint: str, told: object
) -> None:
    settings.AWS_ENDPOINT_URL, settings.AWS_REGION = endpoint, "eu-central-1"
    shown = send(caller(ben), "get", reverse("api:grant", args=[make_grant(ben).pk])).json()
    assert shown["role"]["account"]["stand_in"] == told

"""Taking by the API: what I may take, taking it, and what is said when it can't be."""

import pytest
from django.urls import reverse

from portal.access.models import Grant
from portal.catalog.models import Entitlement
from portal.directory.models import Person
from tests.entitled import entitle, leave, make_group
from tests.integration.api.calling import caller, problem, send
from tests.world import make_role

pytestmark = pytest.mark.django_db
LIST = "/api/v1/entitlements"


@pytest.fixture
def offer(ben: Person) -> Entitlement:
    return entitle(make_group(ben), make_role("Night shift"), longest_minutes=90)


def take(offer: Entitlement) -> str:
    return reverse("api:take", args=[offer.pk])


def test_what_my_groups_may_take_is_listed_and_taken(
    ben: Person, mallory: Person, offer: Entitlement
) -> None:
    client = caller(ben)
    [shown] = send(client, "get", LIST).json()
    assert (shown["id"], shown["group"], shown["longest_minutes"]) == (str(offer.pk), "operators", 90)
    assert (shown["role"]["title"], shown["held"]) == ("Night shift", None)
    assert shown["scope_summary"] == "Everything the role allows"
    assert send(caller(mallory), "get", LIST).json() == []
    taken = send(client, "post", take(offer), {"minutes": 90, "reason": "night shift"})
    assert taken.status_code == 201
    grant = taken.json()
    assert (grant["state"], grant["is_open"], grant["person"]) == ("active", True, "Ben Lindqvist")
    assert (grant["granted_by"], grant["group"]) == ("", "operators")
    assert send(client, "get", LIST).json()[0]["held"] == grant["id"]
    assert send(client, "post", reverse("api:credentials", args=[grant["id"]])).status_code == 201
    problem(send(client, "post", take(offer), {"minutes": 1, "reason": "again"}), 409, "conflict")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"minutes": 91, "reason": "r"}, "minutes"),
        ({"minutes": 0, "reason": "r"}, "minutes"),
        ({"minutes": "long", "reason": "r"}, "minutes"),
        ({"reason": "r"}, "minutes"),
        ({"minutes": 30}, "reason"),
        ({"minutes": 30, "reason": " "}, "reason"),
    ],
)
def test_bad_input_names_its_field(ben: Person, offer: Entitlement, body: object, field: str) -> None:
    told = problem(send(caller(ben), "post", take(offer), body), 400, "invalid")
    assert told["errors"][0]["field"] == field
    assert not Grant.objects.exists()


def test_whoever_left_the_group_finds_nothing_there(ben: Person, offer: Entitlement) -> None:
    client = caller(ben)
    leave(ben, offer.group)
    assert send(client, "get", LIST).json() == []
    problem(send(client, "post", take(offer), {"minutes": 30, "reason": "r"}), 404, "not_found")


def test_a_grant_through_a_group_ends_with_it_and_says_so(ben: Person, offer: Entitlement) -> None:
    client = caller(ben)
    made = send(client, "post", take(offer), {"minutes": 30, "reason": "r"}).json()
    leave(ben, offer.group)
    shown = send(client, "get", reverse("api:grant", args=[made["id"]])).json()
    assert (shown["state"], shown["end_reason"]) == ("suspended", "They are no longer in operators.")

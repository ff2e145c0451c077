"""Sorting, paging and which attributes: RFC 7644, 3.4.2.3, 3.4.2.4, 3.4.2.5, 3.4.3, 3.9."""

from typing import Any

import pytest

from portal.scim import listing, representing
from tests.integration.scim.calling import SEARCH, Scim, refused

pytestmark = [pytest.mark.django_db, pytest.mark.thorough]


@pytest.fixture
def people(scim: Scim) -> Scim:
    scim.user("carla", externalId="2", name={"familyName": "Adams"}, emails=[{"value": "z@x.org"}])
    scim.user("Ben", externalId="1", name={"familyName": "clark"}, title="b", active=False)
    scim.user(
        "adam",
        name={"familyName": "Brown"},
        emails=[{"value": "b@x.org"}, {"value": "a@x.org", "primary": True}],
    )
    scim.user("dora", externalId="10", title="A")
    return scim


# Ascending, descending: what has no value comes last, and first; equals stay in the order of their making.
ORDERS: list[tuple[str, str, str]] = [
    ("userName", "adam Ben carla dora", "dora carla Ben adam"),
    ("externalId", "Ben dora carla adam", "adam carla dora Ben"),
    ("meta.created", "carla Ben adam dora", "dora adam Ben carla"),
    ("name.familyName", "carla adam Ben dora", "dora Ben adam carla"),
    ("title", "dora Ben carla adam", "carla adam Ben dora"),
    ("active", "Ben carla adam dora", "carla adam dora Ben"),
    ("emails", "adam carla Ben dora", "Ben dora carla adam"),
    ("emails.value", "adam carla Ben dora", "Ben dora carla adam"),
    ("urn:ietf:params:scim:schemas:core:2.0:User:userName", "adam Ben carla dora", "dora carla Ben adam"),
]


@pytest.mark.parametrize(("by", "ascending", "descending"), ORDERS)
def test_sorting(people: Scim, by: str, ascending: str, descending: str) -> None:
    """3.4.2.3: without regard to case, unless the attribute has one."""
    assert people.names(sortBy=by) == ascending.split()
    assert people.names(sortBy=by, sortOrder="ascending") == ascending.split()
    told = people.post("Users/.search", {"schemas": [SEARCH], "sortBy": by, "sortOrder": "descending"}).json()
    assert [one["userName"] for one in told["Resources"]] == descending.split()


@pytest.mark.parametrize(
    "by", ["nonsense", "name", "password", "x509Certificates", "", 'emails[type eq "work"]']
)
def test_what_nothing_is_sorted_by(people: Scim, by: str) -> None:
    assert people.get("Users", sortBy=by).status_code == 400


def test_sorting_by_looking_at_each_is_bounded(people: Scim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_CANDIDATES", 3)
    refused(people.get("Users", sortBy="emails"), 400, "tooMany")
    assert len(people.names(sortBy="title")) == 4


@pytest.mark.parametrize(
    ("query", "found", "start"),
    [
        ({}, ["carla", "Ben", "adam", "dora"], 1),
        ({"startIndex": 2, "count": 2}, ["Ben", "adam"], 2),
        ({"startIndex": 0, "count": 1}, ["carla"], 1),
        ({"startIndex": -5, "count": 1}, ["carla"], 1),
        ({"startIndex": 5}, [], 5),
        ({"startIndex": 10**30}, [], 2**31),
        ({"count": 0}, [], 1),
        ({"count": -1}, [], 1),
        ({"count": 10**30}, ["carla", "Ben", "adam", "dora"], 1),
        ({"startIndex": 2, "count": 1, "sortBy": "emails"}, ["carla"], 2),
    ],
)
def test_paging(people: Scim, query: dict[str, Any], found: list[str], start: int) -> None:
    """3.4.2.4."""
    answer = people.get("Users", **query).json()
    assert [one["userName"] for one in answer["Resources"]] == found
    assert answer["totalResults"] == 4
    assert (answer["startIndex"], answer["itemsPerPage"]) == (start, len(found))


@pytest.mark.parametrize(
    "query", [{"startIndex": "x"}, {"count": "1.5"}, {"count": "x" * 5000}, {"sortOrder": "up"}]
)
def test_what_is_no_page(people: Scim, query: dict[str, Any]) -> None:
    refused(people.get("Users", **query), 400, "invalidValue")


def test_a_page_has_at_most_two_hundred(people: Scim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_RESULTS", 2)
    assert len(people.names(count=1000)) == 2


@pytest.mark.parametrize("address", ["Users", "Users/{id}"])
def test_which_attributes(people: Scim, address: str) -> None:
    """3.4.2.5 and 3.9: id always, names in any case, with or without their schema."""
    one = people.get("Users", filter='userName eq "adam"').json()["Resources"][0]

    def keys(**query: str) -> set[str]:
        answer = people.get(address.format(id=one["id"]), **query)
        assert answer.status_code == 200, answer.content
        found = answer.json().get("Resources", [answer.json()])
        return set(next(user for user in found if user["id"] == one["id"]))

    assert keys(attributes="username,emails.value") == {"schemas", "id", "userName", "emails"}
    assert keys(attributes="urn:ietf:params:scim:schemas:core:2.0:User:name") == {"schemas", "id", "name"}
    assert keys(attributes="nonsense") == {"schemas", "id"}
    assert keys(excludedAttributes="emails,id,meta") == {"schemas", "id", "userName", "name", "active"}
    assert keys() == set(one)
    refused(
        people.get(address.format(id=one["id"]), attributes="id", excludedAttributes="meta"),
        400,
        "invalidValue",
    )


def test_attributes_of_what_is_made_and_changed(scim: Scim) -> None:
    """3.3, 3.5: the parameters hold for their answers too."""
    made = scim.post("Users?attributes=userName", {"userName": "ben", "title": "x"})
    assert set(made.json()) == {"schemas", "id", "userName"}
    changed = scim.patch(
        f"Users/{made.json()['id']}?attributes=title", {"op": "replace", "path": "title", "value": "y"}
    )
    assert changed.json()["title"] == "y"
    group = scim.group("g", made.json())
    assert scim.patch(f"Groups/{group['id']}", {"op": "remove", "path": "members"}).status_code == 204
    shown = scim.patch(f"Groups/{group['id']}?attributes=displayName", {"op": "remove", "path": "members"})
    assert shown.json()["displayName"] == "g"


def test_members_of_groups_as_asked(scim: Scim) -> None:
    ben = scim.user("ben")
    group = scim.group("g", ben)

    def members(**query: str) -> Any:
        return scim.get(f"Groups/{group['id']}", **query).json().get("members")

    assert members() == [{"value": ben["id"], "$ref": ben["meta"]["location"], "type": "User"}]
    assert members(attributes="members.value") == [{"value": ben["id"]}]
    assert members(excludedAttributes="members") is None
    assert members(excludedAttributes="members.$ref,members.type") == [{"value": ben["id"]}]
    assert members(attributes="displayName") is None


def test_the_members_on_a_page_are_bounded(scim: Scim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(representing, "MOST_MEMBERS", 1)
    ben, eve = scim.user("ben"), scim.user("eve")
    group, _ = scim.group("one", ben, eve), scim.group("other", ben)

    refused(scim.get("Groups"), 400, "tooMany")
    assert scim.get("Groups", excludedAttributes="members").json()["totalResults"] == 2
    assert len(scim.get(f"Groups/{group['id']}").json()["members"]) == 2

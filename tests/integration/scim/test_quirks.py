# the tables are read by the row
"""What Entra ID and Okta really send: taken, as no client that keeps to the RFCs is harmed by it."""

from typing import Any

import pytest

from portal.directory.models import Person, ScimUser
from tests.integration.scim.calling import ENTERPRISE, GROUP, PATCH, USER, Scim, refused

pytestmark = [pytest.mark.django_db, pytest.mark.thorough]


@pytest.fixture
def ben(scim: Scim) -> dict[str, Any]:
    return scim.user("ben@corp.local", externalId="e1", active=True)


def changed(scim: Scim, ben: dict[str, Any], *operations: dict[str, Any]) -> dict[str, Any]:
    answer = scim.patch(f"Users/{ben['id']}", *operations)
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


@pytest.mark.parametrize("value", ["False", "false", False])
def test_entra_says_active_as_text(scim: Scim, ben: dict[str, Any], value: Any) -> None:
    """RFC 7643, 2.3.2 wants a boolean; Entra sends "False"."""
    assert changed(scim, ben, {"op": "Replace", "path": "active", "value": value})["active"] is False
    assert not Person.objects.get().is_active
    assert changed(scim, ben, {"op": "Replace", "path": "active", "value": "True"})["active"] is True
    assert Person.objects.get().is_active


def test_entra_capitalises_operations(scim: Scim, ben: dict[str, Any]) -> None:
    """RFC 7644, 3.5.2."""
    assert changed(scim, ben, {"op": "Add", "path": "title", "value": "x"})["title"] == "x"
    assert "title" not in changed(scim, ben, {"op": "Remove", "path": "title"})


def test_entra_patches_by_dotted_keys(scim: Scim, ben: dict[str, Any]) -> None:
    """RFC 7644, 3.5.2.1: attribute names stand in such a value, not paths."""
    told = {"displayName": "Ben", "name.familyName": "L", f"{ENTERPRISE}:department": "R", "active": "False"}
    found = changed(scim, ben, {"op": "Replace", "value": told})
    assert (found["name"], found[ENTERPRISE]) == ({"familyName": "L"}, {"department": "R"})
    assert found["active"] is False


def test_entra_adds_by_a_filter_that_matches_none(scim: Scim, ben: dict[str, Any]) -> None:
    """RFC 7644, 3.5.2.3 wants noTarget: kept where the filter describes nothing."""
    found = changed(scim, ben, {"op": "Add", "path": 'emails[type eq "work"].value', "value": "b@corp.local"})
    assert found["emails"] == [{"type": "work", "value": "b@corp.local"}]


@pytest.mark.parametrize("value", ["m1", {"value": "m1"}, [{"$ref": "../Users/m1", "value": "m1"}]])
def test_entra_names_the_manager_by_id(scim: Scim, ben: dict[str, Any], value: Any) -> None:
    """RFC 7643, 4.3: a manager is complex."""
    found = changed(scim, ben, {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": value})
    assert found[ENTERPRISE]["manager"]["value"] == "m1"
    found = changed(scim, ben, {"op": "Add", "value": {f"{ENTERPRISE}:manager": "m2"}})
    assert found[ENTERPRISE]["manager"]["value"] == "m2"
    eve = scim.post(
        "Users", {"schemas": [USER, ENTERPRISE], "userName": "eve", ENTERPRISE: {"manager": "m3"}}
    )
    assert eve.json()[ENTERPRISE]["manager"] == {"value": "m3"}


def test_entra_removes_members_by_value(scim: Scim, ben: dict[str, Any]) -> None:
    """RFC 7644, 3.5.2.2: a filter in the path says which."""
    eve = scim.user("eve")
    group = scim.group("g", ben, eve)
    remove = {"op": "Remove", "path": "members", "value": [{"value": ben["id"]}]}
    assert scim.patch(f"Groups/{group['id']}", remove).status_code == 204
    assert [one["value"] for one in scim.get(f"Groups/{group['id']}").json()["members"]] == [eve["id"]]


def test_entra_filters_it_begins_with(scim: Scim, ben: dict[str, Any]) -> None:
    assert scim.names(filter='externalId eq "e1"') == ["ben@corp.local"]
    changed(scim, ben, {"op": "Add", "path": "emails", "value": [{"type": "work", "value": "b@corp.local"}]})
    assert scim.names(filter='emails[type eq "work"].value eq "b@corp.local"') == ["ben@corp.local"]
    group = scim.group("g", ben)
    text = f'id eq "{group["id"]}" and members eq "{ben["id"]}"'
    assert scim.get("Groups", filter=text, excludedAttributes="members").json()["totalResults"] == 1
    nobody = scim.get("Users", filter='userName eq "non-existent"').json()
    assert (nobody["totalResults"], nobody["Resources"]) == (0, [])


def test_attributes_of_schemas_that_are_none_here(scim: Scim, ben: dict[str, Any]) -> None:
    """RFC 7644, 3.3: custom extensions are left out, and the rest is taken; a mistyped path is an error."""
    custom = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User"
    body = {"schemas": [USER, custom], "userName": "eve", custom: {"tag": "x"}, "nonsense": 1, "title": "t"}
    made = scim.post("Users", body)
    assert (made.status_code, made.json()["title"], custom in made.json()) == (201, "t", False)
    assert made.json()["schemas"] == [USER]
    found = changed(
        scim,
        ben,
        {"op": "Add", "path": f"{custom}:tag", "value": "x"},
        {"op": "Add", "path": "title", "value": "t"},
    )
    assert found["title"] == "t"
    only = changed(scim, ben, {"op": "Add", "path": f"{custom}:tag", "value": "y"})
    assert only == found
    refused(
        scim.patch(f"Users/{ben['id']}", {"op": "add", "path": "titel", "value": "x"}), 400, "invalidPath"
    )


def test_okta_sends_what_is_read_only(scim: Scim, ben: dict[str, Any]) -> None:
    """RFC 7644, 3.3 and 3.5.1: read-only attributes are passed over."""
    told = {
        **ben,
        "id": "x",
        "groups": [],
        "meta": {"resourceType": "User"},
        "password": "p",
        "title": "t",
        "locale": None,
    }
    put = scim.put(f"Users/{ben['id']}", told)
    assert (put.status_code, put.json()["id"], put.json()["title"]) == (200, ben["id"], "t")
    assert scim.post("Users", {**told, "userName": "eve", "externalId": "e2"}).status_code == 201


def test_okta_repeats_the_id_in_a_patch(scim: Scim, ben: dict[str, Any]) -> None:
    """RFC 7644, 3.5.2: id is read-only, which a path of its own is still told."""
    group = scim.group("g", ben)
    rename = {"op": "replace", "value": {"id": group["id"], "displayName": "h"}}
    assert scim.patch(f"Groups/{group['id']}", rename).status_code == 204
    found = scim.get(f"Groups/{group['id']}").json()
    assert (found["displayName"], len(found["members"])) == ("h", 1)
    assert (
        changed(scim, ben, {"op": "replace", "value": {"id": ben["id"], "active": False}})["active"] is False
    )
    refused(
        scim.patch(f"Groups/{group['id']}", {"op": "replace", "path": "id", "value": "x"}), 400, "mutability"
    )


def test_okta_sends_what_members_are_called(scim: Scim, ben: dict[str, Any]) -> None:
    members = [{"value": ben["id"], "display": "ben@corp.local"}]
    group = scim.post("Groups", {"schemas": [GROUP], "displayName": "g", "members": members}).json()
    assert [one["value"] for one in group["members"]] == [ben["id"]]
    add = {"op": "add", "path": "members", "value": members}
    assert scim.patch(f"Groups/{group['id']}", add)["ETag"] == 'W/"1"'


def test_keys_in_other_cases(scim: Scim) -> None:
    """RFC 7643, 2.1: names of attributes have no case."""
    made = scim.post(
        "Users", {"SCHEMAS": [USER], "USERNAME": "ben", "Name": {"FAMILYNAME": "L"}, "Active": False}
    )
    assert made.status_code == 201, made.content
    assert (made.json()["name"], made.json()["active"]) == ({"familyName": "L"}, False)
    body = {"schemas": [PATCH], "operations": [{"OP": "replace", "Path": "USERNAME", "Value": "eve"}]}
    assert scim._send("PATCH", f"Users/{made.json()['id']}", body, {}).json()["userName"] == "eve"
    assert ScimUser.objects.get().user_name == "eve"

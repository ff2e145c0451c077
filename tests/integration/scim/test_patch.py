# ruff: noqa: E501  # the tables are read by the row
"""PATCH (RFC 7644, 3.5.2): every operation, every form of path, all or nothing."""

from typing import Any

import pytest

from portal.directory.models import GroupMembership, Person
from tests.integration.scim.calling import ENTERPRISE, PATCH, USER, Scim, refused

pytestmark = [pytest.mark.django_db, pytest.mark.thorough]
WORK = {"value": "b@work.org", "type": "work", "primary": True}
HOME = {"value": "b@home.org", "type": "home"}
Op = dict[str, Any]

CASES: list[tuple[str, Op, str, Any]] = [
    # 3.5.2.1, add
    ("a new attribute", {"op": "add", "path": "title", "value": "x"}, "title", "x"),
    ("in place of one", {"op": "add", "path": "nickName", "value": "Benny"}, "nickName", "Benny"),
    ("without a path", {"op": "add", "value": {"title": "x"}}, "title", "x"),
    ("one more value", {"op": "add", "path": "emails", "value": [HOME]}, "emails", [WORK, HOME]),
    ("one more, alone", {"op": "add", "path": "emails", "value": HOME}, "emails", [WORK, HOME]),
    ("a value that is there", {"op": "add", "path": "emails", "value": [WORK]}, "emails", [WORK]),
    ("a sub-attribute", {"op": "add", "path": "name.givenName", "value": "Ben"}, "name", {"givenName": "Ben", "familyName": "L"}),
    ("of an extension", {"op": "add", "path": f"{ENTERPRISE}:department", "value": "d"}, ENTERPRISE, {"department": "d", "employeeNumber": "7"}),
    ("by its schema", {"op": "add", "path": f"{USER}:title", "value": "x"}, "title", "x"),
    ("to what is selected", {"op": "add", "path": 'emails[type eq "work"].display', "value": "W"}, "emails", [{**WORK, "display": "W"}]),
    ("another primary", {"op": "add", "path": "emails", "value": [{**HOME, "primary": True}]}, "emails", [{**WORK, "primary": False}, {**HOME, "primary": True}]),
    # 3.5.2.2, remove
    ("an attribute", {"op": "remove", "path": "nickName"}, "nickName", None),
    ("a part", {"op": "remove", "path": "name.familyName"}, "name", None),
    ("all values", {"op": "remove", "path": "emails"}, "emails", None),
    ("the selected value", {"op": "remove", "path": 'emails[type eq "work" and value co "b@"]'}, "emails", None),
    ("of the selected value", {"op": "remove", "path": 'emails[type eq "work"].primary'}, "emails", [{"value": "b@work.org", "type": "work"}]),
    ("what isn't there", {"op": "remove", "path": "title"}, "title", None),
    ("none is selected", {"op": "remove", "path": 'emails[type eq "home"]'}, "emails", [WORK]),
    # 3.5.2.3, replace
    ("a value", {"op": "replace", "path": "nickName", "value": "B"}, "nickName", "B"),
    ("what isn't there yet", {"op": "replace", "path": "title", "value": "x"}, "title", "x"),
    ("without path", {"op": "replace", "value": {"nickName": "B", "emails": [HOME]}}, "emails", [HOME]),
    ("all of them", {"op": "replace", "path": "emails", "value": [HOME]}, "emails", [HOME]),
    ("the one selected", {"op": "replace", "path": 'emails[type eq "work"].value', "value": "c@x.org"}, "emails", [{**WORK, "value": "c@x.org"}]),
    ("parts of a complex one", {"op": "replace", "path": "name", "value": {"givenName": "Ben"}}, "name", {"givenName": "Ben", "familyName": "L"}),
    ("by null", {"op": "replace", "path": "nickName", "value": None}, "nickName", None),
]  # fmt: skip
REFUSED: list[tuple[Any, str]] = [
    ({"op": "remove"}, "noTarget"),
    ({"op": "remove", "path": "userName"}, "mutability"),
    ({"op": "replace", "path": "userName", "value": None}, "mutability"),
    ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
    ({"op": "replace", "path": "meta.version", "value": "x"}, "mutability"),
    ({"op": "add", "path": "groups", "value": [{"value": "x"}]}, "mutability"),
    ({"op": "replace", "path": "nonsense", "value": "x"}, "invalidPath"),
    ({"op": "replace", "path": "emails[", "value": "x"}, "invalidPath"),
    ({"op": "replace", "path": "name.nonsense", "value": "x"}, "invalidPath"),
    ({"op": "replace", "path": 5, "value": "x"}, "invalidPath"),
    ({"op": "add", "path": "title"}, "invalidValue"),
    ({"op": "replace", "path": "title"}, "invalidValue"),
    ({"op": "replace", "path": "title", "value": ["x"]}, "invalidValue"),
    ({"op": "replace", "path": "title", "value": {"x": 1}}, "invalidValue"),
    ({"op": "replace", "path": "active", "value": "perhaps"}, "invalidValue"),
    ({"op": "replace", "value": "x"}, "invalidValue"),
    ({"op": "move", "path": "title", "value": "x"}, "invalidValue"),
    ({"path": "title", "value": "x"}, "invalidValue"),
    (
        {"op": "add", "path": "emails", "value": [{**HOME, "primary": True}, {**WORK, "value": "x@y.z"}]},
        "invalidValue",
    ),
    ("add", "invalidSyntax"),
    (None, "invalidSyntax"),
]


@pytest.fixture
def ben(scim: Scim) -> dict[str, Any]:
    more = {ENTERPRISE: {"employeeNumber": "7"}}
    return scim.user("ben", nickName="Benny", name={"familyName": "L"}, emails=[WORK], **more)


@pytest.mark.parametrize(("what", "operation", "name", "found"), CASES, ids=[case[0] for case in CASES])
def test_one_operation(  # noqa: PLR0917  # a case's columns
    scim: Scim, ben: dict[str, Any], what: str, operation: Op, name: str, found: Any
) -> None:
    del what
    answer = scim.patch(f"Users/{ben['id']}", operation)
    assert answer.status_code == 200, answer.content
    assert answer.json().get(name) == found
    assert scim.get(f"Users/{ben['id']}").json() == answer.json()


def test_what_is_no_operation(scim: Scim, ben: dict[str, Any]) -> None:
    """3.12; and what came before it in the same request is undone."""
    good = {"op": "replace", "path": "nickName", "value": "lost"}
    for operation, scim_type in REFUSED:
        refused(scim.patch(f"Users/{ben['id']}", good, operation), 400, scim_type)
    assert scim.get(f"Users/{ben['id']}").json() == ben


def test_none_matches_and_something_else_is_left(scim: Scim, ben: dict[str, Any]) -> None:
    """3.5.2.3 wants noTarget: kept where the filter describes no value that could be made."""
    path = 'emails[value sw "x"].display'
    refused(scim.patch(f"Users/{ben['id']}", {"op": "replace", "path": path, "value": "x"}), 400, "noTarget")


def test_operations_follow_each_other(scim: Scim, ben: dict[str, Any]) -> None:
    answer = scim.patch(
        f"Users/{ben['id']}",
        {"op": "add", "path": "emails", "value": [HOME]},
        {"op": "remove", "path": 'emails[type eq "work"]'},
        {"op": "replace", "path": 'emails[type eq "home"].primary', "value": True},
    )
    assert answer.json()["emails"] == [{**HOME, "primary": True}]
    assert answer.json()["meta"]["version"] == 'W/"2"'
    assert Person.objects.get().email == "b@home.org"


@pytest.mark.parametrize(
    ("body", "status", "scim_type"),
    [
        ({}, 400, "invalidSyntax"),
        ({"schemas": [PATCH]}, 400, "invalidSyntax"),
        ({"schemas": [PATCH], "Operations": []}, 400, "invalidValue"),
        ({"schemas": [PATCH], "Operations": {}}, 400, "invalidSyntax"),
        ({"schemas": [PATCH], "Operations": [{"op": "remove", "path": "title"}] * 1001}, 413, ""),
    ],
    ids=range(5),
)
def test_what_is_no_patch(scim: Scim, ben: dict[str, Any], body: Any, status: int, scim_type: str) -> None:
    refused(scim._send("PATCH", f"Users/{ben['id']}", body, {}), status, scim_type)


def test_groups(scim: Scim) -> None:
    """3.5.2 on members: added, removed by filter and by value, replaced, all or nothing."""
    users = [scim.user(name) for name in ("ben", "eve", "zoe")]
    ben, eve, zoe = users
    group = scim.group("g", ben)

    def members(*operations: Op) -> list[str]:
        answer = scim.patch(f"Groups/{group['id']}", *operations)
        assert answer.status_code == 204, answer.content
        told = {one["value"] for one in scim.get(f"Groups/{group['id']}").json().get("members", [])}
        in_portal = GroupMembership.objects.filter(group__name="g").values_list("person__name", flat=True)
        names = sorted(one["userName"] for one in users if one["id"] in told)
        assert sorted(in_portal) == names
        return names

    def some(*who: dict[str, Any]) -> list[dict[str, str]]:
        return [{"value": one["id"]} for one in who]

    assert members({"op": "add", "path": "members", "value": some(eve, zoe)}) == ["ben", "eve", "zoe"]
    assert members({"op": "remove", "path": f'members[value eq "{ben["id"]}"]'}) == ["eve", "zoe"]
    both = f'members[value eq "{eve["id"]}" or value eq "{zoe["id"]}"]'
    assert members({"op": "remove", "path": both}) == []
    assert members({"op": "add", "value": {"members": some(ben), "displayName": "g"}}) == ["ben"]
    assert members({"op": "replace", "path": "members", "value": some(eve)}) == ["eve"]
    assert members({"op": "remove", "path": "members"}) == []
    assert members(
        {"op": "add", "path": "members", "value": some(ben, eve)},
        {"op": "remove", "path": f'members[value eq "{ben["id"]}"]'},
        {"op": "add", "path": "members", "value": some(zoe)},
    ) == ["eve", "zoe"]
    assert members({"op": "remove", "path": 'members[value eq "nobody"]'}) == ["eve", "zoe"]


def test_what_is_no_member(scim: Scim, neighbour: Scim) -> None:
    ben, stranger = scim.user("ben"), neighbour.user("ben")
    group = scim.group("g", ben)
    other = scim.group("other")
    path = f"Groups/{group['id']}"
    add: Op = {"op": "add", "path": "members"}
    wrong: list[Any] = [
        [{"value": stranger["id"]}],
        [{"value": ben["id"][::-1]}],
        [{"value": other["id"]}],
        [{"value": other["id"], "type": "Group"}],
        [{"value": other["id"], "$ref": other["meta"]["location"]}],
        [{}],
        ["x"],
        "x",
        [{"value": None}],
    ]
    for value in wrong:
        rename: Op = {"op": "replace", "path": "displayName", "value": "lost"}
        refused(scim.patch(path, rename, {**add, "value": value}), 400, "invalidValue")
    refused(scim.patch(path, {"op": "replace", "path": "members.value", "value": "x"}), 400, "mutability")
    refused(scim.patch(path, {"op": "remove", "path": 'members[type eq "User"]'}), 400, "invalidFilter")
    refused(
        scim.patch(path, {"op": "replace", "path": f'members[value eq "{ben["id"]}"].type', "value": "x"}),
        400,
        "mutability",
    )
    refused(scim.patch(path, {"op": "remove", "path": "displayName"}), 400, "mutability")
    refused(scim.patch(path, {"op": "move", "path": "members"}), 400, "invalidValue")
    assert scim.get(path).json() == group

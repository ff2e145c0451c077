# ruff: noqa: E501  # the tables of filters are read by the row
"""Filters (RFC 7644, 3.4.2.2): what the database answers is what looking at each resource would, and bounded."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from scim2_models import ScimFilter

from portal.directory.models import ScimUser
from portal.scim import listing
from portal.scim.kinds import USERS
from portal.scim.resources import POLICY, WholeUser
from tests.integration.scim.calling import ENTERPRISE, SEARCH, USER, Scim, refused

pytestmark = [pytest.mark.django_db, pytest.mark.thorough]
WORK = {"type": "work", "primary": True}
PEOPLE: list[dict[str, Any]] = [
    {"userName": "bjensen", "externalId": "E-1", "displayName": "Babs Jensen", "title": "Vice President",
     "name": {"familyName": "Jensen", "givenName": "Barbara"}, "emails": [{"value": "bjensen@example.com", **WORK}]},
    {"userName": "JSmith", "externalId": "e-1", "name": {"familyName": "Smith"}, "userType": "Employee",
     "emails": [{"value": "j@home.org", "type": "home"}, {"value": "j@example.com", **WORK}]},
    {"userName": "o'malley", "displayName": 'Quote " and \\ back', "name": {"familyName": "O'Malley"}},
    {"userName": "percent%_user", "externalId": "100%", "title": "100% sure_"},
    {"userName": "zoe", "displayName": "Zoë Ünal", "active": False, ENTERPRISE: {"department": "R&D", "employeeNumber": "701"}},
    {"userName": "adam", "userType": "Intern", "roles": [{"value": "admin", "primary": True}], "title": ""},
    {"userName": "eve", ENTERPRISE: {"department": "r&d", "manager": {"value": "26118915"}}, "locale": "de"},
    {"userName": "Émile", "displayName": "vice"},
]  # fmt: skip
FILTERS = {
    "eq, by case-exactness": [
        'userName eq "BJENSEN"', 'userName eq "bjense"', 'externalId eq "E-1"', 'externalId eq "e-1"', 'id eq "1"',
        'displayName eq "babs jensen"', 'USERNAME Eq "adam"', 'externalId eq ""', 'title eq "vice president"',
    ],
    "ne": ['userName ne "bjensen"', 'externalId ne "E-1"', 'title ne "100% sure_"', 'emails.value ne "j@home.org"', "active ne false"],
    "co, sw, ew": [
        'userName co "MALL"', 'userName sw "J"', 'userName ew "N"', 'externalId co "E"', 'externalId sw "e"',
        'externalId ew "%"', 'userName co "%_"', 'title co "%"', 'displayName co "\\""', 'displayName co "\\\\"',
        'name.familyName co "O\'Malley"', 'userName co ""', 'externalId co ""', 'displayName co "ë"', 'title sw "vice"',
    ],
    "pr": ["title pr", "externalId pr", "emails pr", "emails.type pr", "userName pr", "active pr", "meta pr", "groups pr", f"{ENTERPRISE}:department pr"],
    "gt, ge, lt, le": [
        'userName gt "JSmith"', 'userName ge "jsmith"', 'userName lt "b"', 'userName le "bjensen"',
        'meta.created gt "2011-05-13T04:42:34Z"', 'meta.lastModified lt "2011-05-13T04:42:34Z"',
        'externalId gt "E"', 'externalId lt "f"', 'title gt "0"',
    ],
    "booleans and null": ["active eq true", "active eq false", 'active eq "False"', "externalId eq null", "externalId ne null", "title eq null", "userName eq null"],
    "and, or, not, grouping": [
        'title pr and userName sw "b"', 'userType eq "Employee" or userType eq "Intern"',
        'userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")',
        'userType eq "Intern" and (emails co "x" or userName co "a")', 'not (userName eq "eve") and not (title pr)',
        'userName eq "eve" or userName eq "adam" and active eq false', "not (active eq true)", "not (userName pr)",
        "(userName pr or title pr) and externalId pr", 'not (id eq "x") or title pr',
    ],
    "complex attributes": [
        'emails[type eq "work" and value co "@example.com"]', 'emails[type eq "home"]', 'emails[not (type eq "home")]',
        'emails[type eq "work"].value eq "j@example.com"', "roles[primary eq true]", 'emails[type eq "work"] or title pr',
        'emails eq "J@EXAMPLE.COM"', "emails.primary eq true", 'name.familyName eq "smith"', 'roles[primary eq "True"].value eq "admin"',
    ],
    "names with their schema": [
        f'{USER}:userName sw "J"', f'{ENTERPRISE}:department eq "R&D"', f'{ENTERPRISE}:manager.value eq "26118915"',
        f'{USER.upper()}:userName eq "eve"', f'schemas eq "{ENTERPRISE}"', 'meta.resourceType eq "User"', 'meta.resourceType eq "Group"',
        'meta.version eq "W/\\"1\\""',
    ],
}  # fmt: skip
REFUSED = [
    "userName", "userName eq", 'userName eq "x', 'userName xx "x"', "userName eq x", 'userName eq "x" and', "()", "",
    'nonsense eq "x"', 'emails.nonsense eq "x"', "active gt true", 'active co "t"', 'meta.created gt "yesterday"',
    'password sw "a"', 'userName[value eq "x"]', 'emails[type eq "work"', 'urn:x:y:userName eq "x"', "not userName pr",
    'userName eq "\\u0000"', 'title eq "\\ud800"', '("' * 2000, "(" * 5000, 'userName eq "x" or ' * 61 + 'userName eq "y"',
    "not (" * 40 + "title pr" + ")" * 40, "x" * 5000,
]  # fmt: skip


@pytest.fixture
def people(scim: Scim) -> Scim:
    for told in PEOPLE:
        scim.user(told["userName"], **{name: value for name, value in told.items() if name != "userName"})
    return scim


@pytest.mark.parametrize("what", FILTERS)
def test_the_database_finds_what_looking_at_each_finds(people: Scim, what: str) -> None:
    users = list(ScimUser.objects.order_by("created_at"))
    with POLICY:
        models: list[Any] = list(USERS.models(users, "http://localhost"))
        both = list(zip(users, models, strict=True))
        for text in FILTERS[what]:
            fits = ScimFilter[WholeUser](text)
            if connection.vendor == "sqlite" and "ë" in text:
                continue
            assert people.names(filter=text) == [user.user_name for user, one in both if fits.match(one)], (
                text
            )


def test_what_is_no_filter(scim: Scim) -> None:
    """Section 3.12: invalidFilter, and the server goes on."""
    for text in REFUSED:
        refused(scim.get("Users", filter=text), 400, "invalidFilter")
        refused(scim.post("Users/.search", {"schemas": [SEARCH], "filter": text}), 400, "invalidFilter")
    assert scim.get("Users", filter='userName eq "x"').status_code == 200


def test_others_are_never_found(people: Scim, neighbour: Scim) -> None:
    neighbour.user("bjensen")
    assert people.names(filter='userName eq "bjensen" or userName pr').count("bjensen") == 1
    assert neighbour.names(filter="not (userName eq null)") == ["bjensen"]


def test_what_must_be_looked_at_is_bounded(people: Scim, monkeypatch: pytest.MonkeyPatch) -> None:
    """Section 3.12: tooMany, where a condition of the database can't narrow it."""
    monkeypatch.setattr(listing, "MOST_CANDIDATES", 3)

    refused(people.get("Users", filter='title gt "0"'), 400, "tooMany")
    assert people.names(filter='emails[type eq "home"]') == ["JSmith"]
    assert people.names(filter='title gt "0" and userName sw "b"') == ["bjensen"]
    assert len(people.names(filter="active eq true")) == 7


def test_looking_at_each_costs_no_more_queries(people: Scim) -> None:
    def queries(text: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            people.names(filter=text)
        return len(seen)

    queries("userName pr")
    assert queries("userName pr") == queries('userName sw "e"') <= 5
    assert queries('title gt "0"') <= 5


def test_groups_by_name_and_member(scim: Scim) -> None:
    ben, eve = scim.user("ben"), scim.user("eve")
    admins, _ = scim.group("Admins", ben, eve, externalId="g1"), scim.group("Guests", eve)

    def found(text: str) -> list[str]:
        answer = scim.get("Groups", filter=text)
        assert answer.status_code == 200, answer.content
        return [one["displayName"] for one in answer.json()["Resources"]]

    assert found('displayName eq "admins"') == ["Admins"]
    assert found('externalId eq "g1"') == ["Admins"]
    assert found(f'members eq "{ben["id"]}"') == ["Admins"]
    assert found(f'members.value ne "{ben["id"]}"') == ["Guests"]
    assert found(f'members[value eq "{eve["id"]}"]') == ["Admins", "Guests"]
    assert found(f'members[value eq "{ben["id"]}" or value eq "x"] and id eq "{admins["id"]}"') == ["Admins"]
    assert found("members pr") == ["Admins", "Guests"]
    assert found(f'not (members[value eq "{ben["id"]}"])') == ["Guests"]
    assert found('members eq "nobody"') == []
    assert found('meta.version eq "W/\\"1\\""') == ["Admins", "Guests"]
    assert scim.names(filter=f'groups eq "{admins["id"]}"') == ["ben", "eve"]
    assert scim.names(filter=f'groups[value eq "{admins["id"]}"] and userName sw "b"') == ["ben"]
    assert scim.names(filter='groups[display eq "guests"]') == ["eve"]
    for text in (
        'members[display eq "Ben"]',
        'members.value co "a"',
        'members.type eq "User"',
        'members[type eq "User"]',
    ):
        refused(scim.get("Groups", filter=text), 400, "invalidFilter")


def test_both_kinds_at_once(scim: Scim) -> None:
    """Sections 3.4.2.1 and 3.4.3: an attribute that a kind lacks has no value there."""
    ben = scim.user("ben", displayName="Both")
    scim.group("Both", ben)
    scim.user("eve", displayName="Other")

    def found(**told: Any) -> tuple[int, list[str]]:
        answer = scim.post(".search", {"schemas": [SEARCH], **told})
        assert answer.status_code == 200, answer.content
        assert scim.get("", **told).json() == answer.json()
        kinds = [one["meta"]["resourceType"] for one in answer.json()["Resources"]]
        return answer.json()["totalResults"], kinds

    assert found() == (3, ["User", "User", "Group"])
    assert found(filter='displayName eq "Both"') == (2, ["User", "Group"])
    assert found(filter='userName eq "ben"') == (1, ["User"])
    assert found(filter='meta.resourceType eq "Group"') == (1, ["Group"])
    assert found(startIndex=3, count=1) == (3, ["Group"])
    assert found(startIndex=2, count=5) == (3, ["User", "Group"])
    refused(scim.post(".search", {"schemas": [SEARCH], "filter": 'nonsense eq "x"'}), 400, "invalidFilter")
    refused(scim.post(".search", {"filter": 'userName eq "x"'}), 400, "invalidSyntax")

"""Two clients at once, on PostgreSQL: nothing is lost, and a version is had by one of them."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.directory.models import GroupMembership, Person, ScimUser
from tests.at_once import at_once
from tests.integration.scim.calling import USER, Scim
from tests.servers.process import require_services

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.thorough,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("races"),
]
TRIES = 15 if require_services() else 4


def clients(scim: Scim) -> tuple[Scim, Scim]:
    return tuple(Scim(scim.provider, scim.token, Client()) for _ in range(2))  # type: ignore[return-value]  # two


def patching(client: Scim, path: str, operation: dict[str, Any], **headers: str) -> Callable[[], int]:
    return lambda: client.patch(path, operation, **headers).status_code


def posting(client: Scim, body: dict[str, Any]) -> Callable[[], int]:
    return lambda: client.post("Users", body).status_code


def test_two_patches_without_a_version_both_count(scim: Scim) -> None:
    one, other = clients(scim)
    for number in range(TRIES):
        path = f"Users/{scim.user(f'ben{number}')['id']}"
        add = {"op": "add", "path": "emails"}
        found = at_once(
            patching(one, path, {**add, "value": [{"value": "a@x.org"}]}),
            patching(other, path, {**add, "value": [{"value": "b@x.org"}]}),
        )
        assert found == [200, 200]
        user = scim.get(path).json()
        assert sorted(email["value"] for email in user["emails"]) == ["a@x.org", "b@x.org"]
        assert user["meta"]["version"] == 'W/"3"'


def test_of_two_patches_of_one_version_one_counts(scim: Scim) -> None:
    one, other = clients(scim)
    for number in range(TRIES):
        path = f"Users/{scim.user(f'ben{number}')['id']}"
        title = {"op": "replace", "path": "title"}
        found = at_once(
            patching(one, path, {**title, "value": "a"}, If_Match='W/"1"'),
            patching(other, path, {**title, "value": "b"}, If_Match='W/"1"'),
        )
        assert Counter(found) == {200: 1, 412: 1}
        assert scim.get(path).json()["title"] == "ab"[found.index(200)]


def test_of_two_users_of_one_name_one_is_made(scim: Scim) -> None:
    one, other = clients(scim)
    for number in range(TRIES):
        body = {"schemas": [USER], "userName": f"ben{number}"}
        found = at_once(posting(one, body), posting(other, {**body, "userName": f"BEN{number}"}))
        assert Counter(found) == {201: 1, 409: 1}
    assert ScimUser.objects.count() == Person.objects.count() == TRIES


def test_joining_a_group_and_leaving_for_good(scim: Scim) -> None:
    """Whoever comes first: nobody who is gone is in a group, and what was told stands."""
    one, other = clients(scim)
    group = scim.group("g")
    gone = {"op": "replace", "path": "active", "value": False}
    for number in range(TRIES):
        ben = scim.user(f"ben{number}")
        add = {"op": "add", "path": "members", "value": [{"value": ben["id"]}]}
        found = at_once(
            patching(one, f"Groups/{group['id']}", add), patching(other, f"Users/{ben['id']}", gone)
        )
        assert found == [204, 200]
        assert not GroupMembership.objects.exists()
    assert len(scim.get(f"Groups/{group['id']}").json()["members"]) == TRIES


def test_groups_that_swap_members_never_wait_for_each_other(scim: Scim) -> None:
    """Both would lock the same people: the provider's row comes first."""
    one, other = clients(scim)
    users = [scim.user(f"u{number}") for number in range(6)]
    first, second = (f"Groups/{scim.group(name, *users)['id']}" for name in ("g", "h"))
    replace = {"op": "replace", "path": "members"}
    for number in range(TRIES):
        some = [{"value": user["id"]} for user in users[number % 3 :]]
        found = at_once(
            patching(one, first, {**replace, "value": some}),
            patching(other, second, {**replace, "value": some[:0:-1]}),
        )
        assert found == [204, 204]

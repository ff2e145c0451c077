"""Versions (RFC 7644, 3.14): ETag, If-Match, If-None-Match."""

import pytest

from tests.integration.scim.calling import GROUP, USER, Scim, refused

pytestmark = [pytest.mark.django_db, pytest.mark.thorough]
TITLE = {"op": "replace", "path": "title", "value": "new"}


def test_every_change_has_a_version_of_its_own(scim: Scim) -> None:
    ben = scim.user("ben")
    path = f"Users/{ben['id']}"
    assert (ben["meta"]["version"], scim.get(path)["ETag"]) == ('W/"1"', 'W/"1"')

    changed = scim.patch(path, TITLE)
    assert (changed["ETag"], changed.json()["meta"]["version"]) == ('W/"2"', 'W/"2"')
    assert changed.json()["meta"]["lastModified"] > ben["meta"]["lastModified"]
    assert changed.json()["meta"]["created"] == ben["meta"]["created"]


def test_what_changes_nothing_has_no_new_version(scim: Scim) -> None:
    """3.5.2.1: a value that is there already is no change."""
    ben = scim.user("ben", title="new", emails=[{"value": "b@x.org"}])
    group = scim.group("g", ben)
    told = scim.get(f"Users/{ben['id']}").json()

    assert scim.patch(f"Users/{ben['id']}", TITLE).json() == told
    assert scim.put(f"Users/{ben['id']}", told).json() == told
    add = {"op": "add", "path": "members", "value": [{"value": ben["id"]}]}
    assert scim.patch(f"Groups/{group['id']}", add)["ETag"] == 'W/"1"'


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("kind", ["Users", "Groups"])
def test_a_change_of_another_version_is_refused(scim: Scim, kind: str, method: str) -> None:
    ben = scim.user("ben")
    made = ben if kind == "Users" else scim.group("g", ben)
    path = f"{kind}/{made['id']}"

    def send(tag: str) -> int:
        if method == "PATCH":
            answer = scim.patch(path, {"op": "replace", "path": "externalId", "value": tag}, If_Match=tag)
        elif method == "PUT":
            body = (
                {"schemas": [USER], "userName": "ben"}
                if kind == "Users"
                else {"schemas": [GROUP], "displayName": "g"}
            )
            answer = scim.put(path, {**body, "externalId": tag}, If_Match=tag)
        else:
            answer = scim.delete(path, If_Match=tag)
        if answer.status_code == 412:
            refused(answer, 412)
        return answer.status_code

    now = scim.get(path)["ETag"]
    for stale in ('W/"77"', '"77"', "nonsense", '""', f'W/"{"9" * 900}"', 'W/"٣"'):
        assert send(stale) == 412, stale
    assert send(f'W/"77", {now}') in {200, 204}
    assert method == "DELETE" or send("*") in {200, 204}


def test_a_strong_tag_of_the_same_version_counts(scim: Scim) -> None:
    ben = scim.user("ben")
    assert scim.patch(f"Users/{ben['id']}", TITLE, If_Match='"1"').status_code == 200


@pytest.mark.parametrize("kind", ["Users", "Groups"])
def test_what_is_known_is_not_sent_again(scim: Scim, kind: str) -> None:
    made = scim.user("ben") if kind == "Users" else scim.group("g")
    path = f"{kind}/{made['id']}"
    for known in ('W/"1"', '"1"', "*", '"7", W/"1"'):
        answer = scim.get(path, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", 'W/"1"')
    assert scim.get(path, headers={"If-None-Match": 'W/"2"'}).status_code == 200


def test_a_users_version_counts_their_groups(scim: Scim) -> None:
    """Whoever has the old one must read the new one: groups are part of a user."""
    ben, eve = scim.user("ben"), scim.user("eve")

    def versions() -> tuple[str, str]:
        return tuple(scim.get(f"Users/{one['id']}")["ETag"] for one in (ben, eve))  # type: ignore[return-value]  # two

    group = scim.group("g", ben)
    assert versions() == ('W/"2"', 'W/"1"')
    scim.patch(f"Groups/{group['id']}", {"op": "replace", "path": "displayName", "value": "h"})
    assert versions() == ('W/"3"', 'W/"1"')
    scim.delete(f"Groups/{group['id']}")
    assert versions() == ('W/"4"', 'W/"1"')


def test_a_groups_version_counts_the_users_that_were_deleted(scim: Scim) -> None:
    ben, eve = scim.user("ben"), scim.user("eve")
    one, other = scim.group("one", ben, eve), scim.group("other", eve)
    scim.delete(f"Users/{ben['id']}")

    assert scim.get(f"Groups/{one['id']}")["ETag"] == 'W/"2"'
    assert scim.get(f"Groups/{other['id']}")["ETag"] == 'W/"1"'

"""Who gets in at SCIM, with what, and what is turned away: RFC 7644, 2, 3.1, 3.12, 4; RFC 6750."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern
from django.utils import timezone

from portal.directory.models import IdentityProvider, Person, ScimToken, ScimUser
from portal.identity.operations.scim_tokens import revoke_scim_token
from portal.scim.urls import urlpatterns
from tests.integration.scim.calling import GROUP, MEDIA_TYPE, PATCH, SHELL, USER, Scim, refused, scim_of
from tests.world import make_admin, signed_in

pytestmark = pytest.mark.django_db
ADDRESSES = [
    str(pattern.pattern).replace("<str:resource_id>", str(UUID(int=7))).replace("<str:name>", USER)
    for pattern in urlpatterns
    if isinstance(pattern, URLPattern) and pattern.name != "nothing"
]


@pytest.mark.parametrize("address", [*ADDRESSES, "nowhere/at/all"])
def test_every_address_wants_a_token(scim: Scim, address: str) -> None:
    """Section 2: 401 with a challenge, whatever the address and the method; with a token it is something else."""
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        stranger = Client().generic(method, scim.path(address), "{}", content_type=MEDIA_TYPE)
        refused(stranger, 401)
        assert stranger["WWW-Authenticate"] == 'Bearer realm="sallyport-scim"'

        assert scim._send(method, address, {}, {}).status_code not in {401, 500}


@pytest.mark.parametrize("address", ["Users", "Groups", "Schemas"])
def test_anothers_token_is_none(scim: Scim, neighbour: Scim, address: str) -> None:
    assert scim.get(address).status_code == 200
    assert neighbour.get(address).status_code == 200

    neighbour.provider = scim.provider
    answer = neighbour.get(address)
    refused(answer, 401)
    assert 'error="invalid_token"' in answer["WWW-Authenticate"]


def test_a_revoked_token_is_none(scim: Scim) -> None:
    other = scim_of(scim.provider)
    revoke_scim_token(token_id=ScimToken.objects.earliest("created_at").pk, actor=SHELL)

    refused(scim.get("Users"), 401)
    assert other.get("Users").status_code == 200


def test_an_expired_token_is_none(scim: Scim) -> None:
    now = timezone.now()
    ScimToken.objects.update(created_at=now - timedelta(days=2), expires_at=now)
    refused(scim.get("Users"), 401)

    ScimToken.objects.update(expires_at=now + timedelta(minutes=1))
    assert scim.get("Users").status_code == 200


def test_a_provider_that_is_switched_off_answers_nobody(scim: Scim) -> None:
    IdentityProvider.objects.update(is_enabled=False)
    refused(scim.get("Users"), 401)

    IdentityProvider.objects.update(is_enabled=True)
    assert scim.get("Users").status_code == 200


@pytest.mark.parametrize("told", ["", "Bearer", "Bearer ", "Basic c2NpbQ==", "Bearer scim_", "Bearer sp_x"])
def test_what_is_no_token(scim: Scim, told: str) -> None:
    refused(Client().get(scim.path("Users"), headers={"Authorization": told}), 401)


def test_a_browsers_session_opens_nothing(scim: Scim) -> None:
    """No cookie counts, so no page of another site can use one."""
    refused(signed_in(make_admin("change_identityprovider")).get(scim.path("Users")), 401)


def test_no_cookie_is_set_and_no_csrf_token_wanted(scim: Scim) -> None:
    scim.client = Client(enforce_csrf_checks=True)
    made = scim.post("Users", {"schemas": [USER], "userName": "ben"})

    assert made.status_code == 201
    assert not made.cookies
    assert made["Content-Type"] == MEDIA_TYPE
    assert "no-store" in made["Cache-Control"]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("kind", ["Users", "Groups"])
def test_anothers_resource_by_id_is_not_there(scim: Scim, neighbour: Scim, method: str, kind: str) -> None:
    own, body = {
        "Users": (scim.user("ben"), {"schemas": [USER], "userName": "eve"}),
        "Groups": (scim.group("admins"), {"schemas": [GROUP], "displayName": "theirs"}),
    }[kind]
    patch: dict[str, Any] = {
        "schemas": [PATCH],
        "Operations": [{"op": "replace", "path": "externalId", "value": "x"}],
    }
    sent = patch if method == "PATCH" else body

    refused(neighbour._send(method, f"{kind}/{own['id']}", sent, {}), 404)
    assert scim.get(f"{kind}/{own['id']}").json() == own
    assert scim._send(method, f"{kind}/{own['id']}", sent, {}).status_code in {200, 204}


@pytest.mark.parametrize(
    "address", ["Users/nobody", "Groups/1", "Users/%00", "Users/" + "x" * 3000, "x", "Schemas/x"]
)
def test_what_is_not_there(scim: Scim, address: str) -> None:
    refused(scim.get(address), 404)


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("DELETE", "Users"),
        ("PUT", "Users"),
        ("POST", "Schemas"),
        ("POST", "ServiceProviderConfig"),
        ("GET", ".search"),
    ],
)
def test_methods_that_are_none_here(scim: Scim, method: str, address: str) -> None:
    answer = scim._send(method, address, {}, {})
    refused(answer, 405)
    assert method not in answer["Allow"]


@pytest.mark.parametrize("address", ["Bulk", "Me"])
def test_what_is_announced_as_unsupported_is(scim: Scim, address: str) -> None:
    """Sections 3.7 and 3.11: 501."""
    refused(scim.post(address, {}), 501)
    assert scim.get("ServiceProviderConfig").json()["bulk"]["supported"] is False


@pytest.mark.parametrize("address", ["Schemas", "ResourceTypes"])
def test_discovery_refuses_filters(scim: Scim, address: str) -> None:
    """Section 4."""
    refused(scim.get(address, filter='id eq "x"'), 403)
    listed = scim.get(address).json()
    assert listed["totalResults"] == len(listed["Resources"])
    for one in listed["Resources"]:
        assert scim.get(f"{address}/{one['id']}").json() == one


@pytest.mark.parametrize(
    "sent",
    [
        b" ",
        b"{",
        b"[]",
        b'"x"',
        b"null",
        b'{"a": NaN}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
    ],
    ids=range(9),
)
def test_bodies_that_are_no_json_object(scim: Scim, sent: bytes) -> None:
    refused(scim.post("Users", sent), 400, "invalidSyntax")
    assert not ScimUser.objects.exists()


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_other_media_types(scim: Scim, media_type: str) -> None:
    """Section 3.1."""
    body = json.dumps({"schemas": [USER], "userName": "ben"})
    told = {"Authorization": f"Bearer {scim.token}"}
    refused(Client().generic("POST", scim.path("Users"), body, content_type=media_type, headers=told), 415)
    for taken in (MEDIA_TYPE, "application/json", f"{MEDIA_TYPE}; charset=utf-8"):
        made = Client().generic("POST", scim.path("Users"), body, content_type=taken, headers=told)
        assert made.status_code in {201, 409}


def test_huge_bodies(scim: Scim) -> None:
    refused(scim.post("Users", b'{"userName":"' + b"x" * 4 * 1024 * 1024 + b'"}'), 413)
    refused(
        scim.post("Users", {"schemas": [USER], "userName": "x", "title": "y" * 70_000}), 400, "invalidValue"
    )
    assert scim.post("Users", {"schemas": [USER], "userName": "x", "title": "y" * 60_000}).status_code == 201


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"userName": None}, "invalidValue"),
    ({"userName": ""}, "invalidValue"),
    ({"userName": 5}, "invalidValue"),
    ({"userName": ["ben"]}, "invalidValue"),
    ({"userName": "x" * 257}, "invalidValue"),
    ({"userName": " ben"}, "invalidValue"),
    ({"userName": "ben\u200b"}, "invalidValue"),
    ({"userName": "ben\n"}, "invalidValue"),
    ({"userName": "ben\x00"}, "invalidSyntax"),
    ({"userName": "ben", "title": "\x00"}, "invalidSyntax"),
    ({"userName": "ben", "title": "\ud800"}, "invalidSyntax"),
    ({"userName": "ben", "\x00": 1}, "invalidSyntax"),
    ({"userName": "ben", "active": "perhaps"}, "invalidValue"),
    ({"userName": "ben", "active": 10**400}, "invalidValue"),
    ({"userName": "ben", "name": "Ben"}, "invalidValue"),
    ({"userName": "ben", "emails": {"value": "a@b.cd"}}, "invalidValue"),
    ({"userName": "ben", "emails": [["a@b.cd"]]}, "invalidValue"),
    ({"userName": "ben", "externalId": "x" * 257}, "invalidValue"),
    ({"userName": "ben", "externalId": {}}, "invalidValue"),
    (
        {
            "userName": "ben",
            "emails": [{"value": "a@b.cd", "primary": True}, {"value": "b@b.cd", "primary": True}],
        },
        "invalidValue",
    ),
]


@pytest.mark.parametrize(("told", "scim_type"), WRONG, ids=[str(told)[:60] for told, _ in WRONG])
def test_users_that_are_none(scim: Scim, told: dict[str, Any], scim_type: str) -> None:
    refused(scim.post("Users", {"schemas": [USER], **told}), 400, scim_type)
    assert not Person.objects.exists()


def test_a_password_is_kept_nowhere(scim: Scim) -> None:
    """Section 7.5: and it comes back in no answer."""
    made = scim.post("Users", {"schemas": [USER], "userName": "ben", "password": "hunter2-hunter2"})
    scim.patch(f"Users/{made.json()['id']}", {"op": "add", "path": "password", "value": "hunter3-hunter3"})
    scim.patch(f"Users/{made.json()['id']}", {"op": "add", "value": {"PASSWORD": "hunter3-hunter3"}})

    assert b"hunter" not in made.content
    assert "hunter" not in str(list(ScimUser.objects.values()))
    assert scim.get(f"Users/{made.json()['id']}").json()["meta"]["version"] == 'W/"1"'


def test_an_unforeseen_failure_says_nothing(scim: Scim, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr("portal.scim.views.queries.find", fail)
    assert "secret" not in refused(scim.get("Users"), 500)

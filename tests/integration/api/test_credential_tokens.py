"""Tokens of programs over the API: shown once, listed without what they read, gone when they are revoked."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from portal.access.models import CredentialToken, Grant
from portal.audit.models import AuditEvent
from portal.directory.models import ApiToken, Person
from tests.integration.api.calling import caller, problem, send
from tests.world import make_admin, make_grant

pytestmark = pytest.mark.django_db
SCOPE = ApiToken.Scope.CREDENTIAL_TOKENS


@pytest.fixture
def grant(ben: Person) -> Grant:
    return make_grant(ben)


def url(grant: Grant) -> str:
    return reverse("api:credential-tokens", args=[grant.pk])


def test_what_is_made_fetches_until_it_is_revoked(grant: Grant, ben: Person) -> None:
    client = caller(ben, SCOPE)
    made = send(client, "post", url(grant), {"name": "pipeline", "lifetime_minutes": 10}).json()
    assert made["credentials_url"] == "http://localhost:8000/container/credentials"
    lasts = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["made_at"])
    assert lasts == timedelta(minutes=10)
    program = Client(headers={"Authorization": made["token"]})
    assert program.get("/container/credentials").status_code == 200
    [listed] = send(client, "get", url(grant)).json()
    assert made["token"] not in str(listed)
    assert (listed["id"], listed["is_usable"], listed["revoked_at"]) == (made["id"], True, None)
    assert listed["last_used_at"]
    gone = send(client, "delete", f"{url(grant)}/{made['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert program.get("/container/credentials").status_code == 403
    [listed] = send(client, "get", url(grant)).json()
    assert (listed["is_usable"], bool(listed["revoked_at"])) == (False, True)
    problem(send(client, "delete", f"{url(grant)}/{made['id']}"), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "x", "lifetime_minutes": 0}, "lifetime_minutes"),
        ({"name": "x", "lifetime_minutes": "a year"}, "lifetime_minutes"),
    ],
)
def test_what_is_wrong_is_named(grant: Grant, ben: Person, body: dict[str, object], field: str) -> None:
    told = problem(send(caller(ben, SCOPE), "post", url(grant), body), 400, "invalid")
    assert [each["field"] for each in told["errors"]] == [field]
    assert not CredentialToken.objects.exists()


def test_who_may_revoke_the_grant_may_revoke_its_tokens(grant: Grant, ben: Person, mallory: Person) -> None:
    made = send(caller(ben, SCOPE), "post", url(grant), {"name": "pipeline"}).json()
    where = f"{url(grant)}/{made['id']}"
    problem(send(caller(mallory, SCOPE), "delete", where), 404, "not_found")
    assert send(caller(make_admin("revoke_grant"), SCOPE), "delete", where).status_code == 204


def test_the_trail_names_the_api_token_that_made_it(grant: Grant, ben: Person) -> None:
    send(caller(ben, SCOPE), "post", url(grant), {"name": "pipeline"})
    event = AuditEvent.objects.get(type="access.credential_token.made")
    assert (event.actor_label, event.actor_kind) == ("Ben Lindqvist, token deploy script", "token")

"""Tokens of programs over the API: shown once, listed without what they read, gone when they are revoked."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal.access.models import CredentialToken, Grant
from portal.audit.models import AuditEvent
from portal.directory.models import ApiToken, Person
from portal.directory.operations.api_tokens import create_token
from tests.integration.api.calling import caller, problem, send, with_token
from tests.world import HOUR, as_actor, make_admin, make_grant, signed_in

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


def fetch(plain: str) -> tuple[int, str]:
    answer = Client().get("/container/credentials", headers={"Authorization": plain})
    return answer.status_code, answer.json().get("code", "")


def test_a_program_stops_with_the_api_token_that_made_its_token_and_others_go_on(
    grant: Grant, ben: Person
) -> None:
    lost, other = (
        create_token(name=name, scopes=[SCOPE], days=1, actor=as_actor(ben)) for name in ("lost", "other")
    )
    by_lost, by_other = (
        send(with_token(each.plain), "post", url(grant), {"name": each.token.name}).json()
        for each in (lost, other)
    )
    assert (by_lost["api_token_id"], by_lost["is_usable"]) == (str(lost.token.pk), True)
    page = signed_in(ben)
    made = page.post(reverse("web:programs", args=[grant.pk]), {"name": "by hand"})
    by_hand = made.context["snippets"][0].text.split("AUTHORIZATION_TOKEN='")[1].partition("'")[0]
    everybody = (by_lost["token"], by_other["token"], by_hand)
    assert [fetch(each) for each in everybody] == [(200, "")] * 3
    assert "1 program would stop with it" in page.get("/tokens/").content.decode()
    done = page.post(reverse("web:token-revoke", args=[lost.token.pk]), follow=True).content.decode()
    assert "1 program stopped with it" in done
    assert [fetch(each) for each in everybody] == [(403, "api_token_over"), (200, ""), (200, "")]
    told = (
        Client().get("/container/credentials", headers={"Authorization": by_lost["token"]}).json()["message"]
    )
    assert told == (
        "The token lost was made by the API token lost, which was revoked. "
        f"Make a new one at http://localhost:8000/grants/{grant.pk}/"
    )
    event = AuditEvent.objects.get(type="directory.token.revoked")
    assert (event.details["token"], event.details["programs"]) == (str(lost.token.pk), 1)
    listed = send(with_token(other.plain), "get", url(grant)).json()
    assert {each["name"]: each["is_usable"] for each in listed} == {
        "by hand": True,
        "other": True,
        "lost": False,
    }
    rows = page.get(reverse("web:programs", args=[grant.pk])).context["programs"].rows
    assert [(row.name, row.api_token, row.badge.word) for row in rows] == [
        ("by hand", "", "Active"),
        ("other", "other", "Active"),
        ("lost", "lost", "Ended"),
    ]


def test_it_stops_when_its_api_token_expires_and_promises_no_longer(grant: Grant, ben: Person) -> None:
    Grant.objects.update(ends_at=datetime.now(UTC) + 48 * HOUR)
    client = caller(ben, SCOPE)
    made = send(client, "post", url(grant), {"name": "pipeline"}).json()
    api_token = ApiToken.objects.get()
    ApiToken.objects.update(expires_at=datetime.now(UTC) + HOUR)
    shorter = send(client, "post", url(grant), {"name": "pipeline"}).json()
    ends_at = ApiToken.objects.get().expires_at
    assert datetime.fromisoformat(shorter["expires_at"]) == ends_at
    assert datetime.fromisoformat(made["expires_at"]) > ends_at
    assert fetch(made["token"]) == (200, "")
    ApiToken.objects.update(created_at=grant.made_at, expires_at=datetime.now(UTC))
    assert fetch(made["token"]) == (403, "api_token_over")
    ApiToken.objects.update(expires_at=api_token.expires_at)
    assert fetch(made["token"]) == (200, "")


def test_that_look_costs_no_statement(grant: Grant, ben: Person) -> None:
    made = send(caller(ben, SCOPE), "post", url(grant), {"name": "pipeline"}).json()
    fetch(made["token"])
    counts = []
    for api_token in (ApiToken.objects.get().pk, None):
        CredentialToken.objects.update(api_token=api_token)
        with CaptureQueriesContext(connection) as asked:
            assert fetch(made["token"]) == (200, "")
        counts.append(len(asked))
    assert counts[0] == counts[1]

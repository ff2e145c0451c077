"""A role that asks for a second factor refuses the API too, says how to satisfy it, and then gives."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from portal.access.models import AwsSession, Grant
from portal.audit.models import AuditEvent
from portal.directory.models import ApiToken, Person
from tests.factors import add_app, code_of
from tests.fakes import SECRET
from tests.integration.api.calling import caller, problem, send
from tests.sign_ins import browser_of
from tests.world import make_grant, make_role

pytestmark = pytest.mark.django_db


@pytest.fixture
def grant(ben: Person) -> Grant:
    return make_grant(ben, make_role(factor_minutes=5))


def url_of(grant: Grant) -> str:
    return reverse("api:credentials", args=[grant.pk])


def test_refused_then_satisfied_in_the_browser(ben: Person, grant: Grant) -> None:
    program = caller(ben)
    answer = send(program, "post", url_of(grant))
    told = problem(answer, 403, "step_up_required")
    assert told["max_age_seconds"] == 300
    address = urlsplit(told["step_up_url"])
    assert f"{address.scheme}://{address.netloc}" == "http://localhost:8000"
    assert parse_qs(address.query) == {
        "token": [str(ApiToken.objects.get().pk)],
        "grant": [str(grant.pk)],
    }
    assert "step_up_url" in told["detail"]
    assert answer["WWW-Authenticate"].endswith('error="insufficient_user_authentication", max_age=300')
    event = AuditEvent.objects.get(type="access.session.refused")
    assert (event.actor_kind, event.details["code"]) == ("token", "step_up_required")
    assert not AwsSession.objects.exists()

    _, secret = add_app(ben)
    browser = browser_of(ben)
    page = browser.get(f"{address.path}?{address.query}")
    intent = page.headers["Location"].partition("=")[2]
    done = browser.post("/step-up/", {"for": intent, "way": "app", "code": code_of(secret)})
    assert done.status_code == 200

    given = send(program, "post", url_of(grant))
    assert given.status_code == 201
    assert given.json()["SecretAccessKey"] == SECRET
    # For the role's minutes, and for this token alone.
    problem(send(caller(ben), "post", url_of(grant)), 403, "step_up_required")
    ApiToken.objects.update(factor_at=datetime.now(UTC) - timedelta(minutes=5, seconds=1))
    problem(send(program, "post", url_of(grant)), 403, "step_up_required")


def test_a_factor_in_the_browser_is_not_the_tokens(ben: Person, grant: Grant) -> None:
    program = caller(ben)
    program.cookies = browser_of(ben, factor_minutes=0).cookies
    problem(send(program, "post", url_of(grant)), 403, "step_up_required")


def test_the_browser_itself(ben: Person, grant: Grant) -> None:
    told = problem(send(browser_of(ben), "post", url_of(grant)), 403, "step_up_required")
    assert parse_qs(urlsplit(told["step_up_url"]).query) == {"grant": [str(grant.pk)]}
    assert send(browser_of(ben, factor_minutes=4), "post", url_of(grant)).status_code == 201


def test_a_console_link_is_made_without_one(ben: Person, grant: Grant) -> None:
    made = send(caller(ben), "post", reverse("api:console-links", args=[grant.pk]))
    assert made.status_code == 201
    path = urlsplit(made.json()["url"]).path
    clicked = browser_of(ben).post(path)
    assert clicked.headers["Location"].startswith("/step-up/?for=")


def test_anothers_grant_is_not_told_apart(mallory: Person, grant: Grant) -> None:
    problem(send(caller(mallory), "post", url_of(grant)), 404, "not_found")


def test_the_role_and_the_schema_say_so(ben: Person, grant: Grant) -> None:
    program: Client = caller(ben)
    assert send(program, "get", "/api/v1/grants").json()["results"][0]["role"]["factor_minutes"] == 5
    parts = send(program, "get", "/api/v1/schema").json()["components"]["schemas"]
    assert {"max_age_seconds", "step_up_url"} <= set(parts["Problem"]["properties"])
    assert "max_age_seconds" not in parts["Problem"]["required"]

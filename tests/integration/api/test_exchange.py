"""The public doors: a proof for credentials, in a browser from the settings' origins alone, and nothing to find out."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from portal.access.models import AwsSession
from portal.api.urls_exchange import urlpatterns
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.directory.models import Person
from portal.identity.operations import exchange_proof
from portal.kernel.attempts import Limit
from tests.fakes import SECRET, UNAVAILABLE, FakeAws
from tests.integration.api.calling import problem, send
from tests.oidc_forge import Forge
from tests.proof_world import (
    assertion,
    cognito_role,
    id_token,
    known_as,
    oidc_provider,
    real_readers,
    saml_provider,
    saml_role,
    token_role,
)
from tests.world import signed_in

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
NAMES = [str(pattern.name) for pattern in urlpatterns]
APP = "https://camera.example.test"


@pytest.fixture
def forge() -> Iterator[Forge]:
    with real_readers() as running:
        yield running


@pytest.fixture
def roles(make_role: Make, make_grant: Make, ben: Person, forge: Forge) -> dict[str, AwsRole]:
    """One role behind each door, which Ben holds."""
    saml, oidc = saml_provider(), oidc_provider(forge.issuer)
    known_as(ben, saml, "ben")
    known_as(ben, oidc, "ben-1")
    made = {
        "exchange-saml": saml_role(make_role, saml),
        "exchange-web-identity": token_role(make_role, oidc),
        "exchange-cognito": cognito_role(make_role, oidc),
    }
    for role in made.values():
        make_grant(ben, role=role, seconds=7200)
    return made


def order(name: str, role: AwsRole, forge: Forge, who: str = "ben") -> dict[str, str]:
    if name == "exchange-saml":
        return {"role": role.arn, "assertion": assertion(role, who).assertion}
    return {"role": role.arn, "token": id_token(forge, f"{who}-1").id_token}


def ask(name: str, body: Any, **headers: str) -> Any:
    client = Client(headers=headers, raise_request_exception=False)
    return send(client, "post", reverse(f"api:{name}"), body)


@pytest.mark.parametrize("name", NAMES)
def test_whoever_proves_it_gets_credentials(name: str, roles: dict[str, AwsRole], forge: Forge) -> None:
    answer = ask(name, order(name, roles[name], forge))
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["SecretAccessKey"], set(body)) == (
        SECRET,
        {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", "WorksUntil", "GrantEndsAt"},
    )
    assert "no-store" in answer["Cache-Control"]
    assert AwsSession.objects.get().ip == "127.0.0.1"
    assert not answer.cookies


@pytest.mark.parametrize("name", NAMES)
def test_everybody_else_hears_one_answer(name: str, roles: dict[str, AwsRole], forge: Forge) -> None:
    """Whether the proof was bad, the role isn't there, is another door's, or nobody of that name holds it."""
    good = order(name, roles[name], forge)
    key = "assertion" if name == "exchange-saml" else "token"
    other = next(role for each, role in roles.items() if each != name)
    bad = [
        good | {key: "bm90aGluZw=="},
        good | {"role": "arn:aws:iam::222222222222:role/Nothing"},
        good | {"role": other.arn},
        good | {"role": str(other.pk)},
        order(name, roles[name], forge, who="mallory"),
    ]
    answers = [problem(ask(name, each), 403, "proof_refused") for each in bad]
    assert len({str({**each, "request_id": ""}) for each in answers}) == 1
    assert AuditEvent.objects.filter(type="access.proof.refused").count() == len(bad)
    assert not AwsSession.objects.exists()
    assert ask(name, good).status_code == 201


@pytest.mark.parametrize("name", NAMES)
def test_being_signed_in_counts_for_nothing_here(
    name: str, roles: dict[str, AwsRole], forge: Forge, ben: Person
) -> None:
    theirs = order(name, roles[name], forge, who="mallory")
    problem(send(signed_in(ben), "post", reverse(f"api:{name}"), theirs), 403, "proof_refused")
    strict = Client(enforce_csrf_checks=True)
    own = order(name, roles[name], forge)
    assert send(strict, "post", reverse(f"api:{name}"), own).status_code == 201


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_other_methods_are_refused(name: str, method: str) -> None:
    answer = send(Client(), method, reverse(f"api:{name}"))
    problem(answer, 405, "method_not_allowed")
    assert "POST" in answer["Allow"]


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_read_is_named(name: str, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    key = "assertion" if name == "exchange-saml" else "token"
    with django_assert_num_queries(0):
        missing = problem(ask(name, {"role": "x"}), 400, "invalid")
        assert [each["field"] for each in missing["errors"]] == [key]
        long = problem(ask(name, {"role": "x", key: "a" * 100_001}), 400, "invalid")
        assert [each["field"] for each in long["errors"]] == [key]
        problem(ask(name, ["role"]), 400, "invalid")


def test_no_form_is_taken(roles: dict[str, AwsRole], forge: Forge) -> None:
    """A page of another origin can send a form without asking first; it can't send JSON so."""
    own = order("exchange-saml", roles["exchange-saml"], forge)
    answer = Client().post(reverse("api:exchange-saml"), own)
    problem(answer, 415, "unsupported_media_type")
    assert not AwsSession.objects.exists()


def test_tries_are_limited(roles: dict[str, AwsRole], forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_proof, "TRIES", Limit("exchange.network", 2, timedelta(minutes=10)))
    name = "exchange-web-identity"
    for _ in range(2):
        problem(ask(name, order(name, roles[name], forge, who="nobody")), 403, "proof_refused")
    answer = ask(name, order(name, roles[name], forge))
    problem(answer, 429, "too_many")
    assert int(answer["Retry-After"]) > 500


def test_silence_of_aws_is_told_as_such(roles: dict[str, AwsRole], forge: Forge, aws: FakeAws) -> None:
    aws.fail["assume_role_with_web_identity"] = UNAVAILABLE
    name = "exchange-web-identity"
    assert problem(ask(name, order(name, roles[name], forge)), 503, "upstream")["retryable"] is True


@pytest.mark.parametrize("name", NAMES)
def test_pages_of_the_settings_origins_may_read_the_answer(
    name: str, roles: dict[str, AwsRole], forge: Forge, settings: Any
) -> None:
    settings.BROWSER_ORIGINS = [APP]
    asked_first = Client().options(
        reverse(f"api:{name}"),
        headers={
            "Origin": APP,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert asked_first.status_code == 204
    assert asked_first["Access-Control-Allow-Origin"] == APP
    assert asked_first["Access-Control-Allow-Methods"] == "POST"
    assert asked_first["Access-Control-Allow-Headers"] == "Content-Type"
    good = ask(name, order(name, roles[name], forge), Origin=APP)
    bad = ask(name, {"role": "x"}, Origin=APP)
    for answer in (asked_first, good, bad):
        assert answer["Access-Control-Allow-Origin"] == APP
        assert "Access-Control-Allow-Credentials" not in answer
        assert "Origin" in answer["Vary"]
    assert good.status_code == 201


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.test",
        f"{APP}.evil.test",
        f"{APP}:8443",
        "http://camera.example.test",
        "https://CAMERA.example.test",
        "null",
        "",
        "*",
    ],
)
def test_pages_of_other_origins_may_not(name: str, origin: str, settings: Any) -> None:
    settings.BROWSER_ORIGINS = [APP]
    asked_first = Client().options(
        reverse(f"api:{name}"), headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
    )
    for answer in (asked_first, ask(name, {"role": "x"}, Origin=origin)):
        assert not [header for header in answer.headers if header.startswith("Access-Control")]
        assert "Origin" in answer["Vary"]


def test_no_other_address_is_open_to_pages_elsewhere(settings: Any, ben: Person) -> None:
    settings.BROWSER_ORIGINS = [APP]
    client = signed_in(ben)
    for name in ("me", "grants", "schema"):
        answer = client.get(reverse(f"api:{name}"), headers={"Origin": APP})
        assert not [header for header in answer.headers if header.startswith("Access-Control")]

"""The container credentials endpoint: what SDKs are answered, and what whoever runs them is told."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.db import OperationalError
from django.test import Client

from portal.access.models import AwsSession, CredentialToken, Grant
from portal.access.operations.credentials.credential_tokens import (
    make_credential_token,
    revoke_credential_token,
)
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.running.hold import enter_hold
from portal.audit.models import AuditEvent
from portal.directory.models import ExternalIdentity, Person
from portal.directory.operations.api_tokens import create_token
from portal.kernel import tallies
from portal.kernel.actor import Actor
from portal.kernel.errors import BusyError, TooManyError
from tests.fakes import DENIED, SECRET, TOKEN, UNAVAILABLE, FakeAws
from tests.world import HOUR, Answer, as_actor, make_grant, make_person, make_role

PATH = "/container/credentials"
OPERATOR = Actor.command("tests")


def plain_of(grant: Grant, **more: Any) -> str:
    made = make_credential_token(grant_id=grant.pk, name="pipeline", actor=as_actor(grant.holder), **more)
    return made.plain


def ask(plain: str | None, **headers: str) -> Answer:
    sent = {"Authorization": plain} if plain is not None else {}
    return Client(raise_request_exception=False).get(PATH, headers={**sent, **headers})


def refused(answer: Answer, status: int, code: str) -> str:
    """Assert that it is this refusal, in its whole form, and return what it tells people."""
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/json"
    assert "no-store" in answer.headers["Cache-Control"]
    told = answer.json()
    assert set(told) == {"code", "message", "Code", "Message"}
    assert told["code"] == told["Code"] == code
    assert told["message"] == told["Message"]
    assert SECRET not in told["message"]
    message: str = told["message"]
    return message


@pytest.fixture
def grant(ben: Person) -> Grant:
    return make_grant(ben)


def test_an_sdk_gets_what_awss_own_endpoint_would_give(grant: Grant, aws: FakeAws) -> None:
    answer = ask(plain_of(grant))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    told = answer.json()
    assert list(told) == ["AccessKeyId", "SecretAccessKey", "Token", "Expiration"]
    assert told["AccessKeyId"].startswith("ASIA")
    assert (told["SecretAccessKey"], told["Token"]) == (SECRET, TOKEN)
    session = AwsSession.objects.get()
    ends_at = min(session.expires_at, session.ends_at or session.expires_at)
    assert told["Expiration"] == ends_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert datetime.fromisoformat(told["Expiration"]) <= grant.ends_at
    assert aws.count("assume_role") == 1


def test_the_answer_is_kept_by_nobody_and_sets_no_cookie(grant: Grant) -> None:
    answer = ask(plain_of(grant))
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Request-Id"]
    assert not answer.cookies
    assert "Content-Security-Policy" not in answer.headers
    assert "Vary" not in answer.headers


def test_asked_again_it_asks_aws_no_more(grant: Grant, aws: FakeAws) -> None:
    plain = plain_of(grant)
    assert len({ask(plain).content for _ in range(5)}) == 1
    assert aws.count("assume_role") == 1


def test_who_fetched_is_written_down_before_it_leaves(grant: Grant) -> None:
    plain = plain_of(grant)
    ask(plain, **{"User-Agent": "aws-cli/1"})
    ask(plain, **{"User-Agent": "Boto3/1"})
    ask(plain, **{"User-Agent": "Boto3/1"})
    told = AuditEvent.objects.filter(type__in=["access.session.issued", "access.session.handed_out"])
    assert [(event.type, event.user_agent) for event in told.order_by("pk")] == [
        ("access.session.issued", "aws-cli/1"),
        ("access.session.handed_out", "Boto3/1"),
    ]
    assert {event.actor_label for event in told} == {"Ben Lindqvist, token pipeline"}
    assert {event.actor_kind for event in told} == {"token"}


@pytest.mark.parametrize(
    ("sent", "code", "words"),
    [
        (None, "no_token", "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        ("", "no_token", "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        ("Bearer spc_" + "a" * 43, "malformed_token", "without 'Bearer'"),
        ("spc_" + "a" * 43 + "\n", "malformed_token", "printf"),
        ("spc_" + "a" * 43 + "%0A", "malformed_token", "printf"),
        ('"spc_' + "a" * 43 + '"', "malformed_token", "quote"),
        ("spc_" + "a" * 42, "malformed_token", "43 letters"),
        ("spc_" + "ä" * 43, "malformed_token", "43 letters"),
        ("spc_" + "a" * 43, "invalid_token", "knows no such token"),
    ],
)
def test_without_a_token_it_says_what_to_send(db: None, sent: str | None, code: str, words: str) -> None:
    answer = ask(sent)
    message = refused(answer, 401, code)
    assert words in message
    assert "http://localhost:8000/" in message
    assert answer.headers["WWW-Authenticate"]


def test_an_api_token_is_none_of_these_and_these_are_no_api_tokens(grant: Grant, ben: Person) -> None:
    api = create_token(name="x", scopes=["credentials:issue"], days=1, actor=as_actor(ben)).plain
    refused(ask(api), 401, "malformed_token")
    bearer = Client(headers={"Authorization": f"Bearer {plain_of(grant)}"})
    assert bearer.get("/api/v1/grants").status_code == 401


def test_when_the_grant_ends_the_next_refresh_is_refused_and_says_what_to_do(
    grant: Grant, ben: Person, aws: FakeAws
) -> None:
    plain, neighbour = plain_of(grant), plain_of(make_grant(ben))
    assert ask(plain).status_code == 200
    revoke_grant(grant_id=grant.pk, reason="enough", actor=OPERATOR)
    grant.refresh_from_db()
    assert grant.ended_at is not None
    message = refused(ask(plain), 403, "grant_ended")
    assert message == (
        f"This grant ended at {grant.ended_at:%Y-%m-%d %H:%M:%S} UTC; ask for a new one at http://localhost:8000/"
    )
    assert ask(neighbour).status_code == 200
    assert aws.count("assume_role") == 2


def test_at_its_end_by_the_clock_too_though_no_sweep_has_run(
    grant: Grant, move_time: Callable[[UUID, float], Grant]
) -> None:
    plain = plain_of(grant)
    CredentialToken.objects.update(expires_at=grant.ends_at + HOUR)
    ended = move_time(grant.pk, 3601)
    assert f"ended at {ended.ends_at:%Y-%m-%d %H:%M:%S} UTC" in refused(ask(plain), 403, "grant_ended")


def test_a_revoked_token_stops_at_once_and_its_sister_goes_on(grant: Grant, ben: Person) -> None:
    plain, sister = plain_of(grant), plain_of(grant)
    assert ask(plain).status_code == 200
    token = CredentialToken.objects.get(prefix=plain[:10])
    revoke_credential_token(grant_id=grant.pk, token_id=token.pk, actor=as_actor(ben))
    message = refused(ask(plain), 403, "token_over")
    assert "was revoked" in message
    assert f"http://localhost:8000/grants/{grant.pk}/" in message
    assert ask(sister).status_code == 200


def test_that_it_is_tried_on_is_written_down_once_a_minute(grant: Grant, ben: Person) -> None:
    plain = plain_of(grant)
    token = CredentialToken.objects.get()
    revoke_credential_token(grant_id=grant.pk, token_id=token.pk, actor=as_actor(ben))
    for _ in range(4):
        refused(ask(plain), 403, "token_over")
    refusals = AuditEvent.objects.filter(type="access.session.refused")
    assert [event.details["code"] for event in refusals.all()] == ["token_over"]
    CredentialToken.objects.update(last_used_at=datetime.now(UTC) - timedelta(seconds=61))
    refused(ask(plain), 403, "token_over")
    assert refusals.count() == 2


def test_a_forgotten_program_fills_no_trail(grant: Grant) -> None:
    plain = plain_of(grant)
    revoke_grant(grant_id=grant.pk, reason="enough", actor=OPERATOR)
    for _ in range(4):
        refused(ask(plain), 403, "grant_ended")
    told = AuditEvent.objects.filter(type="access.session.refused")
    assert [event.details["code"] for event in told] == ["grant_ended"]


def test_a_token_past_its_own_end_stops_before_its_grant(grant: Grant) -> None:
    plain = plain_of(grant, lifetime=timedelta(minutes=5))
    assert ask(plain).status_code == 200
    CredentialToken.objects.update(
        made_at=datetime.now(UTC) - HOUR, expires_at=datetime.now(UTC) - timedelta(seconds=1)
    )
    assert "is over" in refused(ask(plain), 403, "token_over")


def test_it_dies_with_its_persons_activity_and_a_switched_off_role(grant: Grant, ben: Person) -> None:
    plain = plain_of(grant)
    Person.objects.filter(pk=ben.pk).update(is_active=False, deactivated_at=grant.made_at)
    assert "switched off" in refused(ask(plain), 403, "forbidden")
    Person.objects.filter(pk=ben.pk).update(is_active=True, deactivated_at=None)
    assert ask(plain).status_code == 200
    grant.role.is_enabled = False
    grant.role.save()
    refused(ask(plain), 403, "forbidden")


def test_a_provider_that_no_longer_vouches_stops_it_and_says_where_to_sign_in(grant: Grant) -> None:
    plain = plain_of(grant)
    assert ask(plain).status_code == 200
    ExternalIdentity.objects.update(confirmed_at=datetime.now(UTC) - timedelta(days=91))
    message = refused(ask(plain), 403, "sign_in_too_old")
    assert message.endswith("http://localhost:8000/sign-in/?again=1")


def test_a_role_that_asks_for_a_factor_counts_the_tokens_own(ben: Person) -> None:
    grant = make_grant(ben, make_role(factor_minutes=5))
    plain = plain_of(grant)
    token = CredentialToken.objects.get()
    message = refused(ask(plain), 403, "step_up_required")
    assert f"http://localhost:8000/step-up/?token={token.pk}&grant={grant.pk}" in message
    CredentialToken.objects.update(factor_at=datetime.now(UTC) - timedelta(minutes=4))
    assert ask(plain).status_code == 200
    CredentialToken.objects.update(factor_at=datetime.now(UTC) - timedelta(minutes=6))
    refused(ask(plain), 403, "step_up_required")


def test_in_hold_it_says_so(grant: Grant) -> None:
    plain = plain_of(grant)
    assert ask(plain).status_code == 200
    enter_hold(reason="looking", actor=OPERATOR)
    assert "in hold" in refused(ask(plain), 403, "conflict")


def test_what_aws_refuses_is_no_fault_of_the_program(grant: Grant, aws: FakeAws) -> None:
    aws.fail["assume_role"] = DENIED
    message = refused(ask(plain_of(grant)), 503, "upstream")
    assert f"http://localhost:8000/grants/{grant.pk}/" in message


def test_an_aws_that_is_silent_is_asked_again_soon(grant: Grant, aws: FakeAws) -> None:
    aws.fail["assume_role"] = UNAVAILABLE
    refused(ask(plain_of(grant)), 503, "upstream")


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (BusyError("AWS is asked too often.", retry_after_seconds=3), (503, "busy", "3")),
        (TooManyError(retry_after=timedelta(seconds=40)), (429, "too_many", "40")),
        (OperationalError("gone"), (503, "unavailable", "2")),
    ],
)
def test_who_should_wait_is_told_how_long(
    grant: Grant, monkeypatch: pytest.MonkeyPatch, problem: Exception, told: tuple[int, str, str]
) -> None:
    def fail(**_: object) -> None:
        raise problem

    plain = plain_of(grant)
    monkeypatch.setattr("portal.web.container.fetch_credentials", fail)
    answer = ask(plain)
    refused(answer, told[0], told[1])
    assert answer.headers["Retry-After"] == told[2]


def test_a_failure_on_our_side_tells_nothing_of_itself(
    grant: Grant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plain = plain_of(grant)
    monkeypatch.setattr("portal.web.container.fetch_credentials", lambda **_: 1 / 0)
    answer = ask(plain)
    message = refused(answer, 500, "internal")
    assert answer.headers["X-Request-Id"] in message
    assert "ZeroDivision" not in message
    assert "ZeroDivisionError" in caplog.text
    assert plain not in caplog.text


@pytest.mark.parametrize("method", ["head", "post", "put", "delete", "options"])
def test_other_methods_are_refused(grant: Grant, method: str, aws: FakeAws) -> None:
    plain = plain_of(grant)
    answer = getattr(Client(), method)(PATH, headers={"Authorization": plain})
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET"
    assert aws.calls == []


def test_only_the_portals_own_host_is_answered(grant: Grant) -> None:
    plain = plain_of(grant)
    assert "http://localhost:8000" in refused(ask(plain, host="evil.example.test"), 400, "wrong_host")
    assert ask(plain).status_code == 200


def test_under_tls_it_is_answered_over_tls_alone(grant: Grant, settings: LazySettings) -> None:
    plain = plain_of(grant)
    settings.SECURE_SSL_REDIRECT = True
    answer = ask(plain)
    assert answer.status_code == 301
    assert SECRET.encode() not in answer.content
    secure = Client().get(PATH, headers={"Authorization": plain}, secure=True)
    assert secure.status_code == 200


def test_its_use_is_seen_on_the_token(grant: Grant) -> None:
    plain = plain_of(grant)
    assert CredentialToken.objects.get().last_used_at is None
    ask(plain)
    first = CredentialToken.objects.get().last_used_at
    assert first is not None
    ask(plain)
    assert CredentialToken.objects.get().last_used_at == first


def test_a_session_is_neither_read_nor_made(grant: Grant) -> None:
    client = Client()
    client.force_login(make_person("Ada Okafor"))
    refused(client.get(PATH), 401, "no_token")
    assert client.get(PATH, headers={"Authorization": plain_of(grant)}).status_code == 200


def test_no_token_and_no_credential_is_in_any_log(grant: Grant, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    plain = plain_of(grant)
    ask(plain)
    ask(plain + "x")
    assert plain not in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_what_became_of_requests_is_counted(grant: Grant) -> None:
    tallies.flush()
    before = dict(tallies.read().get("container_requests", {}))
    ask(plain_of(grant))
    ask(None)
    tallies.flush()
    told = tallies.read()["container_requests"]
    assert {key: told[key] - before.get(key, 0) for key in ("ok", "no_token")} == {"ok": 1, "no_token": 1}

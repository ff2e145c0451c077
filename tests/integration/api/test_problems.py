"""Whatever goes wrong comes as problem details, with a stable code and nothing that isn't the caller's business."""

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from brokers.errors import AwsAccessDenied, AwsUnavailable, NotPossible, ProofRefused
from portal import wiring
from portal.api.views import credentials
from portal.directory.models import Person
from tests.fakes import FakeAws
from tests.integration.api.calling import caller, problem, send
from tests.world import make_admin, make_grant

pytestmark = pytest.mark.django_db


@pytest.fixture
def door(ben: Person) -> str:
    return reverse("api:credentials", args=[make_grant(ben).pk])


@pytest.fixture
def revoke(ben: Person) -> str:
    return reverse("api:revoke", args=[make_grant(ben).pk])


@pytest.mark.parametrize("path", ["/api/", "/api/v1/", "/api/v1/grants/", "/api/v1/grants/17", "/api/v2/me"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_addresses_that_do_not_exist(path: str, method: str) -> None:
    problem(send(Client(), method, path), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": ""}, "reason"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": ["a"]}, "reason"),
        ({"reason": "a\x00b"}, "reason"),
        ([], ""),
    ],
)
def test_bad_input_names_its_field(revoke: str, body: Any, field: str) -> None:
    client = caller(make_admin("revoke_grant"))
    answer = client.post(revoke, body, content_type="application/json")
    assert problem(answer, 400, "invalid")["errors"][0]["field"] == field
    assert send(client, "post", revoke, {"reason": "x" * 500}).status_code == 200


@pytest.mark.parametrize("sent", ["{", "", "\xff", "[" * 100_000, '{"reason": NaN}'])
def test_what_is_no_json(revoke: str, sent: str) -> None:
    answer = caller(make_admin("revoke_grant")).post(
        revoke, sent.encode("latin-1"), content_type="application/json"
    )
    assert answer.status_code == 400
    assert answer.json()["code"] in {"malformed", "invalid"}


def test_a_body_that_is_too_large(revoke: str) -> None:
    client = caller(make_admin("revoke_grant"))
    problem(send(client, "post", revoke, {"reason": "x" * (1024 * 1024)}), 413, "too_large")


def test_only_json_is_taken_and_given(revoke: str, ben: Person) -> None:
    answer = caller(make_admin("revoke_grant")).post(revoke, {"reason": "a form"})
    problem(answer, 415, "unsupported_media_type")
    answer = caller(ben).get("/api/v1/me", headers={"Accept": "text/html"})
    problem(answer, 406, "not_acceptable")


def test_aws_that_does_not_answer_is_worth_another_try(door: str, ben: Person, aws: FakeAws) -> None:
    aws.fail["assume_role"] = AwsUnavailable("sts:AssumeRole", "throttled")
    answer = send(caller(ben), "post", door)
    told = problem(answer, 503, "upstream")
    assert (told["retryable"], told["upstream_code"]) == (True, "aws.unavailable")
    assert int(answer["Retry-After"]) > 0


def test_aws_that_refuses_is_not(door: str, ben: Person, aws: FakeAws) -> None:
    aws.fail["assume_role"] = AwsAccessDenied("sts:AssumeRole", "AccessDenied", "not authorized")
    answer = send(caller(ben), "post", door)
    told = problem(answer, 503, "upstream")
    assert (told["retryable"], told["upstream_code"]) == (False, "aws.access_denied")
    assert "Retry-After" not in answer


def test_a_proof_that_aws_refuses_is_the_callers_to_put_right(door: str, ben: Person, aws: FakeAws) -> None:
    aws.fail["assume_role"] = ProofRefused("sts:AssumeRole", "InvalidIdentityToken", "expired")
    told = problem(send(caller(ben), "post", door), 403, "upstream")
    assert (told["retryable"], told["upstream_code"]) == (False, "aws.proof_refused")


def test_a_portal_without_a_hub_says_so(door: str, ben: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_hub() -> Any:
        raise NotPossible("No hub credentials were found.")

    monkeypatch.setattr(wiring, "aws_ports", no_hub)
    assert problem(send(caller(ben), "post", door), 503, "upstream")["retryable"] is False


def test_the_unexpected_tells_nothing(
    door: str, ben: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(**_: Any) -> Any:
        raise RuntimeError("the secret is hunter2")

    monkeypatch.setattr(credentials, "fetch_credentials", breaks)
    answer = send(caller(ben), "post", door)
    told = problem(answer, 500, "internal")
    assert "hunter2" not in answer.content.decode()
    assert "Traceback" not in answer.content.decode()
    assert told["request_id"] in caplog.text


def test_a_database_that_is_away_is_worth_another_try(
    door: str, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(**_: Any) -> Any:
        raise OperationalError("connection to server at 10.0.0.7 failed")

    monkeypatch.setattr(credentials, "fetch_credentials", breaks)
    answer = send(caller(ben), "post", door)
    assert problem(answer, 503, "unavailable")["retryable"] is True
    assert "10.0.0.7" not in answer.content.decode()


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "bearer sp_", "Bearer sp_a sp_b", "Bearer \xe9", "Bearer ey.J.0"]
)
def test_what_is_no_token(header: str, db: None) -> None:
    client = Client(headers={"Authorization": header})
    problem(client.get("/api/v1/me"), 401, "invalid_token")


def test_another_scheme_is_no_sign_in(db: None) -> None:
    problem(Client(headers={"Authorization": "Basic YTpi"}).get("/api/v1/me"), 401, "not_authenticated")

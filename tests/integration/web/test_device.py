"""Signing in a program, from both sides: the program's endpoints (RFC 8628, 6749, 7009, 8414) and its person's page."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.audit.models import AuditEvent
from portal.directory.models import ApiToken, DeviceSignIn, Person
from portal.identity.operations.device_sign_in import ASKS
from tests.fakes import FakeAws
from tests.partners import make_partner
from tests.sign_ins import browser_of
from tests.world import Answer, make_grant, make_person, signed_in

pytestmark = pytest.mark.django_db
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
CLI = "sallyport-cli"


def program(path: str, **sent: str) -> Answer:
    """Post as a program does: no cookie, no CSRF token."""
    return Client(enforce_csrf_checks=True, REMOTE_ADDR="198.51.100.9").post(f"/oauth/{path}", sent)


def begin(**sent: str) -> dict[str, Any]:
    answer = program("device_authorization", **{"client_id": CLI, **sent})
    assert answer.status_code == 200
    return dict(answer.json())


def poll(asked: Mapping[str, Any], **changed: str) -> Answer:
    DeviceSignIn.objects.update(polled_at=None)
    known = {"grant_type": GRANT, "client_id": CLI, "device_code": asked["device_code"]}
    return program("token", **{**known, **changed})


def act(client: Client, asked: Mapping[str, Any], what: str = "let-in") -> Answer:
    return client.post("/device", {"user_code": asked["user_code"], "act": what})


def refused(answer: Answer, status: int = 400) -> str:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Pragma"] == "no-cache"
    assert answer.json()["error_description"]
    return str(answer.json()["error"])


def test_from_the_first_question_to_a_call_of_the_api(ben: Person) -> None:
    asked = begin()
    assert asked["verification_uri"] == "http://localhost:8000/device"
    assert asked["verification_uri_complete"].endswith(f"/device?user_code={asked['user_code']}")
    assert re.fullmatch(r"[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}", asked["user_code"])
    assert (asked["expires_in"], asked["interval"]) == (600, 5)
    assert refused(poll(asked)) == "authorization_pending"

    page = signed_in(ben).get(asked["verification_uri_complete"]).content.decode()
    assert asked["user_code"] in page
    assert "198.51.100.9" in page
    assert "another network" in page
    assert "Issue credentials" in page
    assert "12 hours" in page
    done = act(signed_in(ben), asked)
    assert "is in" in done.content.decode()

    answer = poll(asked)
    told = answer.json()
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Pragma"] == "no-cache"
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 12 * 3600)
    assert "credentials:issue" in told["scope"].split()
    bearer = {"authorization": f"Bearer {told['access_token']}"}
    assert Client().get("/api/v1/me", headers=bearer).json()["name"] == ben.name
    assert refused(poll(asked)) == "invalid_grant"
    assert "Sallyport&#x27;s command line" in signed_in(ben).get("/tokens/").content.decode()

    assert program("revoke", client_id=CLI, token=told["access_token"]).status_code == 200
    assert Client().get("/api/v1/me", headers=bearer).status_code == 401


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_no_page_uses_up_what_its_readers_network_may_ask(origin: str) -> None:
    """Forms of any origin can be posted here, without a cookie: from inside a company that is its own address."""
    browser = Client(REMOTE_ADDR="198.51.100.9", headers={"origin": origin})
    for _ in range(ASKS.most + 1):
        assert refused(browser.post("/oauth/device_authorization", {"client_id": CLI})) == "invalid_request"
    assert not DeviceSignIn.objects.exists()
    asked = begin()
    sent = {"grant_type": GRANT, "client_id": CLI, "device_code": asked["device_code"]}
    assert refused(browser.post("/oauth/token", sent)) == "invalid_request"
    assert refused(browser.post("/oauth/revoke", {"client_id": CLI, "token": "sp_x"})) == "invalid_request"
    assert refused(poll(asked)) == "authorization_pending"


def test_the_link_alone_lets_nothing_in(ben: Person) -> None:
    asked = begin()
    client = signed_in(ben)
    client.get(asked["verification_uri_complete"])
    client.get(f"{asked['verification_uri_complete']}&act=let-in")
    client.post("/device", {"user_code": asked["user_code"]})
    client.post("/device", {"user_code": asked["user_code"], "act": "other"})
    assert refused(poll(asked)) == "authorization_pending"
    assert DeviceSignIn.objects.get().approved is None


def test_a_forged_form_lets_nothing_in(ben: Person) -> None:
    asked = begin()
    client = Client(enforce_csrf_checks=True)
    client.force_login(ben)
    assert act(client, asked).status_code == 403
    assert refused(poll(asked)) == "authorization_pending"


def test_refused_by_its_person(ben: Person) -> None:
    asked = begin()
    assert "was refused" in act(signed_in(ben), asked, "refuse").content.decode()
    assert refused(poll(asked)) == "access_denied"
    assert act(signed_in(ben), asked).status_code == 400
    assert not ApiToken.objects.exists()


def test_who_is_not_signed_in_is_led_there_and_back() -> None:
    asked = begin()
    answer = Client().get(f"/device?user_code={asked['user_code']}")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/sign-in/?next=/device%3Fuser_code%3D{asked['user_code']}"
    assert act(Client(), asked).headers["Location"] == "/sign-in/"
    assert refused(poll(asked)) == "authorization_pending"


def test_a_partners_person_lets_a_program_in_too() -> None:
    asked = begin()
    assert act(signed_in(make_person("Pia Partner", partner=make_partner())), asked).status_code == 200
    assert poll(asked).status_code == 200


def test_the_second_factor_that_the_browser_had_goes_along(ben: Person) -> None:
    asked, without = begin(), begin()
    act(browser_of(ben, factor_minutes=3), asked)
    act(browser_of(ben), without)
    poll(asked)
    given_at = ApiToken.objects.get().factor_at
    assert given_at is not None
    assert datetime.now(UTC) - given_at < timedelta(minutes=4)
    poll(without)
    assert ApiToken.objects.filter(factor_at=None).count() == 1


def test_a_wrong_code_says_so_and_keeps_what_was_typed(ben: Person) -> None:
    answer = signed_in(ben).post("/device", {"user_code": "BBBB-BBBB"})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "No program waits with this code" in page
    assert 'value="BBBB-BBBB"' in page
    assert signed_in(ben).post("/device", {"user_code": ""}).status_code == 400


def test_too_many_wrong_codes_must_wait(ben: Person) -> None:
    client = signed_in(ben)
    for _ in range(15):
        assert client.post("/device", {"user_code": "BBBB-BBBB"}).status_code == 400
    answer = client.post("/device", {"user_code": begin()["user_code"]})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_a_program_on_the_same_network_is_no_reason_to_warn(ben: Person) -> None:
    asked = begin()
    page = Client(REMOTE_ADDR="198.51.100.9")
    page.force_login(ben)
    assert "another network" not in page.get(asked["verification_uri_complete"]).content.decode()


@pytest.mark.parametrize(
    ("changed", "error", "status"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type", 400),
        ({"grant_type": ""}, "invalid_request", 400),
        ({"client_id": ""}, "invalid_request", 400),
        ({"client_id": "another"}, "invalid_client", 401),
        ({"device_code": ""}, "invalid_request", 400),
        ({"device_code": "spd_wrong"}, "invalid_grant", 400),
        ({"device_code": "\x00" * 20}, "invalid_grant", 400),
    ],
)
def test_a_wrong_question_for_the_token(
    ben: Person, changed: dict[str, str], error: str, status: int
) -> None:
    asked = begin()
    act(signed_in(ben), asked)
    assert refused(poll(asked, **changed), status) == error
    assert poll(asked).status_code == 200


@pytest.mark.parametrize(
    ("sent", "error", "status"),
    [
        ({}, "invalid_request", 400),
        ({"client_id": "another"}, "invalid_client", 401),
        ({"client_id": CLI, "scope": "grants:read grants:make"}, "invalid_scope", 400),
    ],
)
def test_a_wrong_first_question(sent: dict[str, str], error: str, status: int) -> None:
    assert refused(program("device_authorization", **sent), status) == error
    assert not DeviceSignIn.objects.exists()


def test_no_parameter_counts_that_was_sent_twice_or_in_the_address() -> None:
    twice = Client().post("/oauth/device_authorization", {"client_id": [CLI, CLI]})
    assert refused(twice) == "invalid_request"
    assert refused(Client().post(f"/oauth/device_authorization?client_id={CLI}")) == "invalid_request"
    as_json = Client().post(
        "/oauth/device_authorization", {"client_id": CLI}, content_type="application/json"
    )
    assert refused(as_json) == "invalid_request"
    assert begin(scope="grants:read")["user_code"]


def test_who_asks_too_often_is_told_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.identity.operations.device_sign_in.ASKS", replace(ASKS, most=1))
    begin()
    answer = program("device_authorization", client_id=CLI)
    assert refused(answer, 429) == "temporarily_unavailable"
    assert int(answer.headers["Retry-After"]) > 0


def test_a_browsers_cookie_is_nobodys_approval(ben: Person) -> None:
    """Whoever is signed in sends their cookie to these endpoints too; it must say nothing there."""
    client = signed_in(ben)
    asked = client.post("/oauth/device_authorization", {"client_id": CLI}).json()
    assert refused(poll(asked)) == "authorization_pending"
    assert DeviceSignIn.objects.get().person is None


def test_revoking_what_is_unknown_is_no_error_and_needs_a_known_client(ben: Person) -> None:
    asked = begin()
    act(signed_in(ben), asked)
    plain = poll(asked).json()["access_token"]
    assert program("revoke", client_id=CLI, token="sp_unknown").status_code == 200
    assert refused(program("revoke", client_id="another", token=plain), 401) == "invalid_client"
    assert refused(program("revoke", client_id=CLI)) == "invalid_request"
    assert ApiToken.objects.get().revoked_at is None


def test_programs_that_it_let_fetch_stop_when_its_sign_in_is_taken_back(ben: Person, aws: FakeAws) -> None:
    """What `sallyport logout` does; the other program's are let in by another sign-in, and go on."""
    grant = make_grant(ben)
    where = reverse("api:credential-tokens", args=[grant.pk])
    signed_out, other = (let_in(ben) for _ in range(2))
    tokens = [
        Client()
        .post(
            where,
            {"name": "nightly"},
            content_type="application/json",
            headers={"authorization": f"Bearer {plain}"},
        )
        .json()["token"]
        for plain in (signed_out, other)
    ]

    def fetched() -> list[str]:
        answers = [Client().get("/container/credentials", headers={"authorization": each}) for each in tokens]
        return [answer.json().get("code", "") for answer in answers]

    assert fetched() == ["", ""]
    assert program("revoke", client_id=CLI, token=signed_out).status_code == 200
    assert fetched() == ["api_token_over", ""]
    assert AuditEvent.objects.get(type="directory.token.revoked").details["programs"] == 1
    assert aws.count("assume_role") == 1


def let_in(person: Person) -> str:
    asked = begin()
    act(signed_in(person), asked)
    return str(poll(asked).json()["access_token"])


@pytest.mark.parametrize("path", ["device_authorization", "token", "revoke"])
def test_a_get_is_no_question(path: str) -> None:
    assert Client().get(f"/oauth/{path}").status_code == 405


def test_where_all_that_is_can_be_looked_up() -> None:
    told = Client().get("/.well-known/oauth-authorization-server").json()
    assert told["issuer"] == "http://localhost:8000"
    assert told["grant_types_supported"] == [GRANT]
    assert told["token_endpoint_auth_methods_supported"] == ["none"]
    for key in ("token_endpoint", "device_authorization_endpoint", "revocation_endpoint"):
        path = told[key].removeprefix(told["issuer"])
        assert Client().post(path).status_code == 400

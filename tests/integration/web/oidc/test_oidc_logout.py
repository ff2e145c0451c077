"""Logout at the OpenID provider and here: each ends what it names, and nothing else."""

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from portal.audit.models import AuditEvent
from portal.directory.models import IdentityProvider, SignIn
from tests.integration.web.oidc_visits import sign_in
from tests.integration.web.saml_visits import is_signed_in
from tests.oidc_forge import Forge, Signer, key_of
from tests.world import Answer

BACK = "/sign-in/oidc/corp/back-channel"
FRONT = "/sign-in/oidc/corp/front-channel"


@pytest.fixture
def alice(forge: Forge, corp: IdentityProvider) -> Client:
    browser = Client()
    sign_in(browser, forge, corp)
    return browser


@pytest.fixture
def bob(forge: Forge, corp: IdentityProvider) -> Client:
    browser = Client()
    forge.sub = "bob"
    sign_in(browser, forge, corp, sid="bobs")
    forge.sub = "alice"
    return browser


def post(token: str, path: str = BACK) -> Answer:
    """From the provider's server: no cookie, no CSRF token."""
    return Client(enforce_csrf_checks=True).post(path, {"logout_token": token})


def test_a_session_that_ended_there_ends_here(
    forge: Forge, corp: IdentityProvider, alice: Client, bob: Client
) -> None:
    elsewhere = Client()
    sign_in(elsewhere, forge, corp, sid="session-2")
    answer = post(forge.logout_token())
    assert (answer.status_code, answer.content) == (200, b"")
    assert "no-store" in answer.headers["Cache-Control"]
    assert not is_signed_in(alice)
    assert is_signed_in(elsewhere)
    assert is_signed_in(bob)
    assert Session.objects.count() == 2
    event = AuditEvent.objects.get(type="directory.sign_in.ended_by_provider")
    assert event.details["provider"] == "corp"


def test_a_subject_that_is_named_loses_all_sessions(
    forge: Forge, corp: IdentityProvider, alice: Client, bob: Client
) -> None:
    elsewhere = Client()
    sign_in(elsewhere, forge, corp, sid="session-2")
    assert post(forge.logout_token(sid=None)).status_code == 200
    assert not is_signed_in(alice)
    assert not is_signed_in(elsewhere)
    assert is_signed_in(bob)


def test_a_session_of_somebody_else_is_not_ended(forge: Forge, alice: Client, bob: Client) -> None:
    assert post(forge.logout_token(sub="bob", sid="session-1")).status_code == 200
    assert is_signed_in(alice)
    assert is_signed_in(bob)


def test_a_logout_counts_once(forge: Forge, corp: IdentityProvider, alice: Client) -> None:
    token = forge.logout_token(sid=None)
    assert post(token).status_code == 200
    sign_in(alice, forge, corp)
    assert post(token).status_code == 400
    assert is_signed_in(alice)
    assert post(forge.logout_token(sid=None)).status_code == 200
    assert not is_signed_in(alice)


@pytest.mark.parametrize(
    "changes",
    [
        {"signer": Signer(key=key_of("attacker"))}, {"iss": "https://idp.other.test"}, {"aud": "other"},
        {"events": None}, {"nonce": "x"}, {"sub": None, "sid": None}, {"jti": None}, {"iat": 1}, {"exp": 1},
    ],
)  # fmt: skip
def test_a_logout_that_nobody_sent(forge: Forge, alice: Client, changes: dict[str, Any]) -> None:
    answer = post(forge.logout_token(**changes))
    assert answer.status_code == 400
    assert b"invalid_request" in answer.content
    assert "no-store" in answer.headers["Cache-Control"]
    assert is_signed_in(alice)


def test_where_and_how_it_is_told(forge: Forge, corp: IdentityProvider, alice: Client) -> None:
    assert Client().get(BACK).status_code == 405
    assert Client().post(BACK).status_code == 400
    assert Client().post(BACK, {"logout_token": ["a", "b"]}).status_code == 400
    assert post(forge.logout_token(), "/sign-in/oidc/unknown/back-channel").status_code == 404
    IdentityProvider.objects.create(slug="empty", name="Not set up", kind="oidc")
    assert post(forge.logout_token(), "/sign-in/oidc/empty/back-channel").status_code == 404
    assert is_signed_in(alice)


def test_keys_that_can_not_be_had_now(forge: Forge, corp: IdentityProvider) -> None:
    forge.answers["/jwks"] = lambda _: (500, {})
    assert post(forge.logout_token()).status_code == 503


# ---------------------------------------------------------------- the front channel


def test_a_frame_of_the_providers_page_ends_the_session(forge: Forge, alice: Client, bob: Client) -> None:
    answer = Client().get(FRONT, {"iss": forge.issuer, "sid": "session-1"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert not is_signed_in(alice)
    assert is_signed_in(bob)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"sid": "session-1"},
        {"iss": "own"},
        {"iss": "own", "sid": ""},
        {"iss": "https://idp.other.test", "sid": "session-1"},
    ],
)
def test_a_frame_that_names_nothing(forge: Forge, alice: Client, told: dict[str, str]) -> None:
    told = {name: forge.issuer if value == "own" else value for name, value in told.items()}
    assert Client().get(FRONT, told).status_code == 400
    assert is_signed_in(alice)


def test_a_session_that_has_no_name_is_not_ended_by_none(forge: Forge, corp: IdentityProvider) -> None:
    browser = Client()
    sign_in(browser, forge, corp, sid=None)
    assert SignIn.objects.get().session_ref == ""
    assert Client().get(FRONT, {"iss": forge.issuer, "sid": ""}).status_code == 400
    assert is_signed_in(browser)


# ---------------------------------------------------------------- from here


def test_signing_out_here_leads_on_to_the_provider(
    forge: Forge, corp: IdentityProvider, alice: Client
) -> None:
    page = alice.post("/sign-out")
    assert f"{forge.issuer}/end?client_id=sallyport&amp;post_logout_redirect_uri=" in page.content.decode()
    assert "id_token_hint" not in page.content.decode()
    assert not is_signed_in(alice)
    corp.oidc.keeps_id_token = True
    corp.oidc.save()
    sign_in(alice, forge, corp)
    assert "&amp;id_token_hint=eyJ" in alice.post("/sign-out").content.decode()


@pytest.mark.parametrize("how", ["none offered", "stopped"])
def test_signing_out_here_needs_nobody_else(
    forge: Forge, corp: IdentityProvider, alice: Client, how: str
) -> None:
    from portal import wiring  # noqa: PLC0415  # beside its one use

    wiring.oidc_ports.cache_clear()
    if how == "stopped":
        forge.answers["/.well-known/openid-configuration"] = lambda _: (500, {})
    forge.document = {"end_session_endpoint": None}
    page = alice.post("/sign-out")
    assert page.status_code == 200
    assert "http-equiv" not in page.content.decode()
    assert not is_signed_in(alice)

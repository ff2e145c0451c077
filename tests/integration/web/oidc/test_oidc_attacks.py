"""Attacks on the portal's half of OpenID sign-in. What the token itself must say is tested with brokers/oidc.

Each is made anew, is refused with one 403 and its own reason in the audit trail, and has a neighbour that gets in.
"""

import logging
import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from portal import wiring
from portal.directory.models import IdentityProvider, PendingSignIn, Person
from portal.identity.operations.oidc_sign_in import begin_oidc_sign_in
from portal.identity.operations.refusing import SignInRefusedError
from portal.kernel.sealing import fingerprint
from tests.integration.web import saml_visits
from tests.integration.web.oidc_visits import Asked, ask, come_back, make_oidc_provider, sign_in
from tests.integration.web.saml_visits import is_signed_in, refusals
from tests.oidc_forge import Forge, Signer, key_of, running_forge
from tests.world import Answer


@pytest.fixture
def other_forge() -> Iterator[Forge]:
    with running_forge(sub="mallory") as running:
        yield running


@pytest.fixture
def other(db: None, other_forge: Forge) -> IdentityProvider:
    return make_oidc_provider(other_forge, "other")


def assert_refused(answer: Answer, reason: str, *browsers: Client) -> None:
    """One page for every reason: neither its name nor a detail of it is told to whoever tries."""
    assert answer.status_code == 403
    assert refusals()[-1] == reason
    assert b"You are not signed in" in answer.content
    assert reason.encode() not in answer.content
    assert not any(is_signed_in(browser) for browser in browsers)


def assert_accepted(browser: Client, forge: Forge, asked: Asked) -> None:
    assert come_back(browser, forge.sign_in(asked.url)).status_code == 303
    assert is_signed_in(browser)


def test_an_answer_counts_once(client: Client, forge: Forge, corp: IdentityProvider) -> None:
    answer = forge.sign_in(ask(client, corp).url)
    assert come_back(client, answer).status_code == 303
    client.post("/sign-out")
    asked = forge.asked["/token"]
    assert_refused(come_back(client, answer), "oidc.not_asked", client)
    assert forge.asked["/token"] == asked
    assert_accepted(client, forge, ask(client, corp))


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("has_own_cookie", [True, False])
def test_another_browser_can_not_finish(
    client: Client,
    forge: Forge,
    corp: IdentityProvider,
    monkeypatch: pytest.MonkeyPatch,
    *,
    has_own_cookie: bool,
    checked: bool,
) -> None:
    """Whoever is made to open somebody else's answer doesn't end up in that person's account."""
    victim = Client()
    if has_own_cookie:
        ask(victim, corp)
    answer = forge.sign_in(ask(client, corp).url, sub="mallory")
    forge.sub = "mallory"
    if not checked:
        if has_own_cookie:
            monkeypatch.setattr("secrets.compare_digest", lambda *_: True)
            assert come_back(victim, answer).status_code == 303
        return
    assert_refused(come_back(victim, answer), "oidc.other_browser", victim)
    # The browser that asked still gets in: nobody else can use its sign-in up.
    assert come_back(client, answer).status_code == 303


@pytest.mark.parametrize("state", ["", "x\x00", "altered", "https://evil.example.test/"])
def test_a_state_that_is_not_ours(client: Client, forge: Forge, corp: IdentityProvider, state: str) -> None:
    asked = ask(client, corp)
    answer = forge.sign_in(asked.url)
    assert_refused(come_back(client, {**answer, "state": state}), "oidc.not_asked", client)
    assert come_back(client, answer).status_code == 303


def test_a_state_of_another_kind_of_sign_in(client: Client, forge: Forge, corp: IdentityProvider) -> None:
    """SAML's states and OpenID's are one table: neither way in takes what the other asked for."""
    asked = saml_visits.ask(client, saml_visits.make_provider("saml"))
    answer = forge.sign_in(ask(client, corp).url)
    assert_refused(come_back(client, {**answer, "state": asked.relay_state}), "oidc.not_asked", client)
    assert not PendingSignIn.objects.exclude(finished_at=None).exists()
    assert come_back(client, answer).status_code == 303


def test_a_browser_without_a_cookie_is_no_browser(
    client: Client, forge: Forge, corp: IdentityProvider
) -> None:
    """Not even where what is kept would be an empty cookie's."""
    answer = forge.sign_in(ask(client, corp).url)
    kept = PendingSignIn.objects.get().browser
    PendingSignIn.objects.update(browser=fingerprint(""))
    assert_refused(come_back(Client(), answer), "oidc.other_browser", client)
    PendingSignIn.objects.update(browser=kept)
    assert come_back(client, answer).status_code == 303


def test_a_provider_that_is_off_is_not_asked(forge: Forge, corp: IdentityProvider) -> None:
    """Beside the page's own check: whoever else begins a sign-in is refused alike."""

    def begin() -> None:
        begin_oidc_sign_in(provider=corp, browser="cookie", next_path="/", oidc=wiring.oidc_ports())

    corp.is_enabled = False
    with pytest.raises(SignInRefusedError) as refusal:
        begin()
    assert refusal.value.reason == "oidc.provider_disabled"
    assert not PendingSignIn.objects.exists()
    corp.is_enabled = True
    begin()
    assert PendingSignIn.objects.count() == 1


def test_a_state_that_comes_twice(client: Client, forge: Forge, corp: IdentityProvider) -> None:
    answer = forge.sign_in(ask(client, corp).url)
    query = f"/sign-in/oidc/callback?state={answer['state']}&state=x&code={answer['code']}"
    assert_refused(client.get(query), "oidc.not_asked", client)
    assert come_back(client, answer).status_code == 303


def test_a_code_of_somebody_elses_sign_in(client: Client, forge: Forge, corp: IdentityProvider) -> None:
    """An attacker's browser, the victim's code: the verifier that stays with us doesn't fit it."""
    attacker = Client()
    theirs = forge.sign_in(ask(client, corp).url)
    mine = forge.sign_in(ask(attacker, corp).url, sub="mallory")
    assert_refused(come_back(attacker, {**mine, "code": theirs["code"]}), "oidc.code", attacker)
    assert_accepted(client, forge, ask(client, corp))


def test_a_code_of_somebody_elses_where_the_provider_ignores_pkce(
    client: Client, forge: Forge, corp: IdentityProvider
) -> None:
    attacker = Client()
    theirs = forge.sign_in(ask(client, corp).url)
    mine = forge.sign_in(ask(attacker, corp).url)
    stolen = forge.codes[theirs["code"]]
    # Such a provider: it takes the attacker's verifier for the victim's code.
    asked = {**stolen.asked, "code_challenge": forge.codes[mine["code"]].asked["code_challenge"]}
    forge.codes[theirs["code"]] = type(stolen)(asked, stolen.claims, stolen.signer, stolen.access_token)
    assert_refused(come_back(attacker, {**mine, "code": theirs["code"]}), "oidc.nonce", attacker)


def test_states_of_one_browser_swapped(client: Client, forge: Forge, corp: IdentityProvider) -> None:
    first, second = (forge.sign_in(ask(client, corp).url) for _ in range(2))
    assert_refused(come_back(client, {**first, "code": second["code"]}), "oidc.code", client)
    assert_refused(come_back(client, first), "oidc.not_asked", client)  # used up, whatever came of it


@pytest.mark.parametrize("announced", [True, False])
def test_a_mix_up_of_two_providers(  # noqa: PLR0917  # fixtures
    client: Client,
    forge: Forge,
    corp: IdentityProvider,
    other_forge: Forge,
    other: IdentityProvider,
    announced: bool,
) -> None:
    """The browser was sent to `other`, which answers in the name of `corp`, or hands on its code (RFC 9207)."""
    forge.document = {"authorization_response_iss_parameter_supported": announced}
    mine = forge.sign_in(ask(client, corp).url)
    theirs = other_forge.sign_in(ask(client, other).url)
    # The state decides: corp's code goes to `other`, its own state's provider, and not where `iss` or `code` say.
    told = {**theirs, "code": mine["code"], "iss": forge.issuer}
    assert_refused(come_back(client, told), "oidc.response_issuer", client)
    assert other_forge.asked["/token"] == 0
    if announced:
        assert_refused(come_back(client, mine), "oidc.response_issuer", client)
    again = forge.sign_in(ask(client, corp).url)
    assert come_back(client, {**again, "iss": forge.issuer}).status_code == 303


def test_a_token_of_another_provider_than_the_one_asked(
    client: Client, forge: Forge, corp: IdentityProvider, other_forge: Forge, other: IdentityProvider
) -> None:
    other_forge.keys = [*other_forge.keys]
    answer = forge.sign_in(ask(client, corp).url, iss=other_forge.issuer)
    assert_refused(come_back(client, answer), "oidc.issuer", client)
    foreign = forge.sign_in(ask(client, corp).url, signer=Signer(key=key_of("other's")))
    assert_refused(come_back(client, foreign), "oidc.signature", client)
    assert_accepted(client, forge, ask(client, corp))


def test_too_late(client: Client, forge: Forge, corp: IdentityProvider) -> None:
    answer = forge.sign_in(ask(client, corp).url)
    PendingSignIn.objects.update(
        created_at=F("created_at") - timedelta(minutes=11), expires_at=F("expires_at") - timedelta(minutes=11)
    )
    assert_refused(come_back(client, answer), "oidc.not_asked", client)
    answer = forge.sign_in(ask(client, corp).url)
    PendingSignIn.objects.update(
        created_at=F("created_at") - timedelta(minutes=9), expires_at=F("expires_at") - timedelta(minutes=9)
    )
    assert come_back(client, answer).status_code == 303


@pytest.mark.parametrize("told", [{"error": "access_denied"}, {"code": ""}, {"error": "x", "code": "y"}])
def test_the_provider_signed_nobody_in(
    client: Client, forge: Forge, corp: IdentityProvider, told: dict[str, str]
) -> None:
    answer = forge.sign_in(ask(client, corp).url)
    assert_refused(come_back(client, {**answer, **told}), "oidc.refused", client)
    assert forge.asked["/token"] == 0
    assert_refused(come_back(client, answer), "oidc.not_asked", client)


def test_switched_off_meanwhile(client: Client, forge: Forge, corp: IdentityProvider) -> None:
    answer = forge.sign_in(ask(client, corp).url)
    IdentityProvider.objects.update(is_enabled=False)
    assert_refused(come_back(client, answer), "oidc.provider_disabled", client)
    assert client.post("/sign-in/oidc/corp/begin").status_code == 404


def test_somebody_whom_nobody_admits(client: Client, forge: Forge, corp: IdentityProvider) -> None:
    IdentityProvider.objects.update(admits_people=False)
    assert_refused(sign_in(client, forge, corp), "directory.forbidden", client)
    assert not Person.objects.exists()


# ---------------------------------------------------------------- the server stopped, slow, talking rubbish


def assert_unavailable(answer: Answer, caplog: pytest.LogCaptureFixture, why: str) -> None:
    assert answer.status_code == 503
    assert b"Provider corp can&#x27;t be reached right now" in answer.content
    assert why in caplog.text
    assert why.encode() not in answer.content


def test_stopped_before_and_meanwhile(
    client: Client, forge: Forge, corp: IdentityProvider, caplog: pytest.LogCaptureFixture, ben: Person
) -> None:
    caplog.set_level(logging.WARNING)
    answer = forge.sign_in(ask(client, corp).url)
    forge.answers["/token"] = lambda _: (503, {})
    assert_unavailable(come_back(client, answer), caplog, "oidc.busy")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        corp.oidc.issuer = f"http://127.0.0.1:{closed.getsockname()[1]}"
    corp.oidc.save()
    assert_unavailable(client.post("/sign-in/oidc/corp/begin"), caplog, "oidc.unreachable")
    ben.refresh_from_db()
    assert ben.is_active
    assert refusals() == []


def test_slow_and_rubbish(
    client: Client, forge: Forge, corp: IdentityProvider, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    caplog.set_level(logging.WARNING)
    answer = forge.sign_in(ask(client, corp).url)
    forge.answers["/token"] = lambda _: (200, b"<html>rubbish")
    assert_unavailable(come_back(client, answer), caplog, "oidc.malformed")
    answer = forge.sign_in(ask(client, corp).url)
    monkeypatch.setattr("brokers.sockets.READ_SECONDS", 0.1)
    forge.slow = 0.5
    assert_unavailable(come_back(client, answer), caplog, "oidc.timeout")
    forge.slow = 0.0
    forge.answers.clear()
    assert_accepted(client, forge, ask(client, corp))


def test_a_provider_in_a_network_that_is_not_on_the_list(
    client: Client, forge: Forge, corp: IdentityProvider, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    from brokers.addresses import AllowedPlaces  # noqa: PLC0415  # beside its one use
    from portal import wiring  # noqa: PLC0415

    caplog.set_level(logging.WARNING)
    settings.IDENTITY_NETWORKS = AllowedPlaces()
    wiring.oidc_ports.cache_clear()
    assert_unavailable(client.post("/sign-in/oidc/corp/begin"), caplog, "oidc.address")
    assert forge.asked.total() == 0


def test_no_secret_is_in_the_log_or_the_trail(
    client: Client, forge: Forge, corp: IdentityProvider, caplog: pytest.LogCaptureFixture
) -> None:
    from portal.audit.models import AuditEvent  # noqa: PLC0415  # beside its one use

    caplog.set_level(logging.DEBUG)
    asked = ask(client, corp)
    answer = forge.sign_in(asked.url)
    come_back(client, answer)
    come_back(client, forge.sign_in(ask(client, corp).url, nonce="another"))
    told = caplog.text + str(list(AuditEvent.objects.values()))
    for secret in (answer["code"], asked.query["nonce"], asked.query["state"], "eyJ"):
        assert secret not in told

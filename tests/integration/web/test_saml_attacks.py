"""Attacks on the portal's half of SAML sign-in. What the assertion itself must say is tested with brokers/saml.

Each is signed anew, is refused with one 403 and its own reason in the audit trail, and has a neighbour that gets in.
"""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from brokers.saml import ServiceProvider
from portal.directory.models import IdentityProvider, PendingSignIn, Person, SamlSettings
from portal.identity.identity_providers import as_saml
from portal.identity.operations import complete_sign_in, pending, saml_sign_in
from tests.integration.web.saml_visits import (
    OTHER,
    Asked,
    ask,
    come_back,
    deliver,
    forge,
    is_signed_in,
    make_provider,
    refusals,
)
from tests.saml_forge import rsa_key, set_attribute
from tests.world import Answer

ASSERTION = "/samlp:Response/saml:Assertion"


def assert_refused(answer: Answer, reason: str, *browsers: Client) -> None:
    """One page for every reason: neither its name nor a detail of it is told to whoever tries."""
    assert answer.status_code == 403
    assert refusals()[-1] == reason
    assert b"You are not signed in" in answer.content
    assert reason.encode() not in answer.content
    assert b"Traceback" not in answer.content
    assert not any(is_signed_in(browser) for browser in browsers)


def assert_accepted(browser: Client, asked: Asked, **changes: Any) -> None:
    assert come_back(browser, asked, forge(asked, **changes).response()).status_code == 303
    assert is_signed_in(browser)


def test_an_answer_counts_once(client: Client, provider: IdentityProvider) -> None:
    asked = ask(client, provider)
    response = forge(asked).response()
    kept = deliver(asked.relay_state, response)
    assert client.get(kept.headers["Location"]).status_code == 303
    client.logout()
    assert_refused(client.get(kept.headers["Location"]), "saml.not_asked", client)
    assert_refused(deliver(asked.relay_state, response), "saml.not_asked", client)
    again = ask(client, provider)
    assert_refused(come_back(client, again, response), "saml.in_response_to", client)


@pytest.mark.parametrize("checked", [True, False])
def test_an_assertions_id_counts_once(
    client: Client, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch, *, checked: bool
) -> None:
    if not checked:
        monkeypatch.setattr(complete_sign_in, "remember", lambda *_: None)
    same = set_attribute(ASSERTION, "ID", f"_{secrets.token_hex(16)}")
    first = ask(client, provider)
    assert_accepted(client, first, alter=same)
    client.logout()
    second = ask(client, provider)
    answer = come_back(client, second, forge(second, alter=same).response())
    if not checked:
        assert answer.status_code == 303
        return
    assert_refused(answer, "saml.replay", client)
    assert_accepted(client, ask(client, provider))


@pytest.mark.parametrize(("has_own_cookie", "checked"), [(True, True), (False, True), (True, False)])
def test_another_browser_can_not_finish(
    client: Client,
    provider: IdentityProvider,
    monkeypatch: pytest.MonkeyPatch,
    *,
    has_own_cookie: bool,
    checked: bool,
) -> None:
    victim = Client()
    if has_own_cookie:
        ask(victim, provider)
    asked = ask(client, provider)
    kept = deliver(asked.relay_state, forge(asked, name_id="mallory").response())
    if not checked:
        monkeypatch.setattr("portal.identity.operations.saml_sign_in.secrets.compare_digest", lambda *_: True)
        assert victim.get(kept.headers["Location"]).status_code == 303
        return
    assert_refused(victim.get(kept.headers["Location"]), "saml.other_browser", victim)
    # The browser that asked still gets in: nobody else can use its sign-in up.
    assert client.get(kept.headers["Location"]).status_code == 303
    assert is_signed_in(client)


@pytest.mark.parametrize(
    "relay_state",
    ["", "//evil.example.test", "https://evil.example.test/", "/tokens/", "x\x00", "altered"],
)
def test_a_relay_state_that_is_not_ours(client: Client, provider: IdentityProvider, relay_state: str) -> None:
    asked = ask(client, provider)
    sent = f"{asked.relay_state}x" if relay_state == "altered" else relay_state
    answer = deliver(sent, forge(asked).response())
    assert_refused(answer, "saml.not_asked", client)
    assert "Location" not in answer.headers
    assert_accepted(client, asked)


def test_a_relay_state_of_somebody_elses_sign_in(client: Client, provider: IdentityProvider) -> None:
    attacker = Client()
    theirs, mine = ask(attacker, provider), ask(client, provider)
    stolen = forge(mine).response()
    assert_refused(come_back(attacker, theirs, stolen), "saml.in_response_to", attacker)
    assert_accepted(client, mine)


def test_the_answer_to_another_pending_request_of_the_same_browser(
    client: Client, provider: IdentityProvider
) -> None:
    first, second = ask(client, provider), ask(client, provider)
    answer = come_back(client, second, forge(first).response())
    assert_refused(answer, "saml.in_response_to", client)
    assert_accepted(client, first)


def test_a_valid_answer_of_another_provider_than_the_one_asked(
    client: Client, provider: IdentityProvider
) -> None:
    other = make_provider("other", entity_id=OTHER)
    asked = ask(client, provider)
    theirs = forge(asked, key=rsa_key("other"), entity_id=OTHER).response()
    assert_refused(come_back(client, asked, theirs), "saml.issuer", client)
    asked = ask(client, provider)
    posing = forge(asked, key=rsa_key("other")).response()
    assert_refused(come_back(client, asked, posing), "saml.signature", client)
    assert_accepted(client, ask(client, other))


def test_another_provider_with_the_very_same_key(client: Client, provider: IdentityProvider) -> None:
    other = make_provider("other", entity_id=OTHER, key=rsa_key("own"))
    asked = ask(client, provider)
    assert_refused(come_back(client, asked, forge(asked, entity_id=OTHER).response()), "saml.issuer", client)
    assert_accepted(client, ask(client, other), key=rsa_key("own"))


def test_the_same_name_at_two_providers_is_two_people(client: Client, provider: IdentityProvider) -> None:
    other = make_provider("other", entity_id=OTHER)
    for asked in (ask(client, provider), ask(client, other)):
        assert_accepted(client, asked)
    assert Person.objects.filter(name="alice").count() == 2


@pytest.mark.parametrize("size", [saml_sign_in.MAX_RESPONSE + 1, 3 * 1024 * 1024])
def test_more_than_an_answer_can_be(client: Client, provider: IdentityProvider, size: int) -> None:
    asked = ask(client, provider)
    assert_refused(deliver(asked.relay_state, "A" * size), "saml.size", client)
    assert PendingSignIn.objects.get().sealed_response is None
    assert_accepted(client, asked)


@pytest.mark.parametrize(
    "body",
    [
        "SAMLResponse=PHg%2BPC94Pg",
        "RelayState=one&RelayState=two&SAMLResponse=PHg%2BPC94Pg",
        "RelayState=one&SAMLResponse=PHg%2BPC94Pg&SAMLResponse=PHg%2BPC94Pg",
        "&".join(f"f{n}=1" for n in range(2000)),
        "",
    ],
)
def test_a_form_that_is_not_an_answer(client: Client, provider: IdentityProvider, body: str) -> None:
    asked = ask(client, provider)
    answer = Client().post(reverse("web:saml-acs"), body, content_type="application/x-www-form-urlencoded")
    assert_refused(answer, "saml.malformed", client)
    assert_accepted(client, asked)


def test_a_body_that_can_not_be_read(client: Client, provider: IdentityProvider) -> None:
    answer = client.post(
        reverse("web:saml-acs"), b"--x\r\n", content_type="multipart/form-data; boundary=\x80"
    )
    assert_refused(answer, "saml.malformed", client)


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("!", "saml.malformed"),
        ("PHg+", "saml.malformed"),
        ("PCFET0NUWVBFIHggW10+PHgvPg==", "saml.doctype"),
        ("PHgvPg==", "saml.assertion_count"),
    ],
)
def test_what_can_not_be_read_is_one_403(
    client: Client, provider: IdentityProvider, response: str, reason: str
) -> None:
    asked = ask(client, provider)
    assert_refused(come_back(client, asked, response), reason, client)
    assert_accepted(client, ask(client, provider))


def test_what_can_not_be_decrypted_is_the_same_403(client: Client, provider: IdentityProvider) -> None:
    asked = ask(client, provider)
    encrypted = forge(asked, encrypt_to=rsa_key("not ours"), sign=("assertion", "response")).response()
    answer = come_back(client, asked, encrypted)
    assert_refused(answer, "saml.decryption", client)
    other = ask(client, provider)
    unsigned = come_back(client, other, forge(other, sign=()).response())
    assert_refused(unsigned, "saml.unsigned", client)
    assert page_of(answer) == page_of(unsigned)


def page_of(answer: Answer) -> str:
    return answer.content.decode().replace(answer.headers["X-Request-Id"], "")


def test_a_get_at_the_consumer_service(client: Client, provider: IdentityProvider) -> None:
    asked = ask(client, provider)
    sent = {"RelayState": asked.relay_state, "SAMLResponse": forge(asked).response()}
    assert client.get(reverse("web:saml-acs"), sent).status_code == 405
    assert PendingSignIn.objects.get().sealed_response is None
    assert_accepted(client, asked)


def test_the_host_header_moves_nothing(
    client: Client, provider: IdentityProvider, settings: LazySettings
) -> None:
    begin = reverse("web:saml-begin", args=[provider.slug])
    assert client.post(begin, headers={"Host": "evil.example.test"}).status_code == 400
    assert not PendingSignIn.objects.exists()
    settings.ALLOWED_HOSTS = ["localhost", "testserver", "also.example.test"]
    also = Client(headers={"Host": "also.example.test"})
    asked = ask(also, provider)
    assert asked.acs_url == settings.SAML_ACS_URL
    moved = forge(asked, acs_url="http://also.example.test/sign-in/saml/acs").response()
    assert_refused(come_back(also, asked, moved), "saml.destination", also)
    assert_accepted(also, ask(also, provider))


def test_too_late(client: Client, provider: IdentityProvider) -> None:
    asked = ask(client, provider)
    long_ago = datetime.now(UTC) - timedelta(minutes=11)
    PendingSignIn.objects.update(created_at=long_ago, expires_at=long_ago + pending.PENDING_LIFE)
    assert_refused(come_back(client, asked, forge(asked).response()), "saml.not_asked", client)
    assert PendingSignIn.objects.get().sealed_response is None, "not even kept"


def test_a_second_answer_pushes_the_first_one_out_for_nobody(
    client: Client, provider: IdentityProvider
) -> None:
    asked = ask(client, provider)
    kept = deliver(asked.relay_state, forge(asked).response())
    second = deliver(asked.relay_state, forge(asked, name_id="mallory").response())
    assert_refused(second, "saml.not_asked", client)
    assert client.get(kept.headers["Location"]).status_code == 303
    assert is_signed_in(client)
    assert Person.objects.get().name == "alice"


def test_a_provider_that_was_switched_off(client: Client, provider: IdentityProvider) -> None:
    asked = ask(client, provider)
    IdentityProvider.objects.update(is_enabled=False)
    assert_refused(come_back(client, asked, forge(asked).response()), "saml.provider_disabled", client)
    assert client.post(reverse("web:saml-begin", args=[provider.slug])).status_code == 404
    IdentityProvider.objects.update(is_enabled=True)
    assert_accepted(client, ask(client, provider))


def test_metadata_that_can_not_be_used(client: Client, provider: IdentityProvider) -> None:
    SamlSettings.objects.update(metadata="<x/>")
    answer = client.post(reverse("web:saml-begin", args=[provider.slug]))
    assert_refused(answer, "saml.metadata.root", client)
    assert client.get("/sign-in/").status_code == 200


def test_somebody_unknown_where_nobody_is_admitted(client: Client, provider: IdentityProvider) -> None:
    IdentityProvider.objects.update(admits_people=False)
    asked = ask(client, provider)
    assert_refused(come_back(client, asked, forge(asked).response()), "directory.forbidden", client)
    assert not Person.objects.exists()


def test_somebody_deactivated(client: Client, provider: IdentityProvider) -> None:
    assert_accepted(client, ask(client, provider))
    Person.objects.update(is_active=False, deactivated_at=datetime.now(UTC))
    assert not is_signed_in(client)
    asked = ask(client, provider)
    assert_refused(come_back(client, asked, forge(asked).response()), "directory.forbidden", client)


@pytest.mark.parametrize(
    "next_path",
    [
        "//evil.example.test", "https://evil.example.test/", "/\\evil.example.test", "\\\\evil.example.test",
        "javascript:alert(1)", "///evil.example.test", "/\t/evil.example.test", "http:evil", "tokens/", "",
        "/" + "x" * 500, "/x\r\nSet-Cookie: a=b",
    ],
)  # fmt: skip
def test_where_to_go_then_is_on_this_portal(
    client: Client, provider: IdentityProvider, next_path: str
) -> None:
    asked = ask(client, provider, next_path=next_path)
    assert come_back(client, asked, forge(asked).response()).headers["Location"] == "/"
    assert client.get("/sign-in/", {"next": next_path}).headers["Location"] == "/"


def test_beginning_needs_the_pages_own_form(provider: IdentityProvider) -> None:
    strict = Client(enforce_csrf_checks=True)
    begin = reverse("web:saml-begin", args=[provider.slug])
    assert strict.post(begin).status_code == 403
    assert strict.get(begin).status_code == 405
    page = strict.get("/sign-in/")
    token = page.context["csrf_token"]
    assert strict.post(begin, {"csrfmiddlewaretoken": str(token)}).status_code == 303


def test_a_refusal_does_not_end_a_session_that_was_there(client: Client, provider: IdentityProvider) -> None:
    asked = ask(client, provider)
    assert_accepted(client, asked)
    late = client.get(reverse("web:saml-finish", args=[PendingSignIn.objects.get().pk]))
    assert (late.status_code, refusals()) == (403, ["saml.not_asked"])
    assert b"You are still signed in as alice" in late.content
    assert is_signed_in(client)


def test_turns_red_when_the_pending_request_does_not_decide(
    client: Client, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The portal's half of InResponseTo: the answer is held against the request of this browser, by its own id."""
    first, second = ask(client, provider), ask(client, provider)
    answer = forge(first).response()
    assert_refused(come_back(client, second, answer), "saml.in_response_to", client)
    third = ask(client, provider)
    verify = ServiceProvider.verify

    def careless(self: Any, idp: Any, response: str, **given: Any) -> Any:
        return verify(self, idp, response, **given | {"request_id": first.request_id})

    monkeypatch.setattr(ServiceProvider, "verify", careless)
    assert come_back(client, third, answer).status_code == 303


def test_turns_red_when_another_provider_may_answer(
    client: Client, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pending request decides whose keys and name the answer is held against, never the answer itself."""
    other = make_provider("other", entity_id=OTHER)
    asked = ask(client, provider)
    theirs = forge(asked, key=rsa_key("other"), entity_id=OTHER).response()
    assert_refused(come_back(client, asked, theirs), "saml.issuer", client)
    again = ask(client, provider)
    theirs = forge(again, key=rsa_key("other"), entity_id=OTHER).response()
    monkeypatch.setattr(saml_sign_in, "as_saml", lambda _, read: as_saml(other, read))
    assert come_back(client, again, theirs).status_code == 303


@pytest.mark.parametrize("checked", [True, False])
def test_turns_red_when_own_paths_are_not_checked(
    client: Client, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch, *, checked: bool
) -> None:
    if not checked:
        for place in (
            "portal.web.saml.own_path",
            "portal.web.signing_in.own_path",
            "portal.identity.operations.saml_sign_in.own_path",
        ):
            monkeypatch.setattr(place, lambda path: path)
    asked = ask(client, provider, next_path="https://evil.example.test/")
    led = come_back(client, asked, forge(asked).response()).headers["Location"]
    assert led == ("/" if checked else "https://evil.example.test/")

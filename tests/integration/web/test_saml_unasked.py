"""Answers that nobody asked for: off unless the provider is allowed them, and then as strict as any other."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as portal
from django.test import Client
from django.urls import reverse

from portal.audit.models import AuditEvent
from portal.directory.models import IdentityProvider, PendingSignIn, Person, SamlSettings, SeenAssertion
from portal.identity.operations import complete_sign_in, saml_unasked
from tests.integration.web.saml_visits import OTHER, Asked, ask, forge, is_signed_in, make_provider, refusals
from tests.saml_forge import Forge, drop, rsa_key, set_attribute
from tests.world import Answer, make_person

RESPONSE = "/samlp:Response"
ASSERTION = f"{RESPONSE}/saml:Assertion"
DATA = f"{ASSERTION}/saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData"
Edit = Any


@pytest.fixture
def idp(provider: IdentityProvider) -> IdentityProvider:
    SamlSettings.objects.filter(pk=provider.pk).update(allows_unasked=True)
    return provider


def unasked(provider: IdentityProvider, more: Edit = lambda _: None, **changes: Any) -> Forge:
    """An answer without InResponseTo, as a provider's own start page makes it."""

    def alter(root: Any) -> None:
        drop(RESPONSE, "InResponseTo")(root)
        drop(DATA, "InResponseTo")(root)
        more(root)

    return forge(Asked(provider, "_none", "", portal.SAML_ACS_URL), alter=alter, **changes)


def bring(browser: Client, response: str, relay_state: str | None = None) -> Answer:
    """The POST from the provider's site carries no cookie of ours; its answer sets one; the GET carries all."""
    fields = {"SAMLResponse": response} | ({} if relay_state is None else {"RelayState": relay_state})
    kept = Client().post(reverse("web:saml-acs"), fields)
    if kept.status_code != 303:
        return kept
    browser.cookies.update(kept.cookies)
    return browser.get(kept.headers["Location"])


def test_it_lets_in_where_the_provider_is_allowed_it(client: Client, idp: IdentityProvider) -> None:
    answer = bring(client, unasked(idp).response(), "/tokens/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/tokens/")
    assert is_signed_in(client)
    event = AuditEvent.objects.get(type="directory.sign_in.succeeded")
    assert event.details["unasked"] is True
    cookie = client.cookies["sallyport-unasked"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 600)


def test_one_that_was_asked_for_is_not_called_unasked(client: Client, idp: IdentityProvider) -> None:
    asked = ask(client, idp)
    kept = Client().post(
        reverse("web:saml-acs"), {"RelayState": asked.relay_state, "SAMLResponse": forge(asked).response()}
    )
    assert client.get(kept.headers["Location"]).status_code == 303
    assert "unasked" not in AuditEvent.objects.get(type="directory.sign_in.succeeded").details


@pytest.mark.parametrize("checked", [True, False])
def test_it_is_refused_where_the_provider_is_not(
    client: Client, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch, *, checked: bool
) -> None:
    if not checked:
        monkeypatch.setattr(saml_unasked, "_check_allowed", lambda _: None)
    answer = bring(client, unasked(provider).response())
    assert (answer.status_code, is_signed_in(client)) == ((403, False) if checked else (303, True))
    assert refusals() == (["saml.not_asked"] if checked else [])
    assert PendingSignIn.objects.exists() is not checked


def test_what_was_allowed_when_it_came_and_is_not_any_more(client: Client, idp: IdentityProvider) -> None:
    kept = Client().post(reverse("web:saml-acs"), {"SAMLResponse": unasked(idp).response()})
    client.cookies.update(kept.cookies)
    SamlSettings.objects.update(allows_unasked=False)
    assert client.get(kept.headers["Location"]).status_code == 403
    assert refusals() == ["saml.not_asked"]


def test_of_a_provider_that_is_switched_off(client: Client, idp: IdentityProvider) -> None:
    IdentityProvider.objects.update(is_enabled=False)
    assert bring(client, unasked(idp).response()).status_code == 403
    assert refusals() == ["saml.not_asked"]
    assert not PendingSignIn.objects.exists(), "nothing of it is kept"
    IdentityProvider.objects.update(is_enabled=True)
    assert bring(client, unasked(idp).response()).status_code == 303


def put_back(root: Any) -> None:
    root.set("InResponseTo", "_a_request")


ATTACKS: list[tuple[str, dict[str, Any]]] = [
    ("saml.in_response_to", {"more": put_back}),
    ("saml.confirmation_in_response_to", {"more": set_attribute(DATA, "InResponseTo", "_a_request")}),
    ("saml.destination", {"acs_url": "http://localhost:8000/elsewhere"}),
    ("saml.destination", {"more": drop(RESPONSE, "Destination")}),
    # Of these two python3-saml is the first to know, and says no more.
    ("saml.confirmation", {"more": set_attribute(DATA, "Recipient", "http://localhost:8000/elsewhere")}),
    ("saml.audience", {"sp_entity_id": "https://another.example.test"}),
    ("saml.confirmation", {"more": set_attribute(DATA, "NotOnOrAfter", "2020-01-01T00:00:00Z")}),
    ("saml.signature", {"key": rsa_key("evil")}),
    ("saml.unsigned", {"sign": ()}),
    ("saml.not_asked", {"entity_id": "https://unknown.example.test"}),
]


@pytest.mark.parametrize(("reason", "changes"), ATTACKS)
def test_all_other_checks_are_the_same(
    client: Client, idp: IdentityProvider, reason: str, changes: dict[str, Any]
) -> None:
    answer = bring(client, unasked(idp, **changes).response())
    assert (answer.status_code, refusals()) == (403, [reason])
    assert not is_signed_in(client)
    assert not PendingSignIn.objects.exists(), "nothing of it is kept"
    assert bring(client, unasked(idp).response()).status_code == 303


def test_another_providers_key_does_not_do(client: Client, idp: IdentityProvider) -> None:
    other = make_provider("other", entity_id=OTHER)
    assert bring(client, unasked(idp, key=rsa_key("other")).response()).status_code == 403
    assert bring(client, unasked(other).response()).status_code == 403
    assert refusals() == ["saml.signature", "saml.not_asked"]
    assert not is_signed_in(client)


def test_an_answer_to_another_browsers_request_is_not_one_that_nobody_asked_for(
    client: Client, idp: IdentityProvider
) -> None:
    asked = ask(client, idp)
    stolen = forge(asked).response()
    assert bring(Client(), stolen, "made-up").status_code == 403
    assert refusals() == ["saml.in_response_to"]


@pytest.mark.parametrize("checked", [True, False])
def test_an_assertion_counts_once(
    client: Client, idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch, *, checked: bool
) -> None:
    same = set_attribute(ASSERTION, "ID", f"_{secrets.token_hex(16)}")
    assert bring(client, unasked(idp, same).response()).status_code == 303
    client.logout()
    again = unasked(idp, same).response()
    if not checked:
        monkeypatch.setattr(complete_sign_in, "remember", lambda *_: None)
        monkeypatch.setattr(SeenAssertion.objects, "filter", lambda **_: Person.objects.none())
        assert bring(client, again).status_code == 303
        return
    kept = PendingSignIn.objects.count()
    assert bring(client, again).status_code == 403
    assert refusals() == ["saml.replay"]
    assert PendingSignIn.objects.count() == kept, "known when it came, and not kept"
    assert not is_signed_in(client)


def test_two_that_came_at_once_count_once(idp: IdentityProvider) -> None:
    response = unasked(idp).response()
    browsers = (Client(), Client())
    waiting = []
    for browser in browsers:
        kept = Client().post(reverse("web:saml-acs"), {"SAMLResponse": response})
        browser.cookies.update(kept.cookies)
        waiting.append(kept.headers["Location"])
    assert [browser.get(where).status_code for browser, where in zip(browsers, waiting, strict=True)] == [
        303,
        403,
    ]
    assert refusals() == ["saml.replay"]


def test_the_address_to_go_on_at_is_of_no_use_to_another_browser(
    client: Client, idp: IdentityProvider
) -> None:
    kept = Client().post(
        reverse("web:saml-acs"), {"SAMLResponse": unasked(idp, name_id="mallory").response()}
    )
    victim = Client()
    ask(victim, idp)
    assert victim.get(kept.headers["Location"]).status_code == 403
    assert victim.post(kept.headers["Location"]).status_code == 403
    assert refusals() == ["saml.other_browser"] * 2
    assert not is_signed_in(victim)
    client.cookies.update(kept.cookies)
    assert client.get(kept.headers["Location"]).status_code == 303


def test_the_two_kinds_of_waiting_answers_are_not_mixed(client: Client, idp: IdentityProvider) -> None:
    kept = Client().post(reverse("web:saml-acs"), {"SAMLResponse": unasked(idp).response()})
    client.cookies.update(kept.cookies)
    client.cookies["sallyport-sign-in"] = client.cookies["sallyport-unasked"].value
    pending = PendingSignIn.objects.get()
    assert client.get(reverse("web:saml-finish", args=[pending.pk])).status_code == 403
    assert client.get(reverse("web:saml-unasked", args=[pending.pk])).status_code == 303


def test_somebody_elses_session_is_never_replaced_silently(client: Client, idp: IdentityProvider) -> None:
    ben = make_person("Ben")
    client.force_login(ben)
    kept = Client().post(
        reverse("web:saml-acs"), {"SAMLResponse": unasked(idp, name_id="mallory").response()}
    )
    client.cookies.update(kept.cookies)
    page = client.get(kept.headers["Location"])

    assert page.status_code == 200
    assert b"Sign in as mallory at Provider own?" in page.content
    assert b"You are signed in as Ben" in page.content
    assert client.session["_auth_user_id"] == str(ben.pk)
    assert not Person.objects.filter(name="mallory").exists(), "looking makes nobody"
    strict = Client(enforce_csrf_checks=True)
    strict.cookies.update(client.cookies)
    assert strict.post(kept.headers["Location"]).status_code == 403
    assert client.session["_auth_user_id"] == str(ben.pk)
    assert client.post(kept.headers["Location"]).status_code == 303
    assert client.session["_auth_user_id"] == str(Person.objects.get(name="mallory").pk)


def test_the_same_person_again_just_goes_on(client: Client, idp: IdentityProvider) -> None:
    bring(client, unasked(idp).response())
    assert bring(client, unasked(idp).response(), "/tokens/").headers["Location"] == "/tokens/"


@pytest.mark.parametrize(
    "relay_state", ["https://evil.example.test/", "//evil.example.test", "", "x", "/\\evil", None]
)
def test_it_leads_to_own_paths_alone(client: Client, idp: IdentityProvider, relay_state: str | None) -> None:
    assert bring(client, unasked(idp).response(), relay_state).headers["Location"] == "/"
    assert PendingSignIn.objects.get().next_path == "/", "not even kept"


def test_too_late(client: Client, idp: IdentityProvider) -> None:
    kept = Client().post(reverse("web:saml-acs"), {"SAMLResponse": unasked(idp).response()})
    client.cookies.update(kept.cookies)
    long_ago = datetime.now(UTC) - timedelta(minutes=11)
    PendingSignIn.objects.update(created_at=long_ago, expires_at=long_ago + timedelta(minutes=10))
    assert client.get(kept.headers["Location"]).status_code == 403
    assert refusals() == ["saml.not_asked"]

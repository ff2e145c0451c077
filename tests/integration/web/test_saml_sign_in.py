"""The accepted way: what a sign-in through SAML does, and what it leaves behind."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings, settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from portal.access.operations.grants.deactivate_person import deactivate_person
from portal.audit.models import AuditEvent
from portal.directory.models import ExternalIdentity, IdentityProvider, PendingSignIn, Person, SignIn
from portal.identity.operations import limit_tries
from portal.identity.operations.complete_sign_in import SignedIn, open_sign_in
from portal.identity.operations.gone import person_gone
from portal.kernel.actor import Actor
from portal.kernel.attempts import Limit
from portal.web import signing_in
from tests.integration.web.saml_visits import (
    ask,
    come_back,
    deliver,
    forge,
    is_signed_in,
    refusals,
)
from tests.world import make_grant, make_person


def test_a_first_sign_in_makes_the_person_and_lets_them_in(
    client: Client, provider: IdentityProvider
) -> None:
    asked = ask(client, provider)
    finished = come_back(client, asked, forge(asked).response())
    assert (finished.status_code, finished.headers["Location"]) == (303, "/")
    assert is_signed_in(client)
    event = AuditEvent.objects.get(type="directory.sign_in.succeeded")
    assert event.details["provider"] == "own"
    assert event.person_id == Person.objects.get(name="alice").pk
    assert refusals() == []


def test_the_address_of_the_consumer_service_comes_from_the_settings(provider: IdentityProvider) -> None:
    assert ask(Client(), provider).acs_url == settings.SAML_ACS_URL
    assert settings.SAML_ACS_URL.endswith(reverse("web:saml-acs"))
    assert settings.SAML_ENTITY_ID.endswith(reverse("web:saml-metadata"))


def test_the_cookie_that_binds_the_browser(client: Client, provider: IdentityProvider) -> None:
    ask(client, provider)
    cookie = client.cookies["sallyport-sign-in"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == 600
    assert not cookie["secure"]  # the tests' portal is http://localhost
    assert cookie.value not in str(PendingSignIn.objects.values().get())


def test_under_tls_the_cookie_is_for_tls_alone(
    client: Client, provider: IdentityProvider, settings: LazySettings
) -> None:
    settings.TLS = True
    ask(client, provider)
    assert client.cookies["sallyport-sign-in"]["secure"]


def test_two_tabs_may_sign_in_at_once(client: Client, provider: IdentityProvider) -> None:
    first, second = ask(client, provider, next_path="/tokens/"), ask(client, provider)
    assert come_back(client, second, forge(second).response()).headers["Location"] == "/"
    assert come_back(client, first, forge(first).response()).headers["Location"] == "/tokens/"


def test_what_a_person_wanted_survives_the_sign_in(client: Client, provider: IdentityProvider) -> None:
    asked = ask(client, provider)
    come_back(client, asked, forge(asked).response())
    wanted = reverse("web:grant", args=[make_grant(Person.objects.get()).pk]) + "?from=mail"
    client.logout()

    sent = client.get(wanted)
    page = client.get(sent.headers["Location"])
    assert page.context["next"] == wanted
    asked = ask(client, provider, next_path=page.context["next"])
    finished = come_back(client, asked, forge(asked).response())
    assert finished.headers["Location"] == wanted
    assert client.get(wanted).status_code == 200


def test_the_session_is_new_and_its_end_is_fixed(client: Client, provider: IdentityProvider) -> None:
    client.force_login(make_person("Somebody before"))
    client.session["left"] = "behind"
    before = client.session.session_key
    asked = ask(client, provider)
    come_back(client, asked, forge(asked).response())
    again = ask(client, provider)
    first = client.session.session_key
    come_back(client, again, forge(again).response())

    assert len({before, first, client.session.session_key}) == 3
    assert not Session.objects.filter(session_key__in=[before, first]).exists()
    assert "left" not in client.session
    ends_at = Session.objects.get(session_key=client.session.session_key).expire_date
    assert abs(ends_at - datetime.now(UTC) - timedelta(hours=8)) < timedelta(minutes=1)


def test_looking_and_polling_do_not_make_the_session_longer(
    client: Client, provider: IdentityProvider
) -> None:
    asked = ask(client, provider)
    come_back(client, asked, forge(asked).response())
    key = client.session.session_key
    ends_at = Session.objects.get(session_key=key).expire_date
    for path in ("/", "/grants/", "/tokens/"):
        answer = client.get(path, headers={"HX-Request": "true"})
        assert settings.SESSION_COOKIE_NAME not in answer.cookies
    client.post("/tokens/", {"name": "x", "scopes": ["grants:read"], "lifetime": "7"})
    assert Session.objects.get(session_key=key).expire_date == ends_at


def test_nothing_is_believed_when_the_answer_arrives(client: Client, provider: IdentityProvider) -> None:
    asked = ask(client, provider)
    kept = deliver(asked.relay_state, forge(asked).response())
    assert kept.status_code == 303
    assert kept.cookies == {}
    assert not Person.objects.exists()
    stored = PendingSignIn.objects.get()
    assert b"alice" not in bytes(stored.sealed_response or b"")
    assert stored.relay_state != asked.relay_state


def test_a_person_who_is_signed_in_goes_straight_on(client: Client, provider: IdentityProvider) -> None:
    client.force_login(make_person())
    assert client.get("/sign-in/?next=/tokens/").headers["Location"] == "/tokens/"


def test_signing_out_ends_the_session_and_is_recorded(client: Client, ben: Person) -> None:
    client.force_login(ben)
    assert client.get("/sign-out").status_code == 405
    assert is_signed_in(client)
    assert b"You are signed out" in client.post("/sign-out").content
    assert not is_signed_in(client)
    assert AuditEvent.objects.get(type="directory.sign_in.ended").person_id == ben.pk
    assert client.post("/sign-out").status_code == 200


def test_the_service_providers_metadata(client: Client) -> None:
    document = client.get("/sign-in/saml/metadata")
    assert document.headers["Content-Type"] == "application/samlmetadata+xml"
    assert settings.SAML_ACS_URL.encode() in document.content


def test_one_network_begins_only_so_many_sign_ins(
    client: Client, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limit_tries, "BEGINS", Limit("begins", 3, timedelta(minutes=5)))
    begin = reverse("web:saml-begin", args=[provider.slug])
    assert [client.post(begin).status_code for _ in range(4)] == [303, 303, 303, 429]
    assert PendingSignIn.objects.count() == 3
    assert Client(REMOTE_ADDR="198.51.100.7").post(begin).status_code == 303


@pytest.mark.parametrize("goes", ["gone", "deactivated", ""])
def test_who_is_gone_before_the_session_is_noted_is_not_let_in(
    client: Client, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch, goes: str
) -> None:
    """The provider's word may come between the proof and the session: whichever is later sees the other."""
    IdentityProvider.objects.update(gone_everywhere=False)
    asked = ask(client, provider)
    answer = forge(asked).response()

    def gone_meanwhile(*, signed_in: SignedIn, session_key: str, actor: Actor) -> SignIn:
        other = IdentityProvider.objects.create(slug="other", name="Other", kind="oidc")
        ExternalIdentity.objects.create(provider=other, person=signed_in.person, subject="x")
        if goes == "gone":
            person_gone(identity_id=signed_in.identity.pk, why="removed", actor=Actor.system("tests"))
        if goes == "deactivated":
            deactivate_person(person_id=signed_in.person.pk, reason="left", actor=Actor.command("tests"))
        return open_sign_in(signed_in=signed_in, session_key=session_key, actor=actor)

    monkeypatch.setattr(signing_in, "open_sign_in", gone_meanwhile)
    assert come_back(client, asked, answer).status_code == (403 if goes else 303)
    assert is_signed_in(client) is not bool(goes)
    assert SignIn.objects.exists() is not bool(goes)
    assert refusals() == (["directory.gone"] if goes else [])

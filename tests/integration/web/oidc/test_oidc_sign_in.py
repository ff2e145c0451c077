"""The accepted way: what a sign-in through OpenID Connect does, and what it leaves behind."""

import time
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from portal import wiring
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.directory.models import (
    ExternalIdentity,
    GroupMembership,
    IdentityProvider,
    PendingSignIn,
    Person,
    SignIn,
)
from portal.identity.operations.tidy import tidy_sign_ins
from portal.kernel.clock import database_now
from portal.kernel.sealing import unseal
from tests.fake_ldap import make_directory
from tests.integration.web.oidc_visits import ask, come_back, make_oidc_provider, sign_in
from tests.integration.web.saml_visits import is_signed_in, make_provider, refusals
from tests.oidc_forge import Forge, running_forge

MFA = "urn:example:mfa"


def groups() -> list[str]:
    return sorted(GroupMembership.objects.values_list("group__name", flat=True))


def test_a_first_sign_in_makes_the_person_and_lets_them_in(
    client: Client, forge: Forge, corp: IdentityProvider
) -> None:
    forge.userinfo = {"name": "Alice Berg", "email": "alice@example.test", "groups": ["staff", "payments"]}
    finished = sign_in(client, forge, corp)
    assert (finished.status_code, finished.headers["Location"]) == (303, "/")
    assert is_signed_in(client)
    person = Person.objects.get()
    assert (person.name, person.email) == ("Alice Berg", "alice@example.test")
    assert groups() == ["payments", "staff"]
    identity = ExternalIdentity.objects.get()
    assert (identity.subject, identity.login) == ("alice", "alice@example.test")
    assert SignIn.objects.get().session_ref == "session-1"
    event = AuditEvent.objects.get(type="directory.sign_in.succeeded")
    assert (event.details["provider"], event.person_id) == ("corp", person.pk)
    assert refusals() == []


def test_a_second_sign_in_is_the_same_persons_and_groups_are_those_of_now(
    client: Client, forge: Forge, corp: IdentityProvider
) -> None:
    sign_in(client, forge, corp, groups=["staff", "payments"])
    sign_in(client, forge, corp, groups=["staff"])
    assert Person.objects.count() == 1
    assert groups() == ["staff"]
    sign_in(client, forge, corp)
    assert groups() == []


@pytest.mark.parametrize(
    ("attribute", "claims", "told"),
    [
        ("groups", {"groups": "staff"}, ["staff"]),
        ("cognito:groups", {"cognito:groups": ["staff"]}, ["staff"]),
        ("realm_access.roles", {"realm_access": {"roles": ["staff"]}}, ["staff"]),
        ("https://x.test/roles", {"https://x.test/roles": ["staff"]}, ["staff"]),
        ("groups", {"groups": ["staff", 7]}, []),
        ("groups", {"groups": {"staff": True}}, []),
        ("", {"groups": ["staff"]}, ["kept"]),  # it says nothing of groups: they stay as they are
        (
            "groups",
            {"_claim_names": {"groups": "src1"}},
            ["kept"],
        ),  # Entra, where they are too many for a token
    ],
)
def test_which_claim_tells_the_groups(
    forge: Forge, corp: IdentityProvider, attribute: str, claims: dict[str, Any], told: list[str]
) -> None:
    sign_in(Client(), forge, corp, groups=["kept"])
    IdentityProvider.objects.update(groups_attribute=attribute)
    sign_in(Client(), forge, corp, **claims)
    assert groups() == told


def test_where_the_browser_goes_comes_from_the_settings(
    client: Client, corp: IdentityProvider, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "testserver", "other.test"]
    begun = client.post(reverse("web:oidc-begin", args=["corp"]), headers={"host": "other.test"})
    assert "localhost%3A8000%2Fsign-in%2Foidc%2Fcallback" in begun.headers["Location"]
    assert settings.OIDC_REDIRECT_URI.endswith(reverse("web:oidc-callback"))


def test_what_is_kept_meanwhile_is_sealed_or_hashed(client: Client, corp: IdentityProvider) -> None:
    asked = ask(client, corp)
    kept = str(PendingSignIn.objects.values().get())
    cookie = client.cookies["sallyport-sign-in"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 600)
    for secret in (asked.query["state"], asked.query["nonce"], cookie.value):
        assert secret not in kept
    nonce, verifier = (
        unseal(bytes(PendingSignIn.objects.get().sealed_secret or b"")).decode()[2:-2].split('", "')
    )
    assert nonce == asked.query["nonce"]
    assert verifier not in asked.url


def test_what_a_person_wanted_survives_the_sign_in(
    client: Client, forge: Forge, corp: IdentityProvider
) -> None:
    asked = ask(client, corp, next_path="/tokens/?a=b")
    assert come_back(client, forge.sign_in(asked.url)).headers["Location"] == "/tokens/?a=b"
    asked = ask(client, corp, next_path="//evil.test")
    assert come_back(client, forge.sign_in(asked.url)).headers["Location"] == "/"


def test_two_tabs_may_sign_in_at_once(client: Client, forge: Forge, corp: IdentityProvider) -> None:
    first, second = ask(client, corp, next_path="/tokens/"), ask(client, corp)
    assert come_back(client, forge.sign_in(second.url)).headers["Location"] == "/"
    assert come_back(client, forge.sign_in(first.url)).headers["Location"] == "/tokens/"


# ---------------------------------------------------------------- the ID token


def test_the_id_token_is_kept_where_the_settings_say_so_sealed_until_it_ends(
    client: Client, forge: Forge, corp: IdentityProvider
) -> None:
    sign_in(client, forge, corp)
    assert SignIn.objects.get().sealed_id_token is None
    SignIn.objects.all().delete()
    corp.oidc.keeps_id_token = True
    corp.oidc.save()
    sign_in(client, forge, corp)
    kept = SignIn.objects.get()
    assert b"eyJ" not in bytes(kept.sealed_id_token or b"")
    assert unseal(bytes(kept.sealed_id_token or b"")).startswith(b"eyJ")
    assert kept.id_token_expires_at is not None
    tidy_sign_ins(at=kept.id_token_expires_at + timedelta(seconds=1))
    kept.refresh_from_db()
    assert kept.sealed_id_token is None


# ---------------------------------------------------------------- second factors, links


def test_a_second_factor_counts_where_the_provider_says_when(
    client: Client, forge: Forge, corp: IdentityProvider
) -> None:
    IdentityProvider.objects.update(factor_contexts=["mfa"])
    sign_in(client, forge, corp, amr=["pwd", "mfa"])
    assert SignIn.objects.get().factor_at is None
    SignIn.objects.all().delete()
    sign_in(client, forge, corp, amr=["pwd", "mfa"], auth_time=int(time.time()) - 60)
    told = SignIn.objects.get()
    assert told.factor == "mfa"
    assert told.factor_at is not None
    assert timedelta(seconds=55) < database_now() - told.factor_at < timedelta(seconds=90)


def test_a_fresh_second_factor_is_asked_for_and_counts(
    client: Client, forge: Forge, corp: IdentityProvider
) -> None:
    IdentityProvider.objects.update(factor_contexts=[MFA], step_up_context=MFA)
    sign_in(client, forge, corp)
    key = client.session.session_key
    asked = ask(client, corp, next_path="/tokens/", purpose="step_up")
    assert (asked.query["acr_values"], asked.query["max_age"], asked.query["prompt"]) == (MFA, "0", "login")
    answer = come_back(client, forge.sign_in(asked.url, acr=MFA))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/tokens/")
    assert "factor_at" in client.session
    assert SignIn.objects.filter(session_key=client.session.session_key, factor=MFA).exists()
    assert key  # the session goes on, or has a new key: either way it is this person's
    assert is_signed_in(client)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"auth_time": None}, "oidc.auth_time"),
        ({"auth_time": 1}, "oidc.auth_time"),
        ({"sub": "mallory"}, "directory.somebody_else"),
    ],
)
def test_a_second_factor_of_yesterday_or_of_somebody_else(
    client: Client, forge: Forge, corp: IdentityProvider, claims: dict[str, Any], reason: str
) -> None:
    IdentityProvider.objects.update(factor_contexts=[MFA], step_up_context=MFA)
    sign_in(client, forge, corp)
    asked = ask(client, corp, purpose="step_up")
    forge.userinfo = {"sub": claims.get("sub", "alice")}
    assert come_back(client, forge.sign_in(asked.url, acr=MFA, **claims)).status_code == 403
    assert refusals() == [reason]
    # Neither let in on the way there nor at the browser.
    assert AuditEvent.objects.filter(type=EventType.SIGN_IN_SUCCEEDED).count() == 1
    assert "factor_at" not in client.session


def test_another_identity_is_linked(client: Client, forge: Forge, corp: IdentityProvider) -> None:
    sign_in(client, forge, corp)
    with running_forge(sub="alice-at-other") as elsewhere:
        other = make_oidc_provider(elsewhere, "other")
        asked = ask(client, other, next_path="/tokens/", purpose="link")
        answer = come_back(client, elsewhere.sign_in(asked.url))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/tokens/")
    assert Person.objects.count() == 1
    assert set(ExternalIdentity.objects.values_list("provider__slug", "subject")) == {
        ("corp", "alice"),
        ("other", "alice-at-other"),
    }


def test_a_link_by_a_sign_in_that_the_provider_remembered(
    client: Client, forge: Forge, corp: IdentityProvider
) -> None:
    sign_in(client, forge, corp)
    with running_forge(sub="alice-at-other") as elsewhere:
        other = make_oidc_provider(elsewhere, "other")
        asked = ask(client, other, purpose="link")
        answer = come_back(client, elsewhere.sign_in(asked.url, auth_time=int(time.time()) - 300))
        assert answer.status_code == 403
        assert refusals() == ["oidc.auth_time"]
        # One that never says when (Google) is believed: it was asked to ask anew.
        asked = ask(client, other, purpose="link")
        assert come_back(client, elsewhere.sign_in(asked.url, auth_time=None)).status_code == 303


@pytest.mark.parametrize("purpose", ["step_up", "link", "rubbish"])
def test_only_who_is_signed_in_gives_a_factor_or_links(
    client: Client, corp: IdentityProvider, purpose: str
) -> None:
    begun = client.post(reverse("web:oidc-begin", args=["corp"]), {"purpose": purpose})
    assert begun.status_code == 400
    assert not PendingSignIn.objects.exists()


# ---------------------------------------------------------------- the sign-in page


def test_the_page_offers_providers_of_every_kind_and_asks_none_of_them(
    client: Client, forge: Forge, corp: IdentityProvider
) -> None:
    make_provider()
    IdentityProvider.objects.create(slug="empty", name="Not set up", kind="oidc")
    with patch.object(wiring, "oidc_ports", side_effect=AssertionError("asked")):
        page = client.get("/sign-in/?next=/tokens/")
    assert reverse("web:oidc-begin", args=["corp"]) in page.content.decode()
    assert reverse("web:saml-begin", args=["own"]) in page.content.decode()
    assert b"Not set up" not in page.content
    assert b"Sallyport never sees your password" in page.content
    make_directory()
    with_directory = client.get("/sign-in/").content
    assert b"Office directory" in with_directory
    assert b"never sees your password" not in with_directory
    policy = page.headers["Content-Security-Policy"]
    assert f"form-action 'self' https://idp.example.test {forge.issuer}" in policy
    assert forge.asked.total() == 0


def test_a_provider_whose_pages_are_elsewhere_is_reached_by_a_page(
    client: Client, forge: Forge, corp: IdentityProvider
) -> None:
    """As Cognito's are: a redirect that follows a form may not lead where the page didn't say."""
    forge.document = {"authorization_endpoint": "https://pool.auth.example.test/authorize"}
    page = client.post(reverse("web:oidc-begin", args=["corp"]))
    assert page.status_code == 200
    assert "sallyport-sign-in" in page.cookies
    assert (
        'http-equiv="refresh" content="0; url=https://pool.auth.example.test/authorize?'
        in page.content.decode()
    )
    assert "no-store" in page.headers["Cache-Control"]


def test_a_provider_of_another_kind_or_none_is_not_begun_here(client: Client, corp: IdentityProvider) -> None:
    make_provider()
    IdentityProvider.objects.create(slug="empty", name="Not set up", kind="oidc")
    for slug in ("own", "empty", "unknown"):
        assert client.post(reverse("web:oidc-begin", args=[slug])).status_code == 404
    assert client.get(reverse("web:oidc-begin", args=["corp"])).status_code == 405
    assert client.post(reverse("web:oidc-callback")).status_code == 405
    assert settings.PORTAL_URL == "http://localhost:8000"

"""The pages of identity providers: who may do what there, and what is seen."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from brokers.ldap.reasons import Fault
from brokers.ldap.reasons import Reason as Ldap
from brokers.oidc.reasons import Reason as Oidc
from brokers.saml.reasons import Reason as Saml
from portal.audit.models import AuditEvent
from portal.directory.models import (
    ExternalIdentity,
    IdentityProvider,
    Person,
    ScimToken,
    SyncRun,
)
from portal.identity.operations.refusing import SignInRefusedError, record_refused_sign_in
from portal.kernel.actor import Actor
from portal.web.provider_refusals import WHY
from tests.fake_ldap import FakeLdap
from tests.integration.web.providers.world import HTMX, STATE, acts, make_oidc, make_run, page, url
from tests.integration.web.saml_visits import make_provider
from tests.world import make_admin, signed_in

pytestmark = pytest.mark.django_db


def test_an_admin_may_look_and_not_act(clerk: Client, office: IdentityProvider, ldap: FakeLdap) -> None:
    make_run(office, STATE.STOPPED, gone=3)
    assert clerk.get(url("providers")).status_code == 200
    told = page(clerk, office)
    assert "<form" not in told.partition("<main")[2]
    before = AuditEvent.objects.count()
    for name, act in acts(office).items():
        answer = act(clerk)
        assert (name, answer.status_code) == (name, 403)
        assert "Only superusers" in answer.content.decode()
    assert AuditEvent.objects.count() == before
    assert SyncRun.objects.count() == ScimToken.objects.filter(revoked_at=None).count() == 1


def test_a_superuser_acts(client: Client, office: IdentityProvider, ldap: FakeLdap) -> None:
    """The neighbour of the two around it: what they are refused is no missing page, nor one that refuses everybody."""
    make_run(office, STATE.STOPPED, gone=3)
    answered = {name: act(client).status_code for name, act in acts(office).items()}
    assert answered == {
        "provider-test": 200,
        "provider-sync": 303,
        "provider-sync-approve": 409,  # the sync before it was asked for since
        "provider-sync-approve, asked": 409,
        "provider-refresh": 404,  # no SAML
        "provider-decide": 404,
        "provider-try": 404,
        "provider-try, asked": 404,
        "scim-token-create": 200,
        "scim-token-revoke": 303,
    }


@pytest.mark.parametrize("rights", [(), ("view_person", "view_grant", "revoke_grant")])
def test_to_everybody_else_there_is_nothing(
    office: IdentityProvider, ben: Person, rights: tuple[str, ...]
) -> None:
    client = signed_in(make_admin(*rights) if rights else ben)
    assert client.get(url("providers")).status_code == 403
    assert client.get(url("provider", office.slug)).status_code == 404
    assert client.get(url("provider-sync-state", office.slug), headers=HTMX).status_code == 404
    assert {act(client).status_code for act in acts(office).values()} == {404}
    assert url("providers") not in client.get("/").content.decode()


def test_the_way_there_is_in_the_header_of_those_who_may(clerk: Client, client: Client) -> None:
    assert [url("providers") in each.get("/").content.decode() for each in (clerk, client)] == [True, True]


def test_a_permission_that_stayed_after_somebody_ceased_to_be_an_admin_opens_nothing(
    office: IdentityProvider,
) -> None:
    admin = make_admin("view_identityprovider")
    client = signed_in(admin)
    assert client.get(url("providers")).status_code == 200
    Person.objects.filter(pk=admin.pk).update(is_staff=False)
    assert client.get(url("providers")).status_code == 403


def test_nothing_yet_teaches_the_first_step(client: Client, clerk: Client) -> None:
    ExternalIdentity.objects.all().delete()
    IdentityProvider.objects.all().delete()
    assert "Add a provider" in client.get(url("providers")).content.decode()
    assert "A superuser connects one" in clerk.get(url("providers")).content.decode()


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda _: None, "Not used yet"),
        (lambda office: make_run(office, STATE.DONE), "Fine"),
        (lambda office: make_run(office, STATE.FAILED, problem="nobody listens"), "Fails"),
        (lambda office: make_run(office, STATE.STOPPED, problem="12 of 20"), "Asks"),
        (
            lambda office: IdentityProvider.objects.filter(pk=office.pk).update(is_enabled=False),
            "Switched off",
        ),
        (lambda office: office.ldap.delete(), "Fails"),
    ],
)
def test_a_directorys_state_is_a_word(
    client: Client, office: IdentityProvider, make: Callable[[IdentityProvider], Any], word: str
) -> None:
    make(office)
    answer = client.get(url("providers"))
    [line] = [line for line in answer.context["providers"] if line.slug == "office"]
    assert line.badge.word == word
    assert word in page(client, office)


def test_saml_hands_over_its_own_addresses_and_says_what_is_pinned(client: Client, settings: Any) -> None:
    told = page(client, make_provider())
    for value in (settings.SAML_ENTITY_ID, settings.SAML_ACS_URL, settings.SAML_SLO_URL):
        assert value in told
    assert "https://idp.example.test/sso" in told
    assert "Never: it stays as it was handed over." in told


def test_a_secret_is_never_shown(client: Client) -> None:
    told = page(client, make_oidc())
    assert "kept, sealed" in told
    assert "tell-nobody" not in told
    for path in (
        "/sign-in/oidc/callback",
        "/oidc/cloud/back-channel",
        "/oidc/cloud/front-channel",
        "/scim/v2/cloud<",
    ):
        assert path in told


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("saml.audience", "meant for another service"),
        ("ldap.locked", "locked in the directory"),
        ("oidc.nonce", "answers another question"),
        ("saml.never_heard_of", "saml.never_heard_of"),
    ],
)
def test_refusals_say_why_and_what_to_do(client: Client, reason: str, words: str) -> None:
    provider = make_provider()
    for at in (provider, make_provider("other", entity_id="urn:other")):
        refusal = SignInRefusedError(reason if at == provider else "saml.replay", "<b>the detail</b>")
        record_refused_sign_in(refusal=refusal, provider=at, actor=Actor.command("tests"))
    told = page(client, provider)
    assert words in told
    assert "&lt;b&gt;the detail&lt;/b&gt;" in told
    assert "came twice" not in told


def test_every_reason_has_words() -> None:
    reasons = {f"saml.{each}" for each in Saml} | {f"oidc.{each}" for each in Oidc}
    reasons |= {f"ldap.{each}" for each in Ldap} | {f"ldap.{each}" for each in Fault}
    assert reasons - set(WHY) == set()

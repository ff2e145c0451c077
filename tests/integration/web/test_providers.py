"""The pages of identity providers: who may look and who may act, what they show, what their buttons do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from brokers.errors import IdentityUnavailable
from brokers.ldap.reasons import Fault
from brokers.ldap.reasons import Reason as Ldap
from brokers.oidc.reasons import Reason as Oidc
from brokers.saml.reasons import Reason as Saml
from brokers.types import CheckStep, FetchedDocument
from portal import wiring
from portal.access.lifecycle import AlarmKind
from portal.access.operations.cutting.alarms import raise_alarm
from portal.audit.models import AuditEvent
from portal.directory.models import (
    ExternalIdentity,
    IdentityProvider,
    OidcSettings,
    Person,
    SamlSettings,
    ScimToken,
    SyncRun,
)
from portal.identity.operations.refusing import SignInRefusedError, record_refused_sign_in
from portal.kernel.actor import Actor
from portal.kernel.sealing import seal
from portal.web.provider_refusals import WHY
from tests.fake_ldap import FakeLdap, make_directory
from tests.integration.web.saml_visits import make_provider
from tests.saml_forge import Forge, rsa_key
from tests.saml_forge.metadata import Described
from tests.world import make_admin, make_person, signed_in

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
STATE = SyncRun.State
Act = Callable[[Client], Any]
HTMX = {"HX-Request": "true"}


def url(name: str, *args: object) -> str:
    return reverse(f"web:{name}", args=args)


@pytest.fixture
def root(db: None) -> Person:
    return make_person("Ruth Root", is_staff=True, is_superuser=True)


@pytest.fixture
def client(root: Person) -> Client:
    return signed_in(root)


@pytest.fixture
def clerk(db: None) -> Client:
    """An admin who may do all that permissions give, and is no superuser."""
    rights = [f"{verb}_identityprovider" for verb in ("view", "add", "change", "delete")]
    return signed_in(make_admin(*rights, name="Carl Clerk"))


@pytest.fixture
def office(db: None) -> IdentityProvider:
    return make_directory()


@pytest.fixture
def ldap(monkeypatch: pytest.MonkeyPatch) -> FakeLdap:
    fake = FakeLdap()
    monkeypatch.setattr(wiring, "ldap_ports", lambda: fake)
    return fake


def make_oidc(**fields: Any) -> IdentityProvider:
    made = IdentityProvider.objects.create(slug="cloud", name="Cloud sign-in", kind="oidc", **fields)
    OidcSettings.objects.create(
        provider=made,
        issuer="https://login.example.test",
        client_id="sallyport",
        sealed_client_secret=seal(b"tell-nobody"),
    )
    return made


def page(client: Client, provider: IdentityProvider) -> str:
    answer = client.get(url("provider", provider.slug))
    assert answer.status_code == 200
    return answer.content.decode()


def events(kind: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(type=f"directory.{kind}").order_by("id"))


def make_run(provider: IdentityProvider, state: str, **fields: Any) -> SyncRun:
    ended = NOW if state in {STATE.DONE, STATE.FAILED, STATE.STOPPED} else None
    return SyncRun.objects.create(provider=provider, state=state, asked_at=NOW, finished_at=ended, **fields)


# ---- who


def acts(provider: IdentityProvider) -> dict[str, Act]:
    """Each act that changes something, and the question before one."""
    token = ScimToken.objects.create(
        provider=provider, name="n", prefix="scim_1", digest="0" * 64, expires_at=NOW + timedelta(days=1)
    )
    names = (
        *("provider-test", "provider-sync", "provider-sync-approve", "provider-refresh"),
        *("provider-decide", "provider-try", "scim-token-create"),
    )
    made = {name: _posting(url(name, provider.slug)) for name in names}
    made["scim-token-revoke"] = _posting(url("scim-token-revoke", token.pk))
    for name in ("provider-sync-approve", "provider-try"):
        made[f"{name}, asked"] = _getting(url(name, provider.slug))
    return made


def _posting(where: str) -> Act:
    return lambda client: client.post(where, {"name": "x", "lifetime": "90", "response": "x"})


def _getting(where: str) -> Act:
    return lambda client: client.get(where)


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


# ---- what is seen


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


# ---- trying it out


def test_each_step_is_told_and_those_never_reached(
    client: Client, office: IdentityProvider, ldap: FakeLdap, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [
        CheckStep("address", is_ok=True, detail="ldaps://dc1"),
        CheckStep("reachable", is_ok=True, detail="in 3 ms"),
        CheckStep("TLS", is_ok=False, detail="wrong name", advice="Use the name of its certificate."),
    ]
    monkeypatch.setattr(ldap, "check", lambda _: steps)
    tried = client.post(url("provider-test", "office")).context["page"].tried
    assert [(step.name, step.badge.word) for step in tried.steps] == [
        ("Address", "OK"), ("Reachable", "OK"), ("TLS", "Failed"),
        ("Bind", "Not reached"), ("People", "Not reached"), ("Groups", "Not reached"),
    ]  # fmt: skip
    [row] = events("provider.tested")
    assert (row.outcome, row.details) == ("failed", {"provider": "office", "failed": ["TLS"]})
    monkeypatch.setattr(ldap, "check", lambda _: steps[:2])
    answer = client.post(url("provider-test", "office"))
    assert answer.context["page"].tried.is_ok
    assert events("provider.tested")[-1].outcome == "done"


def test_a_test_asks_no_longer_than_somebody_waits(
    client: Client, ldap: FakeLdap, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_directory(ldap_timeout_seconds=60, ldap_urls=[f"ldaps://dc{n}.example.test" for n in range(9)])
    asked: list[Any] = []

    def check(server: Any) -> list[CheckStep]:
        asked.append(server)
        return []

    monkeypatch.setattr(ldap, "check", check)
    client.post(url("provider-test", "office"))
    assert (asked[0].timeout, len(asked[0].urls)) == (5.0, 4)


def test_a_secret_that_can_not_be_opened_is_a_step_and_not_a_crash(
    client: Client, ldap: FakeLdap, office: IdentityProvider
) -> None:
    type(office.ldap).objects.update(sealed_bind_password=b"another key's")
    answer = client.post(url("provider-test", "office"))
    assert answer.status_code == 200
    assert "Type the secret anew." in answer.content.decode()


def test_openid_is_walked_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    class Walked:
        def check(self, provider: Any) -> list[CheckStep]:
            assert (provider.issuer, provider.client_secret) == ("https://login.example.test", "tell-nobody")
            return [CheckStep("Address", is_ok=True, detail=provider.issuer)]

    make_oidc()
    monkeypatch.setattr(wiring, "oidc_ports", Walked)
    answer = client.post(url("provider-test", "cloud"))
    assert answer.context["page"].tried.is_ok
    assert "tell-nobody" not in answer.content.decode()


def test_saml_is_walked_too(client: Client) -> None:
    make_provider()
    answer = client.post(url("provider-test", "own"))
    assert "Certificates" in [step.name for step in answer.context["page"].tried.steps]
    assert events("provider.tested")[0].details["provider"] == "own"


def test_there_is_nothing_to_try_at_the_portals_own_accounts(client: Client) -> None:
    local = IdentityProvider.objects.create(slug="local", name="Emergency", kind="local")
    assert "Test</button>" not in page(client, local)
    assert client.post(url("provider-test", "local")).status_code == 404


# ---- syncs


def test_a_sync_is_asked_for_and_followed(client: Client, office: IdentityProvider) -> None:
    assert client.post(url("provider-sync", "office")).status_code == 303
    run = SyncRun.objects.get()
    assert run.state == STATE.ASKED
    assert 'hx-trigger="every 2s"' in page(client, office)
    again = client.post(url("provider-sync", "office"), follow=True)
    assert "under way" in again.content.decode()
    SyncRun.objects.update(
        state=STATE.RUNNING, started_at=NOW, beat_at=NOW, step="reading people", people_seen=4321
    )
    part = client.get(url("provider-sync-state", "office"), headers=HTMX).content.decode()
    assert "reading people: 4,321 people and 0 groups read" in part
    assert "hx-trigger" in part
    assert "<html" not in part
    SyncRun.objects.update(
        state=STATE.DONE,
        finished_at=NOW,
        gone=1,
        changes=[{"what": "gone", "who": "Ann Gone", "why": "disabled"}],
    )
    part = client.get(url("provider-sync-state", "office"), headers=HTMX).content.decode()
    assert "hx-trigger" not in part
    assert "Ann Gone" in part
    assert client.get(url("provider-sync-state", "office")).headers["Location"] == url("provider", "office")


def test_a_stopped_sync_asks_and_takes_the_number_for_a_yes(client: Client, office: IdentityProvider) -> None:
    make_run(office, STATE.STOPPED, gone=12, left=3, problem="12 of 20 people would be deactivated.")
    assert "12 of 20 people would be deactivated." in page(client, office)
    approve = url("provider-sync-approve", "office")
    assert "12 people are deactivated" in client.get(approve).content.decode()
    for typed in ("", "11", "all", "3"):
        answer = client.post(approve, {"typed": typed})
        assert answer.status_code == 400
        assert SyncRun.objects.count() == 1
    assert client.post(approve, {"typed": "12"}).status_code == 303
    made = SyncRun.objects.exclude(state=STATE.STOPPED).get()
    assert (made.state, made.may_deactivate_all) == (STATE.ASKED, True)
    assert client.get(approve).status_code == 409


def test_there_is_no_yes_to_what_nobody_asked(client: Client, office: IdentityProvider) -> None:
    approve = url("provider-sync-approve", "office")
    assert client.get(approve).status_code == client.post(approve, {"typed": "0"}).status_code == 409
    make_run(office, STATE.DONE, gone=2)
    assert client.post(approve, {"typed": "2"}).status_code == 409
    assert SyncRun.objects.count() == 1


# ---- SCIM


def test_a_token_is_shown_once_and_revoked(client: Client) -> None:
    make_oidc()
    create = url("scim-token-create", "cloud")
    answer = client.post(create, {"name": "Entra", "lifetime": "365"})
    plain = answer.context["new_token"]
    assert plain.startswith("scim_")
    assert plain in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    told = client.get(url("provider", "cloud")).content.decode()
    assert plain not in told
    assert plain[:11] in told
    token = ScimToken.objects.get()
    assert (token.provider.slug, token.name) == ("cloud", "Entra")
    assert client.post(url("scim-token-revoke", token.pk)).status_code == 303
    assert client.post(url("scim-token-revoke", token.pk)).status_code == 404
    assert ScimToken.objects.get().revoked_at
    for wrong in ({"name": "", "lifetime": "365"}, {"name": "x", "lifetime": "9999"}):
        refused = client.post(create, wrong)
        assert refused.status_code == 400
        assert refused.context["form"].errors
    assert ScimToken.objects.count() == 1


def test_tokens_that_have_all_ended_are_a_problem(client: Client) -> None:
    provider = make_oidc()
    token = ScimToken.objects.create(
        provider=provider,
        name="n",
        prefix="scim_1",
        digest="0" * 64,
        created_at=NOW - timedelta(days=2),
        expires_at=NOW + timedelta(days=1),
    )
    assert "SCIM tokens have ended" not in page(client, provider)
    ScimToken.objects.update(expires_at=NOW - timedelta(days=1))
    assert "SCIM tokens have ended" in page(client, provider)
    token.refresh_from_db()
    ScimToken.objects.update(revoked_at=NOW)  # somebody ended it on purpose
    assert "SCIM tokens have ended" not in page(client, provider)


# ---- metadata


@pytest.fixture
def offered(db: None) -> IdentityProvider:
    """A provider whose address shows another key and another sign-in address."""
    pinned, newer = Described(), Described(keys=(rsa_key("next"),))
    made = IdentityProvider.objects.create(slug="corp", name="Corp")
    SamlSettings.objects.create(
        provider=made,
        entity_id=pinned.entity_id,
        metadata=pinned.text(),
        metadata_url="https://idp.example.test/metadata",
        offered_metadata=newer.text().replace("/sso", "/new-sso"),
        offered_at=NOW,
    )
    return made


def keys_of(provider: IdentityProvider) -> tuple[str, ...]:
    settings = SamlSettings.objects.get(pk=provider.pk)
    return wiring.saml_ports().read_metadata(settings.metadata.encode()).certificates


def test_an_offer_is_shown_against_what_is_pinned(client: Client, offered: IdentityProvider) -> None:
    answer = client.get(url("provider", "corp"))
    offer = answer.context["page"].saml.offer
    assert [key.badge.word for key in offer.keys] == ["New", "Goes away"]
    assert len({key.fingerprint for key in offer.keys}) == 2
    assert all(len(key.fingerprint) == 95 for key in offer.keys)
    [changed] = [each for each in offer.addresses if each.term == "Sign-in"]
    assert changed.offered.endswith("/new-sso")
    assert answer.context["page"].badge.word == "Asks"


def test_an_offer_is_taken_or_refused_as_it_was_looked_at(client: Client, offered: IdentityProvider) -> None:
    token = client.get(url("provider", "corp")).context["page"].saml.offer.token
    decide, before = url("provider-decide", "corp"), keys_of(offered)
    for wrong, status in (
        ({"answer": "accept"}, 400),
        ({"answer": "accept", "offer": "x"}, 400),
        ({"answer": "maybe", "offer": token}, 400),
        ({"answer": "accept", "offer": (NOW - timedelta(hours=1)).isoformat()}, 409),
    ):
        assert client.post(decide, wrong).status_code == status
        assert keys_of(offered) == before
    assert client.post(decide, {"answer": "accept", "offer": token}).status_code == 303
    assert keys_of(offered) == (rsa_key("next").certificate,)
    assert client.post(decide, {"answer": "accept", "offer": token}).status_code == 409


def test_what_is_pinned_can_be_kept(client: Client, offered: IdentityProvider) -> None:
    before = keys_of(offered)
    assert (
        client.post(
            url("provider-decide", "corp"), {"answer": "reject", "offer": NOW.isoformat()}
        ).status_code
        == 303
    )
    assert keys_of(offered) == before
    assert client.get(url("provider", "corp")).context["page"].saml.offer is None


def test_metadata_is_refreshed_and_says_what_came(
    client: Client, offered: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = wiring.saml_ports()

    def refresh(source: Any) -> str:
        replaced = wiring.SamlPorts(ports.provider, ports.read_metadata, source)
        with monkeypatch.context() as patch:
            patch.setattr(wiring, "saml_ports", lambda: replaced)
            return client.post(url("provider-refresh", "corp"), follow=True).content.decode()

    def fails(_: str) -> FetchedDocument:
        raise IdentityUnavailable("saml", "unreachable", "nobody answers")

    assert "could not be refreshed" in refresh(fails)
    assert "nobody answers" in page(client, offered)
    assert "same keys" in refresh(lambda _: FetchedDocument(Described().document()))


# ---- the mapping


def test_a_response_is_tried_out_and_nobody_signed_in(client: Client, settings: Any) -> None:
    provider = make_provider(
        entity_id="https://idp.example.test/metadata", group_names={"staff": "everybody"}
    )
    forge = Forge(
        key=rsa_key("own"),
        entity_id=provider.saml.entity_id,
        sp_entity_id=settings.SAML_ENTITY_ID,
        acs_url=settings.SAML_ACS_URL,
        request_id="_1",
    )
    where, people = url("provider-try", "own"), Person.objects.count()
    response = forge.response()
    answer = client.post(where, {"response": response})
    assert answer.status_code == 200
    told = answer.content.decode()
    assert "It would be accepted." in told
    assert "the person would be made" in told
    assert response not in told
    forged = replace(forge, key=rsa_key("mallory")).response()
    assert "It would be refused." in client.post(where, {"response": forged}).content.decode()
    assert client.post(where, {"response": ""}).status_code == 400
    assert Person.objects.count() == people


# ---- alarms


def test_alarms_lead_to_the_providers_page(
    client: Client, office: IdentityProvider, offered: IdentityProvider
) -> None:
    for kind, subject in (
        (AlarmKind.SYNC_STOPPED, "office"),
        (AlarmKind.METADATA_CHANGED, f"{offered.pk}:ends"),
        (AlarmKind.SYNC_FAILED, "gone-since"),
    ):
        raise_alarm(kind=kind, subject=subject, text="Look.", at=NOW)
    state = client.get("/now/").context["state"]
    assert sorted(notice.href for notice in state.notices if notice.text == "Look.") == [
        "", "/providers/corp/", "/providers/office/",
    ]  # fmt: skip
    operator = signed_in(make_admin("revoke_grant"))
    assert {n.href for n in operator.get("/now/").context["state"].notices if n.text == "Look."} == {""}

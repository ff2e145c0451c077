"""Syncs, SCIM tokens, metadata, the mapping and alarms on a provider's page."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from brokers.errors import IdentityUnavailable
from brokers.types import FetchedDocument
from portal import wiring
from portal.access.lifecycle import AlarmKind
from portal.access.operations.cutting.alarms import raise_alarm
from portal.directory.models import (
    IdentityProvider,
    Person,
    ScimToken,
    SyncRun,
)
from tests.integration.web.providers.world import HTMX, NOW, STATE, keys_of, make_oidc, make_run, page, url
from tests.integration.web.saml_visits import make_provider
from tests.saml_forge import Forge, rsa_key
from tests.saml_forge.metadata import Described
from tests.world import make_admin, signed_in

pytestmark = pytest.mark.django_db


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

"""Trying a provider out: each step is told."""

from typing import Any

import pytest
from django.test import Client

from brokers.types import CheckStep
from portal import wiring
from portal.directory.models import (
    IdentityProvider,
)
from tests.fake_ldap import FakeLdap, make_directory
from tests.integration.web.providers.world import events, make_oidc, page, url
from tests.integration.web.saml_visits import make_provider

pytestmark = pytest.mark.django_db


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

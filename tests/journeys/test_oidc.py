"""OpenID Connect in a real browser, with the certified provider: in, what a group gives, a factor, out both ways."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from brokers.addresses import AllowedPlaces
from portal import wiring
from portal.catalog.models import Entitlement
from portal.directory.models import Group, GroupMembership, IdentityProvider, OidcSettings, SignIn
from portal.kernel.sealing import seal
from tests.fakes import FakeAws
from tests.journeys.browser import PATIENCE
from tests.journeys.traveller import Traveller
from tests.servers.oidc_provider import CLIENT_ID, CLIENT_SECRET, MFA, OidcServer, running_oidc_provider
from tests.servers.process import wait_until
from tests.world import make_grant, make_role

pytestmark = [
    pytest.mark.services,
    pytest.mark.thorough,
    pytest.mark.usefixtures("database_beside_the_browser"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture(autouse=True)
def _portal(live_server: LiveServer, settings: Any, aws: FakeAws) -> Iterator[None]:
    """The portal as it stands, at localhost."""
    settings.PORTAL_URL = live_server.url
    settings.OIDC_REDIRECT_URI = f"{live_server.url}/sign-in/oidc/callback"
    settings.IDENTITY_NETWORKS = AllowedPlaces.read(["127.0.0.0/8"])
    settings.ALLOWED_HOSTS = ["localhost"]
    wiring.oidc_ports.cache_clear()
    yield
    wiring.oidc_ports.cache_clear()


@pytest.fixture
def server(live_server: LiveServer, tmp_path: Path) -> Iterator[OidcServer]:
    with running_oidc_provider(
        tmp_path,
        redirect_uris=[f"{live_server.url}/sign-in/oidc/callback"],
        back_to=[f"{live_server.url}/sign-in/"],
        back_channel=f"{live_server.url}/sign-in/oidc/corp/back-channel",
    ) as running:
        yield running


@pytest.fixture
def corp(server: OidcServer) -> IdentityProvider:
    provider = IdentityProvider.objects.create(
        slug="corp",
        name="Meadow & Harbor",
        kind="oidc",
        name_attribute="name",
        factor_contexts=[MFA],
        step_up_context=MFA,
    )
    OidcSettings.objects.create(
        provider=provider,
        issuer=server.issuer,
        client_id=CLIENT_ID,
        sealed_client_secret=seal(CLIENT_SECRET.encode()),
        keeps_id_token=True,
    )
    return provider


class Visit(Traveller):
    def prove(self, name: str) -> None:
        """Type name and password at the provider."""
        expect(self.page.get_by_role("heading", name="Sign in at the provider")).to_be_visible()
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(f"{name}pass")
        self.page.get_by_role("button", name="Sign in").click()


def test_in_with_groups_and_out_again(
    browser: Browser, live_server: LiveServer, corp: IdentityProvider, server: OidcServer
) -> None:
    role = make_role("Ledger reader")
    Entitlement.objects.create(role=role, group=Group.objects.create(provider=corp, name="payments"))
    alice, bob = Visit(browser, live_server.url), Visit(browser, live_server.url)
    alice.begin()
    assert alice.page.url.startswith(server.issuer)  # another site than the portal's
    alice.prove("alice")
    alice.is_in()
    bob.begin()
    bob.prove("bob")
    bob.is_in()

    told = GroupMembership.objects.values_list("person__name", "group__name")
    assert set(told) == {("Alice Berg", "staff"), ("Alice Berg", "payments"), ("Bob Lund", "staff")}
    # The group is what the offer is for.
    expect(alice.page.get_by_text("Ledger reader").first).to_be_visible()
    expect(bob.page.get_by_text("Ledger reader")).to_have_count(0)

    # Out here leads on to the provider, which asks, and brings the browser back.
    alice.page.locator("[data-menu] summary").click()
    alice.page.get_by_role("button", name="Sign out", exact=True).first.click()
    alice.page.get_by_role("button", name="Yes, sign me out").click()
    expect(alice.page.get_by_role("heading", name="Sign in to Sallyport")).to_be_visible(timeout=PATIENCE)
    # There, too: its page asks for the password again.
    alice.begin()
    expect(alice.page.get_by_role("heading", name="Sign in at the provider")).to_be_visible()
    bob.page.goto(f"{live_server.url}/")
    bob.is_in()
    assert [*alice.violations, *bob.violations] == []


def test_a_logout_at_the_provider_ends_the_session_here(
    browser: Browser, live_server: LiveServer, corp: IdentityProvider, server: OidcServer
) -> None:
    alice, bob = Visit(browser, live_server.url), Visit(browser, live_server.url)
    for visit, name in ((alice, "alice"), (bob, "bob")):
        visit.begin()
        visit.prove(name)
        visit.is_in()
    elsewhere = alice.context.new_page()
    elsewhere.goto(f"{server.issuer}/session/end")
    elsewhere.get_by_role("button", name="Yes, sign me out").click()
    # The provider's server tells the portal's by the back channel.
    wait_until(lambda: SignIn.objects.count() == 1, seconds=20, what="the back channel to end the session")
    alice.is_out()
    bob.page.goto(f"{live_server.url}/")
    bob.is_in()
    assert "back-channel done" in server.log.read_text()


def test_a_second_factor_at_the_provider(
    browser: Browser, live_server: LiveServer, corp: IdentityProvider
) -> None:
    alice = Visit(browser, live_server.url)
    alice.begin()
    alice.prove("alice")
    alice.is_in()
    sign_in = SignIn.objects.get()
    assert sign_in.factor_at is None
    grant = make_grant(sign_in.person, make_role(factor_minutes=5))
    alice.page.goto(f"{live_server.url}/step-up/?grant={grant.pk}")
    alice.page.get_by_role("button", name="Confirm at Meadow & Harbor").click()
    # It is asked anew, though the browser is signed in there.
    alice.prove("alice")
    wait_until(lambda: SignIn.objects.filter(factor=MFA).exists(), seconds=20, what="the factor to count")
    assert alice.violations == []

"""SAML in a real browser, with SimpleSAMLphp: a signed request, an encrypted assertion, groups, and out both ways.

The provider takes no request that isn't signed, and encrypts what it asserts. Its site is 127.0.0.1, the portal's
localhost: a cross-site POST carries no cookie of the portal's.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Request, expect
from pytest_django.live_server_helper import LiveServer

from portal import wiring
from portal.audit.models import AuditEvent
from portal.catalog.models import Entitlement
from portal.directory.models import Group, GroupMembership, IdentityProvider, SamlSettings, SignIn
from tests.fakes import FakeAws
from tests.journeys.browser import PATIENCE
from tests.journeys.traveller import Traveller
from tests.saml_forge import rsa_key
from tests.servers.simplesamlphp import SimpleSamlPhp, Sp, simplesamlphp
from tests.world import make_role

pytestmark = [
    pytest.mark.services,
    pytest.mark.thorough,
    pytest.mark.usefixtures("database_beside_the_browser"),
    pytest.mark.django_db(transaction=True),
]
KEY = rsa_key("portal")


@pytest.fixture(autouse=True)
def _portal(live_server: LiveServer, settings: Any, aws: FakeAws) -> Iterator[None]:
    """The portal as it stands, at localhost, with a key of its own."""
    settings.ALLOWED_HOSTS = ["localhost"]
    settings.SAML_ENTITY_ID = f"{live_server.url}/sign-in/saml/metadata"
    settings.SAML_ACS_URL = f"{live_server.url}/sign-in/saml/acs"
    settings.SAML_SLO_URL = f"{live_server.url}/sign-in/saml/slo"
    settings.SAML_SP_KEY, settings.SAML_SP_CERTIFICATE = KEY.private, KEY.certificate
    wiring.saml_ports.cache_clear()
    yield
    wiring.saml_ports.cache_clear()


@pytest.fixture
def server(live_server: LiveServer, tmp_path: Path) -> Iterator[SimpleSamlPhp]:
    portal = Sp(
        f"{live_server.url}/sign-in/saml/metadata",
        f"{live_server.url}/sign-in/saml/acs",
        certificate=KEY.certificate,
        encrypt="gcm",
        require_signed_requests=True,
        slo_url=f"{live_server.url}/sign-in/saml/slo",
    )
    with simplesamlphp(tmp_path / "idp", [portal]) as running:
        yield running


@pytest.fixture
def corp(server: SimpleSamlPhp) -> IdentityProvider:
    provider = IdentityProvider.objects.create(
        slug="corp",
        name="Meadow & Harbor",
        name_attribute="",
        email_attribute="mail",
        group_names={"payments": "ledger-readers"},
    )
    SamlSettings.objects.create(
        provider=provider, entity_id=server.entity_id, metadata=server.metadata.decode()
    )
    return provider


class Visit(Traveller):
    """`posts`: what the provider had the browser send to the portal."""

    def __init__(self, browser: Browser, portal: str) -> None:
        super().__init__(browser, portal)
        self.posts: list[Request] = []
        self.page.on("request", self._listen)

    def _listen(self, request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/acs"):
            self.posts.append(request)

    def prove(self, name: str) -> None:
        self.page.locator("#username").fill(name)
        self.page.locator("#password").fill(f"{name}pass")
        self.page.locator("#password").press("Enter")


def test_in_with_groups_and_out_here_and_there(
    browser: Browser, live_server: LiveServer, corp: IdentityProvider, server: SimpleSamlPhp
) -> None:
    ledger = Group.objects.create(provider=corp, name="ledger-readers")
    Entitlement.objects.create(role=make_role("Ledger reader"), group=ledger)
    alice, bob = Visit(browser, live_server.url), Visit(browser, live_server.url)
    alice.begin()
    assert urlsplit(alice.page.url).hostname == "127.0.0.1", "another site than the portal's"
    alice.prove("alice")
    alice.is_in()
    bob.begin()
    bob.prove("bob")
    bob.is_in()

    [posted] = alice.posts
    assert "cookie" not in posted.headers, "the provider's POST carries nothing of ours"
    told = GroupMembership.objects.values_list("person__name", "group__name")
    assert set(told) == {("alice", "staff"), ("alice", "ledger-readers"), ("bob", "staff")}
    expect(alice.page.get_by_text("Ledger reader").first).to_be_visible()
    expect(bob.page.get_by_text("Ledger reader")).to_have_count(0)

    alice.page.locator("[data-menu] summary").click()
    alice.page.get_by_role("button", name="Sign out", exact=True).first.click()
    expect(alice.page.get_by_text("You are being signed out of Meadow & Harbor too.")).to_be_visible()
    assert SignIn.objects.count() == 1, "here it ended first"
    expect(alice.page.get_by_text("Meadow & Harbor has signed you out too.")).to_be_visible(timeout=PATIENCE)
    alice.begin()
    expect(alice.page.locator("#password")).to_be_visible()  # there, too: it asks for the password again
    bob.page.goto(f"{live_server.url}/")
    bob.is_in()
    assert [*alice.violations, *bob.violations] == []


def test_a_log_out_at_the_provider_ends_the_session_here(
    browser: Browser, live_server: LiveServer, corp: IdentityProvider, server: SimpleSamlPhp
) -> None:
    alice, bob = Visit(browser, live_server.url), Visit(browser, live_server.url)
    for visit, name in ((alice, "alice"), (bob, "bob")):
        visit.begin()
        visit.prove(name)
        visit.is_in()
    alice.page.goto(f"{server.url}saml2/idp/SingleLogoutService.php?ReturnTo={server.url}")
    alice.page.wait_for_load_state()

    assert SignIn.objects.values_list("person__name", flat=True).get() == "bob"
    ended = AuditEvent.objects.get(type="directory.sign_in.ended_by_provider")
    assert ended.details["why"] == "signed out there"
    assert not AuditEvent.objects.filter(type="directory.sign_in.refused").exists()
    alice.is_out()
    bob.page.goto(f"{live_server.url}/")
    bob.is_in()


def test_the_provider_takes_no_request_that_is_not_signed(
    browser: Browser, live_server: LiveServer, corp: IdentityProvider, settings: Any
) -> None:
    settings.SAML_SP_KEY = settings.SAML_SP_CERTIFICATE = ""
    wiring.saml_ports.cache_clear()
    alice = Visit(browser, live_server.url)
    alice.begin()
    expect(alice.page.locator("#password")).to_have_count(0)
    assert urlsplit(alice.page.url).hostname == "127.0.0.1"
    assert not SignIn.objects.exists()

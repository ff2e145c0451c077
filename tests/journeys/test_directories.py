"""Directories in a real browser, OpenLDAP and Active Directory: in with a password, nested groups, what they give."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from portal import wiring
from portal.catalog.models import Entitlement
from portal.directory.models import Group, GroupMembership, IdentityProvider
from portal.identity.operations.ask_sync import ask_sync
from portal.identity.operations.sync_people import run_sync
from portal.kernel.actor import Actor
from tests.fakes import FakeAws
from tests.journeys.browser import PATIENCE, WATCH
from tests.real_directories import connect_directory
from tests.servers.samba import Samba, samba
from tests.servers.slapd import PASSWORD, Slapd, slapd
from tests.world import make_role

pytestmark = [
    pytest.mark.services,
    pytest.mark.thorough,
    pytest.mark.usefixtures("database_beside_the_browser"),
    pytest.mark.django_db(transaction=True),
]
Server = Slapd | Samba


@pytest.fixture(params=["slapd", "samba"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with (slapd if request.param == "slapd" else samba)(tmp_path / "server") as running:
        yield running


@pytest.fixture
def office(server: Server, live_server: LiveServer, settings: Any, aws: FakeAws) -> IdentityProvider:
    """The directory, read once: so its groups are known, and one of them gives something."""
    settings.ALLOWED_HOSTS = ["localhost"]
    provider = connect_directory(server.ldap_server(), name="Meadow & Harbor")
    ask_sync(provider_id=provider.pk, actor=Actor.command("tests"))
    run_sync(ldap=wiring.ldap_ports())
    ledger = Group.objects.get(provider=provider, name="engineering")
    Entitlement.objects.create(role=make_role("Ledger reader"), group=ledger)
    return provider


class Visit:
    """One person's browser. What broke the Content-Security-Policy is in `violations`."""

    def __init__(self, browser: Browser, portal: str, **looks: Any) -> None:
        known = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **looks}
        self.context = browser.new_context(**known)
        self.context.set_default_timeout(PATIENCE)
        self.context.add_init_script(WATCH)
        self.page: Page = self.context.new_page()
        self.portal = portal
        self.violations: list[str] = []
        self.page.on("console", lambda message: self._note(message.text))

    def _note(self, text: str) -> None:
        if "CSP-VIOLATION" in text or "Content Security Policy" in text:
            self.violations.append(text)

    def enter(self, name: str, password: str = PASSWORD) -> None:
        self.page.goto(f"{self.portal}/")
        self.page.get_by_role("link", name="Meadow & Harbor").click()
        self.type(name, password)

    def type(self, name: str, password: str) -> None:
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def is_in(self) -> None:
        expect(self.page.get_by_role("heading", name="My access")).to_be_visible(timeout=PATIENCE)


def test_in_with_groups_three_deep_and_what_they_give(
    browser: Browser, live_server: LiveServer, office: IdentityProvider
) -> None:
    ada, ben = Visit(browser, live_server.url), Visit(browser, live_server.url)
    # A wrong password first: the name stays, the password doesn't.
    ada.enter("ada", "wrong")
    expect(ada.page.get_by_role("alert")).to_contain_text("Check the name and the password")
    expect(ada.page.get_by_label("Username")).to_have_value("ada")
    expect(ada.page.get_by_label("Password")).to_have_value("")
    ada.type("ada", PASSWORD)
    ada.is_in()
    ben.enter("ben")
    ben.is_in()
    told = set(GroupMembership.objects.values_list("person__identities__login", "group__name"))
    assert told == {
        ("ada", "oncall"),
        ("ada", "payments"),
        ("ada", "engineering"),
        ("ben", "loop-a"),
        ("ben", "loop-b"),
    }
    # The group, three deep, is what the offer is for.
    expect(ada.page.get_by_text("Ledger reader").first).to_be_visible()
    expect(ben.page.get_by_text("Ledger reader")).to_have_count(0)
    assert [*ada.violations, *ben.violations] == []


def test_whose_account_is_disabled_or_when_nobody_answers(
    browser: Browser, live_server: LiveServer, office: IdentityProvider, server: Server
) -> None:
    dora = Visit(browser, live_server.url)
    dora.enter("dora-disabled")
    expect(dora.page.get_by_role("alert")).to_contain_text("Check the name and the password")
    expect(dora.page.get_by_text("disabled", exact=True)).to_have_count(0)
    server.stop()
    dora.type("ada", PASSWORD)
    expect(dora.page.get_by_role("alert")).to_contain_text(
        "Meadow & Harbor can't be reached right now; try again in a few minutes."
    )
    server.start()
    dora.type("ada", PASSWORD)
    dora.is_in()
    assert dora.violations == []
    if folder := os.environ.get("SCREENSHOTS"):
        _pictures(browser, live_server.url, Path(folder))


def _pictures(browser: Browser, portal: str, folder: Path) -> None:
    for width in (1280, 390):
        for scheme in ("light", "dark"):
            visit = Visit(browser, portal, viewport={"width": width, "height": 800}, color_scheme=scheme)
            visit.enter("ada", "wrong")
            expect(visit.page.get_by_role("alert")).to_be_visible()
            visit.page.screenshot(path=folder / f"ldap-{width}-{scheme}.png", full_page=True)
            visit.context.close()

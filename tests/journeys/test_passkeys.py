"""A passkey, from adding it to the console that asks for it: Chromium with its virtual authenticator (over CDP)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.journeys.browser import PATIENCE, Visitor, visitor
from tests.servers.demo import Demo

pytestmark = [pytest.mark.services, pytest.mark.thorough, pytest.mark.xdist_group("demo")]
ROLE = "Production operator"
MINUTES = 1
Device = tuple[CDPSession, str]


def test_a_role_that_asks_for_a_fresh_factor(browser: Browser, demo: Demo) -> None:
    ada, ben = visitor(browser, demo), visitor(browser, demo)
    ada.sign_in("Ada Okafor")
    ben.sign_in("Ben Lindqvist")
    device = authenticator(ben.page)
    add_passkey(ben, "Work laptop")
    # Adding it took using it, which counts for a while; a new sign-in has given none.
    sign_out(ben)
    ben.sign_in("Ben Lindqvist")
    with asking(ada, MINUTES):
        ben.go("/")
        expect(ben.page.locator(ben.card(ROLE)).first).to_contain_text("Asks for a second factor")

        # The click leads to the question in its own tab, and the answer on to the console that was meant.
        tab = ben.open_console(ROLE, "S3")
        expect(tab.get_by_role("heading", name="Confirm that it's you")).to_be_visible()
        expect(tab.get_by_text("console.aws.amazon.com/s3")).to_be_visible()
        here = carry(device, authenticator(tab))
        give(tab)
        given_at = time.monotonic()
        expect(tab.get_by_text("sp-").first).to_be_visible(timeout=PATIENCE)
        expect(tab.get_by_text("console.aws.amazon.com/s3")).to_be_visible()
        assert "ProductionOperator" in tab.content()

        device = carry(here, device)

        # It counts for the role's minutes, for credentials as well.
        assert ben.credentials(ROLE)["AccessKeyId"]

        time.sleep(max(0.0, given_at + 60 * MINUTES + 2 - time.monotonic()))
        ben.page.locator(ben.card(ROLE)).first.get_by_role("button", name="Get credentials").click()
        expect(ben.page.get_by_role("heading", name="Confirm that it's you")).to_be_visible()

        # Somebody at the keyboard who is not Ben: the device doesn't verify them.
        verified(device, is_user=False)
        ben.page.get_by_role("button", name="Use a passkey").click()
        expect(ben.page.locator("[data-passkey-problem]")).to_be_visible(timeout=PATIENCE)
        verified(device, is_user=True)
        give(ben.page)
        expect(ben.page.get_by_role("heading", name="Credentials for")).to_be_visible(timeout=PATIENCE)
    assert [*ada.violations, *ben.violations] == []


def authenticator(page: Page) -> Device:
    """Put a device of the browser's own into the page's context: it is there, and verifies its user."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    made = session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return session, str(made["authenticatorId"])


def carry(device: Device, to: Device) -> Device:
    """Take what one tab's device holds to another's: Chromium's virtual ones belong to one tab each."""
    (session, name), (other, others) = device, to
    for held in session.send("WebAuthn.getCredentials", {"authenticatorId": name})["credentials"]:
        other.send("WebAuthn.addCredential", {"authenticatorId": others, "credential": held})
        gone = {"authenticatorId": name, "credentialId": held["credentialId"]}
        session.send("WebAuthn.removeCredential", gone)
    return to


def verified(device: Device, *, is_user: bool) -> None:
    session, name = device
    session.send("WebAuthn.setUserVerified", {"authenticatorId": name, "isUserVerified": is_user})


def add_passkey(ben: Visitor, name: str) -> None:
    ben.page.locator("[data-menu] summary").click()
    ben.page.get_by_role("link", name="How I sign in").click()
    ben.page.get_by_role("link", name="Add a passkey").click()
    ben.page.get_by_label("Name").fill(name)
    ben.page.get_by_role("button", name="Add passkey").click()
    expect(ben.page.get_by_role("row", name=name)).to_be_visible(timeout=PATIENCE)


def sign_out(ben: Visitor) -> None:
    ben.page.locator("[data-menu] summary").click()
    ben.page.get_by_role("button", name="Sign out", exact=True).first.click()
    expect(ben.page.get_by_role("heading", name="You are signed out")).to_be_visible(timeout=PATIENCE)


def give(page: Page) -> None:
    page.get_by_role("button", name="Use a passkey").click()


@contextmanager
def asking(ada: Visitor, minutes: int) -> Iterator[None]:
    """Have the role ask for a second factor, as an admin does it; the other journeys find it as it was."""
    set_minutes(ada, minutes)
    try:
        yield
    finally:
        set_minutes(ada, 0)


def set_minutes(ada: Visitor, minutes: int) -> None:
    ada.go("/manage/catalog/awsrole/")
    ada.page.get_by_role("link", name=ROLE).first.click()
    ada.page.get_by_label("Fresh second factor").fill(str(minutes))
    ada.page.get_by_role("button", name="Save", exact=True).click()
    expect(ada.page.locator(".messagelist .success").first).to_be_visible()

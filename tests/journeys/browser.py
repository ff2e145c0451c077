"""Chromium as people use it, with every violation of the Content-Security-Policy noted."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.servers.demo import Demo
from tests.servers.process import need_command

ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
    "--disable-background-networking",
]
# Chromium tells of a violation in the page's own event, and in the console for what happens before scripts run.
WATCH = """
document.addEventListener('securitypolicyviolation', (event) => {
  console.error('CSP-VIOLATION ' + event.violatedDirective + ' ' + event.blockedURI);
});
"""
PATIENCE = 20_000  # milliseconds


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    path = need_command("chromium", package="chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visitor:
    """One person with a browser of their own. `violations` collects what broke the policy, or a script."""

    demo: Demo
    context: BrowserContext
    page: Page
    violations: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(self.demo.portal + path)

    def sign_in(self, name: str) -> None:
        """Sign in through SAML as `name`, and arrive at My access."""
        self.go("/")
        self.page.get_by_role("button", name="Meadow & Harbor").or_(
            self.page.get_by_role("link", name="Meadow & Harbor")
        ).first.click()
        self.page.get_by_role("button", name=name).click()
        expect(self.page.get_by_role("heading", name="My access")).to_be_visible(timeout=PATIENCE)

    def card(self, role: str) -> str:
        """Return the selector of a grant's card on My access."""
        return f'article.card:has(h3:has-text("{role}"))'

    def open_console(self, role: str, destination: str) -> Page:
        """Choose a destination, click, and return the console's page in its own tab."""
        card = self.page.locator(self.card(role)).first
        card.get_by_role("combobox").select_option(label=destination)
        with self.context.expect_page() as opened:
            card.get_by_role("button", name="Open console").click()
        console = opened.value
        console.wait_for_load_state()
        return console

    def credentials(self, role: str) -> dict[str, str]:
        """Get credentials, read the JSON that the page shows, and return to My access."""
        self.page.locator(self.card(role)).first.get_by_role("button", name="Get credentials").click()
        self.page.get_by_text("JSON", exact=True).first.click()
        found: dict[str, str] = json.loads(self.page.locator("#snippet-json").inner_text())
        self.go("/")
        return found

    def snippets(self, role: str) -> dict[str, str]:
        """Get credentials and return what each tab of the page would put on the clipboard."""
        self.page.locator(self.card(role)).first.get_by_role("button", name="Get credentials").click()
        shown = self.page.locator(".snippet")
        expect(shown.first).to_be_visible()
        return {
            str(each.get_attribute("id")).removeprefix("snippet-"): each.text_content() or ""
            for each in shown.all()
        }


def visitor(
    browser: Browser, demo: Demo, *, width: int = 1280, scheme: Literal["light", "dark"] = "light"
) -> Visitor:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, locale="en-GB"
    )
    context.set_default_timeout(PATIENCE)
    context.add_init_script(WATCH)
    met = Visitor(demo, context, context.new_page())

    def listen(page: Page) -> None:
        def note(message: ConsoleMessage) -> None:
            if "CSP-VIOLATION" in message.text or "Content Security Policy" in message.text:
                met.violations.append(f"{page.url}: {message.text}")

        page.on("console", note)
        page.on("pageerror", lambda error: met.violations.append(f"{page.url}: {error}"))

    listen(met.page)
    context.on("page", listen)
    return met


def pick(page: Page, field: str, words: str) -> None:
    """Choose from one of the admin's search-as-you-type lists, as people do."""
    page.locator(f".field-{field} .select2-selection").click()
    page.locator(".select2-search__field").fill(words)
    page.locator(".select2-results__option").filter(has_text=words).first.click()

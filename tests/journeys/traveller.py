"""A person's browser in journeys at a provider of the test's own."""

from playwright.sync_api import Browser, Page, expect

from tests.journeys.browser import PATIENCE, WATCH


class Traveller:
    """One person's browser at `portal`. What broke the portal's Content-Security-Policy is in `violations`."""

    def __init__(self, browser: Browser, portal: str) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
        self.context.set_default_timeout(PATIENCE)
        self.context.add_init_script(WATCH)
        self.page: Page = self.context.new_page()
        self.portal = portal
        self.violations: list[str] = []
        self.page.on("console", lambda message: self._note(message.text))

    def _note(self, text: str) -> None:
        # The provider's own pages, on another host, have policies of their own.
        if "CSP-VIOLATION" in text or ("Content Security Policy" in text and "localhost" in text):
            self.violations.append(text)

    def begin(self) -> None:
        self.page.goto(f"{self.portal}/")
        self.page.get_by_role("button", name="Meadow & Harbor").click()

    def is_in(self) -> None:
        expect(self.page.get_by_role("heading", name="My access")).to_be_visible(timeout=PATIENCE)

    def is_out(self) -> None:
        self.page.goto(f"{self.portal}/")
        expect(self.page.get_by_role("heading", name="Sign in to Sallyport")).to_be_visible(timeout=PATIENCE)

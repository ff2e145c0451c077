"""`make screenshots`: runs the demo and takes the README's pictures, in light, in dark and as a phone shows them."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.journeys.browser import PATIENCE, Visitor, chromium, pick, visitor
from tests.servers.demo import ROOT, Demo, running_demo

IMAGES = ROOT / "docs" / "images"
ROLE = "Production operator"
# Even a simulation's expired secrets are not for a picture.
HIDE_SECRETS = """
document.querySelectorAll('.snippet').forEach((shown) => {
  shown.textContent = shown.textContent.replace(/(SECRET_ACCESS_KEY|SESSION_TOKEN|ACCESS_KEY_ID)='[^']*'/g, "$1='…'");
});
"""
PHONE = 390
VIEWS = {"": (1280, "light"), "-dark": (1280, "dark"), "-mobile": (PHONE, "light")}


def main() -> int:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="sallyport-") as folder,
        running_demo(Path(folder) / "home") as demo,
        chromium() as browser,
    ):
        for suffix, view in VIEWS.items():
            take_all(browser, demo, suffix, view)
        take_partners(browser, demo)
        take_now(browser, demo)
    return 0


def take_all(browser: Browser, demo: Demo, suffix: str, view: tuple[int, str]) -> None:
    """Take one variant of every picture but the last. Nothing is revoked, so that each shows the same story."""
    ben, chidi, ada = (look(browser, demo, view) for _ in range(3))
    ben.sign_in("Ben Lindqvist")
    console = ben.open_console(ROLE, "S3")
    console.set_viewport_size({"width": view[0], "height": 900})
    save(console, f"console{suffix}")
    ben.page.locator(ben.card(ROLE)).get_by_role("button", name="Get credentials").click()
    ben.page.evaluate(HIDE_SECRETS)
    save(ben.page, f"credentials{suffix}")
    ben.go("/")
    chidi.sign_in("Chidi Rao")
    save(chidi.page, f"my-access{suffix}")
    ben.page.locator(ben.card(ROLE)).get_by_role("link", name=ROLE, exact=True).click()
    save(ben.page, f"grant{suffix}")
    ada.sign_in("Ada Okafor")
    ada.go("/manage/access/grant/")
    save(ada.page, f"manage-grants{suffix}")
    ada.go("/manage/access/grant/add/")
    pick(ada.page, "person", "Dora Weiss")
    pick(ada.page, "role", "Production read only")
    ada.page.get_by_label("Reason").fill("Month-end check of the shop's logs")
    save(ada.page, f"grant-access{suffix}")
    ada.page.goto(ben.page.url)
    ada.page.get_by_role("link", name="Revoke").first.click()
    save(ada.page, f"revoke{suffix}")
    ada.go("/providers/")
    ada.page.get_by_role("main").get_by_role("link", name="Meadow & Harbor").first.click()
    save(ada.page, f"provider{suffix}")
    ben.go("/account/")
    save(ben.page, f"account{suffix}")
    for person in (ben, chidi, ada):
        person.context.close()


def take_now(browser: Browser, demo: Demo) -> None:
    """Take the operators' page once something was cut off and proven."""
    ben, ada = (look(browser, demo, VIEWS[""]) for _ in range(2))
    ben.sign_in("Ben Lindqvist")
    ben.page.locator(ben.card(ROLE)).get_by_role("link", name=ROLE, exact=True).click()
    ada.sign_in("Ada Okafor")
    ada.page.goto(ben.page.url)
    ada.page.get_by_role("link", name="Revoke").first.click()
    ada.page.get_by_role("textbox").first.fill("The work is done")
    ada.page.get_by_role("button", name="Revoke").click()
    for _ in range(20):
        ada.page.wait_for_timeout(1000)
        ada.page.goto(ben.page.url)
        if ada.page.get_by_text("Proven").count():
            break
    ada.page.wait_for_timeout(6000)  # until the worker has added its counts
    for person in (ben, ada):
        person.context.close()
    for suffix, view in VIEWS.items():
        ada = look(browser, demo, view)
        ada.sign_in("Ada Okafor")
        ada.go("/now/")
        save(ada.page, f"now{suffix}")
        ada.context.close()


def take_partners(browser: Browser, demo: Demo) -> None:
    """Take what an admin sees of a partner, and what is said of a call that forgot the ExternalId."""
    ada = look(browser, demo, VIEWS[""])
    ada.sign_in("Ada Okafor")
    ada.go("/partners/northlight-analytics/")
    expect(ada.page.get_by_text("Stands in AWS").first).to_be_visible(timeout=3 * PATIENCE)
    ada.page.reload()
    save(ada.page, "partner")
    ada.page.get_by_role("link", name="Read the bucket").last.click()
    role_arn = "".join(ada.page.locator("#role-arn").inner_text().split())
    ada.page.get_by_role("link", name="What to hand to the partner").click()
    save(ada.page, "hand-over")
    ada.go("/doctor/")
    ada.page.get_by_label("What they saw").fill(
        f"$ aws sts assume-role --role-arn {role_arn} --role-session-name forecasts\n"
        "An error occurred (AccessDenied) when calling the AssumeRole operation: User: "
        "arn:aws:iam::444455556666:user/northlight-etl is not authorized to perform: sts:AssumeRole on resource: "
        f"{role_arn}"
    )
    ada.page.get_by_role("main").get_by_role("button").first.click()
    save(ada.page, "doctor")
    ada.go("/accounts/333344445555/")
    save(ada.page, "aws-account")
    ada.context.close()


def look(browser: Browser, demo: Demo, view: tuple[int, str]) -> Visitor:
    return visitor(browser, demo, width=view[0], scheme="dark" if view[1] == "dark" else "light")


def save(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    # A phone's page can be very long, and so can somebody's list of all that they hold: the picture shows what its
    # owner sees first.
    is_long = name.endswith("-mobile") or name.startswith("my-access")
    page.screenshot(path=IMAGES / f"{name}.png", full_page=not is_long)
    sys.stdout.write(f"docs/images/{name}.png\n")


if __name__ == "__main__":
    sys.exit(main())

"""Every page in a real browser under the strict Content-Security-Policy: nothing is refused, nothing overflows."""

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.db import models
from playwright.sync_api import Browser, Page

from portal.demo.identity_provider.people import PEOPLE
from tests.journeys.browser import Visitor, visitor
from tests.servers.demo import Demo

pytestmark = [pytest.mark.thorough, pytest.mark.xdist_group("demo")]
STRICT = ("unsafe-inline", "unsafe-eval", "unsafe-hashes", "wasm-unsafe-eval")


def test_every_page_keeps_the_policy(browser: Browser, demo: Demo) -> None:
    ada = visitor(browser, demo)
    policies: dict[str, str] = {}
    ada.page.on("response", lambda answer: policies.update(_policy_of(answer.url, answer.headers, demo)))
    ada.sign_in("Ada Okafor")
    paths = sorted(addresses(ada))
    assert len(paths) > len(admin.site._registry), "every registered model has its list at least"
    assert sum("/change/" in path for path in paths) > 5, "records are opened, not only listed"
    for path in paths:
        ada.go(path)
        assert ada.page.locator("h1").count() > 0, f"{path} shows no page"
        try_controls(ada.page)
    assert ada.violations == []
    assert policies, "no page was seen"
    assert [url for url, policy in policies.items() if any(word in policy for word in STRICT)] == []
    assert [url for url, policy in policies.items() if "default-src 'self'" not in policy] == []


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/now/", "/tokens/", "/account/", "/partners/", "/partners/new/", "/partners/drift/"),
        *("/device", "/go/000000000000/nothing", "/iam-users/"),
        *("/accounts/", "/accounts/connect/", "/accounts/333344445555/"),
        *("/manage/", "/manage/access/grant/", "/manage/access/grant/add/"),
    ],
)
def test_pages_fit_a_phone(browser: Browser, demo: Demo, path: str) -> None:
    ada = visitor(browser, demo, width=390)
    ada.sign_in("Ada Okafor")
    ada.go(path)
    wide = ada.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390, f"{path} is {wide} pixels wide"
    assert ada.violations == []


def test_every_way_to_use_a_grant_fits_a_phone(browser: Browser, demo: Demo) -> None:
    ben = visitor(browser, demo, width=390)
    ben.sign_in("Ben Lindqvist")
    with_console = ben.page.locator(".card", has=ben.page.get_by_role("button", name="Open console")).first
    with_console.get_by_role("link", name="More ways to use it").click()
    assert ben.page.get_by_role("heading", name="In a terminal").count() == 1
    ben.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    shared = ben.page.locator("#go-link").inner_text()
    assert ben.page.evaluate("document.documentElement.scrollWidth") <= 390
    ben.go(shared.removeprefix(demo.portal))
    assert ben.page.get_by_role("button", name="Open console").count() > 0
    assert ben.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert ben.violations == []


def test_everybody_of_the_story_signs_in_and_sees_what_is_theirs(browser: Browser, demo: Demo) -> None:
    seen = {}
    for person in PEOPLE:
        met = visitor(browser, demo)
        met.sign_in(person.display_name)
        seen[person.key] = met.page.locator("#grants h3").all_inner_texts()
        assert met.violations == []
        met.context.close()
    assert "Partner dropbox" in seen["noor"], "a partner's guest signs in at the company's provider"
    assert "Production operator" in seen["ben"]
    assert seen["ada"] == []


def test_a_page_that_breaks_the_policy_is_noticed(browser: Browser, demo: Demo) -> None:
    ada = visitor(browser, demo)
    ada.sign_in("Ada Okafor")
    ada.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')")
    ada.page.wait_for_timeout(300)
    assert ada.violations != []


def addresses(ada: Visitor) -> set[str]:
    """Return the pages that an admin reaches: the employee's own, and of each kind of record list, form, history."""
    found = {"/", "/now/", "/tokens/", "/account/", "/account/app/", "/account/passkey/", "/manage/"}
    for model in admin.site._registry:
        found |= set(pages_of(ada, model))
    ada.go("/manage/access/grant/")
    for link in ada.page.locator("#result_list tbody a").all()[:3]:
        href = link.get_attribute("href") or ""
        found.add(href)
        if "/change/" in href:
            grant = f"/grants/{href.split('/')[-3]}/"
            found |= {grant, f"{grant}extend", f"{grant}revoke", href.replace("/change/", "/revoke/")}
    found |= partner_pages(ada)
    found |= {"/accounts/", "/accounts/connect/", "/accounts/333344445555/", "/device", "/iam-users/"}
    found |= {
        path.replace("/change/", "/suspend/") for path in found if "/partner/" in path and "/change/" in path
    }
    return found


def partner_pages(ada: Visitor) -> set[str]:
    """Return the pages about partners: of the first in the list, and of its first account."""
    found = {"/partners/", "/partners/new/", "/partners/drift/"}
    ada.go("/partners/")
    first = ada.page.locator("tbody th a").first
    if first.count() == 0:
        return found
    partner = first.get_attribute("href") or ""
    found |= {f"{partner}{page}" for page in ("", "grant/", "suspend/", "accounts/new/")}
    ada.go(partner)
    account = ada.page.locator(".own-accounts h3 a").first
    if account.count():
        href = account.get_attribute("href") or ""
        found |= {f"{href}{page}" for page in ("", "rotate/", "close/")}
    return found


def pages_of(ada: Visitor, model: type[models.Model]) -> Iterator[str]:
    root = f"/manage/{model._meta.app_label}/{model._meta.model_name}/"
    ada.go(root)
    yield root
    if ada.page.locator("a.addlink").count():
        yield f"{root}add/"
    first = ada.page.locator("#result_list tbody th a").first
    if first.count():
        href = first.get_attribute("href") or ""
        yield href
        yield href.replace("/change/", "/history/")


def try_controls(page: Page) -> None:
    """Open what a script draws: the calendar, the search-as-you-type list."""
    for control in (".datetimeshortcuts a[id^=calendarlink]", ".select2-selection"):
        if page.locator(control).count():
            page.locator(control).first.click()
            page.keyboard.press("Escape")


def _policy_of(url: str, headers: dict[str, str], demo: Demo) -> dict[str, str]:
    if not url.startswith(demo.portal) or "text/html" not in headers.get("content-type", ""):
        return {}
    return {url: headers.get("content-security-policy", "")}

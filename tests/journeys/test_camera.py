"""The camera sample: two pages without a key talk over Kinesis Video signaling, renew what they have, and end with the
grant. Then all that passed through them is looked for wherever the portal or the browser could have kept it."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import urllib3
from playwright.sync_api import Browser, Page, Response, expect

from tests.integration.access.canaries import found_in, redis_content
from tests.journeys.browser import Visitor, visitor
from tests.journeys.long_runners import in_portal
from tests.servers.demo import Demo, running_demo

pytestmark = [
    pytest.mark.services,
    pytest.mark.soak,
    pytest.mark.once,
    pytest.mark.xdist_group("camera"),
    pytest.mark.timeout(600),
]
LIFE_S, RENEWALS = 16, 3
LONG = 120_000  # milliseconds
STORED = """async () => ({
  local: {...localStorage}, session: {...sessionStorage}, cookies: document.cookie,
  databases: (await indexedDB.databases()).length, caches: (await caches.keys()).length,
  address: location.search + location.hash,
})"""
TOKENS = """
from portal.access.models import Grant
from portal.access.operations.credentials.credential_tokens import make_credential_token
from portal.directory.operations.api_tokens import create_token
from portal.kernel.actor import Actor, ActorKind
grant = Grant.objects.get(person__name="Chidi Rao", role__name="DataAnalyst", ended_at=None)
chidi = Actor(ActorKind.PERSON, "Chidi Rao", grant.person_id)
api = create_token(name="script", scopes=("grants:read", "credentials:issue"), days=1, actor=chidi)
print(json.dumps([api.plain, make_credential_token(grant_id=grant.pk, name="job", actor=chidi).plain]))
"""
NOTHING = {"local": {}, "session": {}, "cookies": "", "databases": 0, "caches": 0, "address": ""}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One whose AWS gives sessions of a few seconds, and whose portal logs all that it can."""
    short = {"SANDBOX_SESSION_SECONDS": str(LIFE_S), "SALLYPORT_LOG_LEVEL": "DEBUG"}
    with running_demo(tmp_path_factory.mktemp("camera") / "home", environment=short) as found:
        yield found


class Ears:
    """What passed through the browser and opens something: by what it is."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.addresses: list[str] = []

    def listen(self, someone: Visitor) -> None:
        someone.context.on("response", self._hear)
        someone.context.on(
            "page", lambda page: page.on("framenavigated", lambda frame: self._note(frame.url))
        )

    def _note(self, address: str) -> None:
        self.addresses.append(address)

    def _hear(self, response: Response) -> None:
        path = response.url.partition("?")[0]
        if response.request.method != "POST" or response.status not in {200, 201}:
            return
        number = len(self.secrets)
        if "/api/v1/exchange/" in path:
            told = response.json()
            self.secrets[f"secret key {number}"] = told["SecretAccessKey"]
            self.secrets[f"session token {number}"] = told["SessionToken"]
        elif path.endswith("/token"):
            # Its signature: the rest of it are claims that the portal knows anyway.
            self.secrets[f"ID token {number}"] = response.json()["id_token"].rpartition(".")[2]


def sign_in(someone: Visitor, part: str, name: str) -> Page:
    page = someone.page
    page.goto(f"{someone.demo.samples}/{part}")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Sign in").click()
    opened.value.get_by_role("button", name=name).click()
    expect(page.get_by_text(f"Signed in as {name}")).to_be_visible()
    page.get_by_role("button", name="Connect").click()
    return page


def renewals(page: Page) -> int:
    return int(page.locator("[data-renewals]").text_content() or 0)


def wait_for(page: Page, condition: Callable[[], bool], what: str) -> None:
    """Poll: the pages' policy lets nobody evaluate a text in them, which Playwright's own waiting does."""
    for _ in range(LONG // 250):
        if condition():
            return
        page.wait_for_timeout(250)
    raise AssertionError(what)


def wait_for_renewals(page: Page, count: int) -> None:
    wait_for(page, lambda: renewals(page) >= count, f"{count} renewals: {page.locator('main').inner_text()}")


def test_two_pages_without_a_key_meet_renew_and_end_with_the_grant(browser: Browser, demo: Demo) -> None:
    ben, chidi, ada = (visitor(browser, demo) for _ in range(3))
    ears = Ears()
    for someone in (ben, chidi):
        ears.listen(someone)
    camera = sign_in(ben, "camera", "Ben Lindqvist")
    expect(camera.get_by_role("status")).to_have_text("Waiting for viewers", timeout=LONG)
    viewer = sign_in(chidi, "viewer", "Chidi Rao")
    expect(viewer.get_by_role("status")).to_have_text("Connected", timeout=LONG)
    expect(camera.get_by_role("status")).to_have_text("1 viewer is watching", timeout=LONG)
    expect(viewer.locator("[data-said]")).to_have_text(re.compile("Gate open"), timeout=LONG)
    wait_for(viewer, lambda: viewer.evaluate("document.querySelector('video').currentTime") > 1, "a picture")
    assert viewer.evaluate("document.querySelector('video').videoWidth") == 640
    viewer.get_by_role("button", name="Wave").click()
    expect(camera.get_by_text("A viewer says: Ahoy!")).to_be_visible()

    for page in (camera, viewer):
        wait_for_renewals(page, RENEWALS)
        expect(page.get_by_text("AWS took the renewed credentials.").first).to_be_visible()
        expect(page.get_by_role("alert")).to_be_hidden()

    revoke(ada, "Chidi Rao", "Harbour camera")
    alert = viewer.get_by_role("alert")
    expect(alert).to_contain_text("The portal gives no credentials any more", timeout=LONG)
    expect(alert).to_contain_text("This grant has ended")
    expect(viewer.get_by_role("status")).to_have_text("Ended")
    viewer.get_by_role("button", name="Connect").click()
    expect(alert).to_contain_text("This grant has ended")
    # The other's goes on: one more renewal than it had when the viewer was refused.
    wait_for_renewals(camera, renewals(camera) + 1)
    expect(camera.get_by_role("alert")).to_be_hidden()

    assert len(ears.secrets) > 2 * RENEWALS
    for page in (camera, viewer):
        assert page.evaluate(STORED) == NOTHING
    assert found_in(ears.secrets, {"the browser": history(camera, viewer, ears)}) == []
    left = left_behind(demo)
    assert b"sallyport:credentials:" in left["Redis"]
    assert found_in(ears.secrets, left) == []
    assert [*ben.violations, *chidi.violations] == []


def test_what_pages_and_programs_are_handed_is_left_nowhere(browser: Browser, demo: Demo) -> None:
    chidi, secrets = visitor(browser, demo), {}

    def hear(response: Response) -> None:
        location = response.headers.get("location", "")
        if "SigninToken=" in location:
            secrets["sign-in token"] = location.partition("SigninToken=")[2].partition("&")[0]

    chidi.context.on("response", hear)
    chidi.sign_in("Chidi Rao")
    shown = chidi.credentials("Data analyst")
    secrets |= {"shown key": shown["SecretAccessKey"], "shown token": shown["SessionToken"]}
    console = chidi.open_console("Data analyst", "Console home")
    assert len(secrets["sign-in token"]) > 40

    api, container = in_portal(demo, TOKENS)
    secrets |= {"API token": api, "credential token": container}
    grant = chidi.page.locator(chidi.card("Data analyst")).first.get_by_role("link", name="Data analyst")
    address = str(grant.first.get_attribute("href")).rstrip("/")
    by_api = fetched(f"{demo.portal}/api/v1{address}/credentials", f"Bearer {api}", method="POST")
    by_container = fetched(f"{demo.portal}/container/credentials", container)
    assert by_container[0] == 200, by_container
    assert by_api[0] == 201, by_api
    told = json.loads(by_container[1])
    secrets |= {"container's key": told["SecretAccessKey"], "container's token": told["Token"]}
    secrets |= {"API's key": json.loads(by_api[1])["SecretAccessKey"]}

    kept = f"sallyport:credentials:{address.rpartition('/')[2]}:".encode()
    live = left_behind(demo)
    assert kept in live["Redis"]
    assert found_in(secrets, live) == []

    # Errors: a wrong token, a wrong address, and the same doors once the grant has ended.
    secrets["wrong token"] = wrong = f"spc_{'canary' * 8}"
    refused = [fetched(f"{demo.portal}/container/credentials", wrong)]
    refused.append(
        fetched(f"{demo.portal}/api/v1/nowhere?token={secrets['shown token'][:200]}", f"Bearer {wrong}")
    )
    revoke(visitor(browser, demo), "Chidi Rao", "Data analyst")
    refused.append(fetched(f"{demo.portal}/container/credentials", container))
    refused.append(fetched(f"{demo.portal}/api/v1{address}/credentials", f"Bearer {api}", method="POST"))
    assert all(status >= 400 for status, _ in refused)
    chidi.go("/")

    places = left_behind(demo) | {"errors": b"".join(body for _, body in refused)}
    assert kept not in places["Redis"]
    assert found_in(secrets, places) == []
    assert found_in(secrets, {"the browser": history(chidi.page, console, Ears())}) == []


def fetched(url: str, authorization: str, *, method: str = "GET") -> tuple[int, bytes]:
    answer = urllib3.PoolManager().request(
        method, url, headers={"Authorization": authorization}, retries=False, redirect=False, timeout=30
    )
    return answer.status, answer.data


def revoke(ada: Visitor, person: str, role: str) -> None:
    """Revoke by the pages, as an admin does."""
    ada.sign_in("Ada Okafor")
    ada.go("/manage/access/grant/?q=" + person.replace(" ", "+"))
    ada.page.locator("#result_list tr").filter(has_text=role).first.get_by_role("link").first.click()
    ada.page.get_by_role("link", name="Revoke").first.click()
    ada.page.get_by_role("textbox").first.fill("The pier is done")
    ada.page.get_by_role("button", name="Revoke").click()


def history(*given: Any) -> bytes:
    """Return every address in the pages' histories, and every one that any window of theirs was at."""
    *pages, ears = given
    found = list(ears.addresses)
    for page in pages:
        told = page.context.new_cdp_session(page).send("Page.getNavigationHistory")
        entries = [entry["url"] for entry in told["entries"]]
        assert not [each for each in entries if "code=" in each or "state=" in each]
        found += [*entries, page.content()]
        found.append(json.dumps(page.context.storage_state(indexed_db=True)))
    return "\n".join(found).encode()


def left_behind(demo: Demo) -> dict[str, bytes]:
    """Return all that the portal's processes wrote: the database with its log, their logs, and Redis."""
    logs = [
        file for file in (demo.home / "logs").iterdir() if file.stem not in {"sandbox", "identity-provider"}
    ]
    places = {f"the log {file.name}": file.read_bytes() for file in logs}
    places |= {file.name: file.read_bytes() for file in demo.home.glob("sallyport.sqlite3*")}
    places["Redis"] = redis_content(redis.Redis(unix_socket_path=str(socket_of(demo))))
    # Each was really looked into: what is no secret is there.
    assert len(places["Redis"]) > 0
    assert any(b"ASIA" in content for name, content in places.items() if "sqlite3" in name)
    assert len(places["the log web.log"]) > 0
    return places


def socket_of(demo: Demo) -> Path:
    told = Path(f"/proc/{demo.pids['web']}/environ").read_bytes().split(b"\0")
    url = next(each for each in told if each.startswith(b"SALLYPORT_REDIS_URL=")).decode()
    return Path(url.partition("redis+socket://")[2].partition("?")[0])

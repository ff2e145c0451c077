"""From sign-in to the console to its end, as people live it, in a real browser against the running demo."""

import time
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.journeys.browser import PATIENCE, Visitor, pick, visitor
from tests.servers.aws_outcome import ALLOWED, DENIED, outcome
from tests.servers.demo import Demo
from tests.servers.process import wait_until

pytestmark = pytest.mark.xdist_group("demo")
LOGS = "meadow-logs"
ROLE = "Production read only"
GRANT_SECONDS = 70


def test_a_grant_from_sign_in_to_the_console_to_its_end(browser: Browser, demo: Demo) -> None:
    dora, ben, ada = (visitor(browser, demo) for _ in range(3))
    dora.sign_in("Dora Weiss")
    ben.sign_in("Ben Lindqvist")
    colleague = ben.credentials(ROLE)
    ben_console = ben.open_console(ROLE, "S3")
    expect(ben_console.get_by_text("Production").first).to_be_visible()

    ends_at = grant_a_minute(ada, "Dora Weiss")
    # It appears by itself: Dora touches nothing.
    expect(dora.page.locator(dora.card(ROLE))).to_be_visible(timeout=PATIENCE)
    before = dora.credentials(ROLE)
    console = dora.open_console(ROLE, "S3")
    expect(console.get_by_text("sp-").first).to_be_visible()
    assert "ProductionReadOnly" in console.content()
    expect(console.get_by_text("console.aws.amazon.com/s3")).to_be_visible()
    expect(allowed(console)).not_to_have_count(0)

    assert outcome(lambda: demo.sandbox.client("s3", before).list_objects_v2(Bucket=LOGS)) == ALLOWED
    expires_at = datetime.fromisoformat(before["Expiration"])
    assert expires_at > ends_at, (
        "STS's floor of 900 s lets the credentials outlive the grant; the policy ends it"
    )

    wait_past(ends_at)
    assert outcome(lambda: demo.sandbox.client("s3", before).list_objects_v2(Bucket=LOGS)) == DENIED
    console.reload()
    expect(allowed(console)).to_have_count(0)
    # The card moves to 'recently ended' without Dora's doing.
    expect(dora.page.locator(dora.card(ROLE))).to_have_count(0, timeout=PATIENCE)

    # The colleague on the same role goes on working, in the shell and in the console.
    assert outcome(lambda: demo.sandbox.client("s3", colleague).list_objects_v2(Bucket=LOGS)) == ALLOWED
    ben_console.reload()
    expect(allowed(ben_console)).not_to_have_count(0)
    assert [*dora.violations, *ben.violations, *ada.violations] == []


def test_a_federation_role_end_to_end_and_its_revocation(browser: Browser, demo: Demo) -> None:
    chidi, ada = visitor(browser, demo), visitor(browser, demo)
    chidi.sign_in("Chidi Rao")
    keys = chidi.credentials("Handbook reader")
    other = chidi.credentials("Data analyst")
    handbook = demo.sandbox.client("s3", keys)
    assert outcome(lambda: handbook.list_objects_v2(Bucket="meadow-harbor-handbook")) == ALLOWED
    assert outcome(lambda: handbook.put_object(Bucket="meadow-harbor-handbook", Key="x", Body=b"")) == DENIED
    console = chidi.open_console("Handbook reader", "Console home")
    assert "federated-user" in console.content()
    expect(allowed(console)).not_to_have_count(0)

    chidi.page.locator(chidi.card("Handbook reader")).get_by_role(
        "link", name="Handbook reader", exact=True
    ).click()
    address = chidi.page.url.removeprefix(demo.portal)
    ada.sign_in("Ada Okafor")
    ada.go(address)
    ada.page.get_by_role("link", name="Revoke").click()
    ada.page.get_by_role("textbox").first.fill("The hand-over is done")
    ada.page.get_by_role("button", name="Revoke").click()

    wait_until(
        lambda: outcome(lambda: handbook.list_objects_v2(Bucket="meadow-harbor-handbook")) == DENIED,
        seconds=20,
        what="the revoked session to be denied",
    )
    console.reload()
    expect(allowed(console)).to_have_count(0)
    # Neither the same person's other grant nor the hub itself is touched.
    assert (
        outcome(lambda: demo.sandbox.client("s3", other).list_objects_v2(Bucket="harbor-measurements"))
        == ALLOWED
    )
    assert outcome(demo.sandbox.hub("sts").get_caller_identity) == ALLOWED
    assert [*chidi.violations, *ada.violations] == []


def grant_a_minute(ada: Visitor, person: str) -> datetime:
    """Let Ada grant `person` a read-only role for a good minute, in the management pages."""
    ada.sign_in("Ada Okafor")
    ada.go("/manage/access/grant/add/")
    page = ada.page
    pick(page, "person", person)
    pick(page, "role", ROLE)
    page.get_by_label("Lasts").select_option(label="until the end given below")
    ends_at = datetime.fromtimestamp(int(time.time()) + GRANT_SECONDS, UTC)
    page.locator("#id_ends_at_0").fill(f"{ends_at:%Y-%m-%d}")
    page.locator("#id_ends_at_1").fill(f"{ends_at:%H:%M:%S}")
    page.get_by_label("Reason").fill("A look at this morning's errors")
    page.get_by_role("button", name="Grant access").click()
    expect(page.locator(".messagelist .success")).to_contain_text(person)
    return ends_at


def allowed(page: Page) -> Locator:
    """Return what the console page says it was allowed, by trying."""
    return page.locator("main").get_by_text("Allowed", exact=True)


def wait_past(moment: datetime) -> None:
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()) + 1.0)

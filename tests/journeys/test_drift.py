"""Somebody widens a partner's role by hand in AWS: an admin sees it, line by line, and has it put right by a click."""

import json
import time

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.browser import PATIENCE, visitor
from tests.servers.demo import Demo
from tests.servers.process import wait_until

pytestmark = [pytest.mark.services, pytest.mark.thorough, pytest.mark.xdist_group("demo")]
OURS, PATH = "333344445555", "/sallyport/partners/northlight-analytics/"
# Found within a minute of the check, as promised; in milliseconds.
A_MINUTE = 60_000


def test_a_widened_role_is_seen_and_put_right_by_a_click(browser: Browser, demo: Demo) -> None:
    ada, noor = visitor(browser, demo), visitor(browser, demo)
    ada.sign_in("Ada Okafor")
    ada.go("/partners/northlight-analytics/")
    expect(ada.page.get_by_text("Stands in AWS").first).to_be_visible(timeout=3 * PATIENCE)
    root = demo.sandbox.root("iam", OURS)
    [role] = root.list_roles(PathPrefix=PATH)["Roles"]
    name, before = role["RoleName"], role["AssumeRolePolicyDocument"]
    widened = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    root.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(widened))

    ada.go("/partners/drift/")
    began = time.monotonic()
    ada.page.get_by_role("button", name="Check now").click()
    drift = ada.page.locator("#drift")
    expect(drift.get_by_text("Widened").first).to_be_visible(timeout=A_MINUTE)
    assert time.monotonic() - began < A_MINUTE / 1000
    expect(drift).to_contain_text("999999999999")
    expect(drift).to_contain_text("sts:ExternalId")
    drift.get_by_role("link", name="Put right").first.click()
    ada.page.get_by_role("textbox").first.fill("Nobody here did that")
    ada.page.get_by_role("main").get_by_role("button").first.click()

    def trust() -> object:
        return root.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]

    wait_until(lambda: trust() == before, seconds=30, what="the trust policy to be as it was")
    expect(ada.page.locator("#drift").get_by_text("Every role is as it should be")).to_be_visible(
        timeout=A_MINUTE
    )
    # The company's own people see nothing of it.
    noor.sign_in("Noor Haddad")
    noor.go("/partners/drift/")
    expect(noor.page.get_by_role("heading", name="There is nothing at this address")).to_be_visible()
    assert [*ada.violations, *noor.violations] == []

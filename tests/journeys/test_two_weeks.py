"""The two-week joint project, as people live it: from nothing to a partner reading one bucket, and to nothing again.

The partner works with an unmodified AWS CLI from its own AWS account. Time is moved for all processes of the demo and
for the CLI; the browser keeps its own.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.journeys.browser import PATIENCE, Visitor, visitor
from tests.servers.aws_cli import AWS_CLI
from tests.servers.demo import Demo, running_demo
from tests.servers.moved_clock import MovedClock
from tests.servers.process import wait_until

pytestmark = [
    pytest.mark.services,
    pytest.mark.thorough,
    pytest.mark.xdist_group("two-weeks"),
    pytest.mark.timeout(600),
]
COMPANY, SLUG, ACCOUNT = "Tidewater Labs", "tidewater-labs", "777788889999"
OURS, BUCKET, OTHER = "333344445555", "harbor-partner-dropbox", "harbor-payroll"
FILE = "briefing.txt"
TWO_WEEKS = timedelta(days=14)
LIST = ("s3", "ls", f"s3://{BUCKET}/")
# An admin does it in two minutes: what a hand does in that time, and not only a script.
MINUTES, ACTS = 2, 15


@dataclass
class Hand:
    """Counts what an admin's hand does: clicks, and fields filled."""

    page: Page
    clicks: int = 0
    fields: int = 0

    def click(self, role: Any, name: str | re.Pattern[str]) -> None:
        self.clicks += 1
        self.page.get_by_role(role, name=name).first.click()

    def fill(self, label: str, text: str) -> None:
        self.fields += 1
        self._field(label).fill(text)

    def choose(self, label: str, option: str) -> None:
        self.fields += 1
        self._field(label).select_option(label=option)

    def _field(self, label: str) -> Locator:
        # A label may go on with 'optional'.
        return self.page.get_by_label(re.compile(rf"^\s*{re.escape(label)}(\s+optional)?\s*$"))


class Cli:
    """The AWS CLI at the partner: its own user's key, and the profile that was handed over."""

    def __init__(self, demo: Demo, key: Mapping[str, str], directory: Path, clock: MovedClock) -> None:
        directory.mkdir()
        self._command = AWS_CLI
        self._credentials = directory / "credentials"
        self._config = directory / "config"
        self.cache = directory / ".aws" / "cli" / "cache"
        self._credentials.write_text(
            f"[default]\naws_access_key_id = {key['AccessKeyId']}\naws_secret_access_key = {key['SecretAccessKey']}\n"
        )
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            **{name: value for name, value in clock.environment.items() if name != "PYTHONPATH"},
            "PYTHONPATH": str(directory.parent / "clock"),
            "HOME": str(directory),
            "AWS_SHARED_CREDENTIALS_FILE": str(self._credentials),
            "AWS_CONFIG_FILE": str(self._config),
            "AWS_ENDPOINT_URL": demo.aws,
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            "NO_PROXY": "*",
        }

    def configure(self, profile: str) -> None:
        self._config.write_text(profile)

    def run(self, *words: str, keys: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        """Run it to its end. `keys`: credentials that are used as they are, whatever profiles there are."""
        held = {}
        if keys is not None:
            held = {
                "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
                "AWS_SESSION_TOKEN": keys["SessionToken"],
            }
        return subprocess.run(
            [self._command, *words],
            env={**self.environment, **held},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


def test_two_weeks_from_nothing_to_nothing(browser: Browser, tmp_path: Path) -> None:
    clock = MovedClock(tmp_path / "clock")
    with running_demo(tmp_path / "home", environment=clock.environment) as demo:
        ada, noor = visitor(browser, demo), visitor(browser, demo)
        ada.sign_in("Ada Okafor")
        noor.sign_in("Noor Haddad")
        cli = Cli(demo, their_user(demo), tmp_path / "tidewater", clock)

        began, hand = time.monotonic(), Hand(ada.page)
        add_the_company(ada, hand)
        address = grant_two_weeks(hand)
        took = time.monotonic() - began
        expect(ada.page.locator("#partner-role .badge").first).to_have_text(
            "Stands in AWS", timeout=2 * PATIENCE
        )
        stood = time.monotonic() - began
        sys.stdout.write(
            f"the admin: {hand.clicks} clicks, {hand.fields} fields, {took:.1f} s by a script; "
            f"the role after {stood:.1f} s\n"
        )
        assert hand.clicks + hand.fields <= ACTS
        assert took < MINUTES * 60

        profile, role_arn = handed_over(ada, address)
        cli.configure(profile)
        name = profile.partition("[profile ")[2].partition("]")[0]
        assert FILE in ran(cli, "s3", "ls", f"s3://{BUCKET}/", "--profile", name)
        assert "Joint project" in ran(cli, "s3", "cp", f"s3://{BUCKET}/{FILE}", "-", "--profile", name)
        # Nothing else of the account, nothing but reading, and not without the ExternalId.
        assert "AccessDenied" in refused(cli, "s3", "ls", f"s3://{OTHER}/", "--profile", name)
        assert "AccessDenied" in refused(cli, "s3", "rm", f"s3://{BUCKET}/{FILE}", "--profile", name)
        bare = ("sts", "assume-role", "--role-arn", role_arn, "--role-session-name", "bare")
        assert "AccessDenied" in refused(cli, *bare)
        # Another company's people see nothing of it.
        noor.go(address.replace("/grants/", "/company/grants/"))
        expect(noor.page.get_by_role("heading", name="There is nothing at this address")).to_be_visible()

        clock.move(TWO_WEEKS - timedelta(minutes=5))
        wait_until(
            lambda: cli.run(*LIST, "--profile", name).returncode == 0,
            seconds=30,
            what="reading in its last minutes",
        )
        held = keys_of(cli)
        assert FILE in ran(cli, *LIST, keys=held)

        clock.move(TWO_WEEKS + timedelta(minutes=5))
        wait_until(
            lambda: cli.run(*LIST, "--profile", name).returncode != 0,
            seconds=30,
            what="the read to be denied",
        )
        wait_until(lambda: is_gone(demo, role_arn), seconds=60, what="the role to be gone")
        # What it still holds, and would have for most of an hour, is of no use either.
        assert datetime.fromisoformat(held["Expiration"]) > datetime.now(UTC) + TWO_WEEKS + timedelta(
            minutes=10
        )
        assert refused(cli, *LIST, keys=held)
        listed = demo.sandbox.root("iam", OURS).list_roles(PathPrefix=f"/sallyport/partners/{SLUG}/")["Roles"]
        assert listed == [], "nothing of it is left in AWS"
        ada.sign_in("Ada Okafor")
        ada.go(address)
        expect(ada.page.locator("#partner-role .badge").first).to_have_text("Gone from AWS", timeout=PATIENCE)
        assert [*ada.violations, *noor.violations] == []


def their_user(demo: Demo) -> dict[str, str]:
    """Make the company's own AWS account, with a user who may become whoever trusts it. Nothing there is ours."""
    iam = demo.sandbox.root("iam", ACCOUNT)
    iam.create_user(UserName="pipeline")
    allow = {"Effect": "Allow", "Action": ["sts:AssumeRole", "s3:*"], "Resource": "*"}
    iam.put_user_policy(
        UserName="pipeline",
        PolicyName="Rights",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )
    key: dict[str, str] = iam.create_access_key(UserName="pipeline")["AccessKey"]
    return key


def add_the_company(ada: Visitor, hand: Hand) -> None:
    hand.click("link", "Partners")
    hand.click("link", "Add a partner")
    hand.fill("Name", COMPANY)
    hand.fill("Its AWS account number", ACCOUNT)
    hand.click("button", "Add the partner")
    expect(ada.page.get_by_role("heading", name=COMPANY)).to_be_visible()


def grant_two_weeks(hand: Hand) -> str:
    """Grant reading one bucket, two weeks from now; returns the path of the grant's page."""
    hand.click("link", "Grant access")
    hand.choose("To which of our accounts", f"Harbor Data ({OURS})")
    hand.choose("What it may do there", "S3 bucket, read only")
    hand.fill("Bucket", BUCKET)
    hand.fill("What for", "The joint project")
    hand.click("button", "See what it lets them do")
    expect(hand.page.get_by_text("List and read all files in the bucket")).to_be_visible()
    hand.click("button", "Grant it")
    hand.page.wait_for_url(re.compile("/grants/"))
    return re.sub(r"^https?://[^/]+", "", hand.page.url)


def handed_over(ada: Visitor, address: str) -> tuple[str, str]:
    """Return the CLI's profile that an admin hands to the company, and the role's ARN in it."""
    answer = ada.context.request.get(
        f"{ada.demo.portal}{address.replace('/grants/', '/company/grants/')}profile.txt"
    )
    assert answer.ok, answer.status
    profile = answer.text()
    arn = re.search(r"role_arn = (\S+)", profile)
    assert arn is not None
    return profile, arn[1]


def ran(cli: Cli, *words: str, keys: Mapping[str, str] | None = None) -> str:
    done = cli.run(*words, keys=keys)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(cli: Cli, *words: str, keys: Mapping[str, str] | None = None) -> str:
    done = cli.run(*words, keys=keys)
    assert done.returncode != 0, done.stdout
    return done.stderr


def keys_of(cli: Cli) -> dict[str, str]:
    """Return the credentials that the CLI got for its profile and keeps for an hour, to be held on to."""
    kept = sorted(cli.cache.glob("*.json"), key=lambda file: file.stat().st_mtime)
    keys: dict[str, str] = json.loads(kept[-1].read_text())["Credentials"]
    return keys


def is_gone(demo: Demo, role_arn: str) -> bool:
    iam = demo.sandbox.root("iam", OURS)
    try:
        iam.get_role(RoleName=role_arn.rpartition("/")[2])
    except iam.exceptions.NoSuchEntityException:
        return True
    return False

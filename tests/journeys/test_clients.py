"""What the page shows, pasted into unmodified clients: bash with the AWS CLI, a profile, boto3, credential_process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.journeys.browser import visitor
from tests.servers.aws_cli import AWS_CLI
from tests.servers.demo import Demo

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.thorough]
MINE, OTHERS = "s3://harbor-measurements/tides/", "s3://harbor-payroll/"
BOTO3 = """
import boto3, sys
print([o["Key"] for o in boto3.client("s3").list_objects_v2(Bucket=sys.argv[1], Prefix="tides/")["Contents"]])
"""


def test_unmodified_clients_use_what_the_page_shows(browser: Browser, demo: Demo, tmp_path: Path) -> None:
    chidi = visitor(browser, demo)
    chidi.sign_in("Chidi Rao")
    shown = chidi.snippets("Data analyst")
    assert set(shown) == {"bash", "powershell", "profile", "json"}

    pasted = f"{shown['bash']}\n{AWS_CLI} s3 ls {MINE}"
    assert "2026-11-20.csv" in ran(["bash", "-c", pasted], tmp_path).stdout
    refused = ran(["bash", "-c", f"{shown['bash']}\n{AWS_CLI} s3 ls {OTHERS}"], tmp_path)
    assert refused.returncode != 0
    assert "AccessDenied" in refused.stderr

    (tmp_path / "credentials").write_text(shown["profile"])
    profile = shown["profile"].partition("[")[2].partition("]")[0]
    file = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"), "AWS_PROFILE": profile}
    assert "2026-11-20.csv" in ran([AWS_CLI, "s3", "ls", MINE], tmp_path, **file).stdout

    boto3 = f'{shown["bash"]}\nexec {sys.executable} -c "$1" harbor-measurements'
    assert "2026-11-20.csv" in ran(["bash", "-c", boto3, "bash", BOTO3], tmp_path).stdout

    # The JSON is what a credential_process prints: a profile that prints it works as well.
    (tmp_path / "keys.json").write_text(shown["json"])
    assert json.loads(shown["json"])["Version"] == 1
    (tmp_path / "config").write_text(
        f"[profile shown]\ncredential_process = cat {tmp_path / 'keys.json'}\n"
        f"region = {demo.sandbox.estate['region']}\nendpoint_url = {demo.aws}\n"
    )
    file = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_PROFILE": "shown", "AWS_ENDPOINT_URL": demo.aws}
    assert "2026-11-20.csv" in ran([AWS_CLI, "s3", "ls", MINE], tmp_path, **file).stdout
    assert chidi.violations == []


def ran(command: list[str], home: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run a client with nothing of ours in its environment: what was pasted is all that it has."""
    nothing = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
    }
    return subprocess.run(
        command, env={**nothing, **more}, capture_output=True, text=True, check=False, timeout=60
    )

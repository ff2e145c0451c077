"""Credentials that survive being pasted."""

import configparser
import json
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import botocore.session
import pytest

from brokers.types import Credentials
from portal.web.presenters.pasting import (
    bash_exports,
    powershell_exports,
    process_json,
    profile_section,
    snippets,
)

SECRET = "wJalr'XUtn\"FEMI$(id)`id`\\K7MD;ENG%bPx 'RfiC"
CREDENTIALS = Credentials("ASIAEXAMPLE", SECRET, "IQoJ/+token==", datetime(2025, 11, 20, 14, 0, tzinfo=UTC))


def test_bash_gets_every_character_back() -> None:
    text = bash_exports(CREDENTIALS, region="eu-central-1", endpoint_url="http://localhost:4566")
    script = (
        text
        + 'printf "%s\\n" "$AWS_SECRET_ACCESS_KEY" "$AWS_SESSION_TOKEN" "$AWS_ENDPOINT_URL" "$AWS_REGION"'
    )
    run = subprocess.run(
        [shutil.which("bash") or "sh", "-c", script], capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines() == [SECRET, "IQoJ/+token==", "http://localhost:4566", "eu-central-1"]


def test_bash_says_when_the_credentials_expire_and_no_region_unless_given() -> None:
    text = bash_exports(CREDENTIALS)
    assert "export AWS_CREDENTIAL_EXPIRATION='2025-11-20T14:00:00Z'\n" in text
    assert "AWS_REGION" not in text
    assert "AWS_ENDPOINT_URL" not in text


def test_powershell_doubles_every_quote_it_knows() -> None:
    text = powershell_exports(replace(CREDENTIALS, secret_access_key="a'b\u2019c$d`e"))
    assert "$Env:AWS_SECRET_ACCESS_KEY = 'a''b\u2019\u2019c$d`e'\n" in text


def test_the_profile_is_read_by_an_unmodified_botocore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    text = profile_section(
        CREDENTIALS, profile="log-reader", region="eu-central-1", endpoint_url="http://localhost:4566"
    )
    (tmp_path / "credentials").write_text(text)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    session = botocore.session.Session(profile="log-reader")
    found = session.get_credentials()
    assert found is not None
    assert (found.access_key, found.secret_key, found.token) == ("ASIAEXAMPLE", SECRET, "IQoJ/+token==")
    client = session.create_client("sts")
    assert (client.meta.region_name, client.meta.endpoint_url) == ("eu-central-1", "http://localhost:4566")


@pytest.mark.parametrize("profile", ["", "a b", "a]\n[default", "a]"])
def test_a_profile_name_cannot_leave_its_brackets(profile: str) -> None:
    with pytest.raises(ValueError, match="profile name"):
        profile_section(CREDENTIALS, profile=profile)


@pytest.mark.parametrize("secret", ["a\nrm -rf ~", "a\rb", "a\x1b[2J", "a\x00"])
def test_nothing_that_ends_a_line_is_offered_for_pasting(secret: str) -> None:
    hostile = replace(CREDENTIALS, session_token=secret)
    for make in (bash_exports, powershell_exports):
        with pytest.raises(ValueError, match="control character"):
            make(hostile)
    with pytest.raises(ValueError, match="control character"):
        profile_section(hostile, profile="p")


def test_json_is_what_credential_process_speaks() -> None:
    assert json.loads(process_json(CREDENTIALS)) == {
        "Version": 1,
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": SECRET,
        "SessionToken": "IQoJ/+token==",
        "Expiration": "2025-11-20T14:00:00Z",
    }


def test_the_four_formats_come_in_order_and_show_no_secret_in_repr() -> None:
    formats = snippets(CREDENTIALS, profile="log-reader", region="eu-central-1")
    assert [snippet.key for snippet in formats] == ["bash", "powershell", "profile", "json"]
    assert "IQoJ" not in repr(formats)
    section = configparser.RawConfigParser()
    section.read_string(formats[2].text)
    assert section["log-reader"]["region"] == "eu-central-1"

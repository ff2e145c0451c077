"""Who calls, and what is remembered of issued credentials."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal.demo.sandbox.callers import Kind, Registry, scope

GOOD = "AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20260101/eu-central-1/s3/aws4_request, SignedHeaders=host, Signature=0"


def answer(key: str, *, seconds: int = 900) -> bytes:
    expires = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
        f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>hush</SecretAccessKey><Expiration>{expires}</Expiration>"
        "</Credentials><AssumedRoleUser><Arn>arn:x</Arn></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"
    ).encode()


def test_the_scope_stands_in_the_header_or_the_address() -> None:
    found = scope({"Authorization": GOOD}, {})
    assert found is not None
    assert (found.access_key_id, found.service) == ("ASIAEXAMPLE", "s3")
    presigned = scope({}, {"X-Amz-Credential": "AKIAEXAMPLE/20260101/eu-central-1/sts/aws4_request"})
    assert presigned is not None
    assert presigned.service == "sts"
    # The header counts where both stand, as it does for MiniStack.
    both = scope({"Authorization": GOOD}, {"X-Amz-Credential": "OTHER/20260101/r/iam/aws4_request"})
    assert both == found


@pytest.mark.parametrize(
    "header",
    [
        "",
        "AWS AKIAEXAMPLE:signature",
        GOOD.replace("HMAC-SHA256", "ECDSA-P256-SHA256"),
        GOOD.replace("/s3/", "//"),
    ],
    ids=["none", "version-2", "version-4a", "no-service"],
)
def test_other_headers_have_no_scope(header: str) -> None:
    assert scope({"Authorization": header}, {}) is None


def test_credentials_are_remembered_without_their_secret(tmp_path: Path) -> None:
    path = tmp_path / "sessions.json"
    registry = Registry(path)
    registry.observe("AssumeRole", answer("ASIAFIRST"), Kind.USER)
    registry.observe("AssumeRole", answer("ASIASECOND"), Kind.ROLE)
    registry.observe("GetFederationToken", answer("ASIATHIRD"), Kind.USER)
    again = Registry(path)
    assert [again.kind(f"ASIA{name}") for name in ("FIRST", "SECOND", "THIRD", "OTHER")] == [
        Kind.ROLE,
        Kind.ROLE,
        Kind.FEDERATED,
        Kind.ROLE,
    ]
    assert [again.issued[f"ASIA{name}"].chained for name in ("FIRST", "SECOND")] == [False, True]
    assert again.kind("AKIAEXAMPLE") is Kind.USER
    assert "hush" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_dead_credentials_are_forgotten(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "sessions.json")
    registry.observe("AssumeRole", answer("ASIAFIRST", seconds=1), Kind.USER)
    time.sleep(1.1)
    registry.observe("AssumeRole", answer("ASIASECOND"), Kind.USER)
    rows = json.loads((tmp_path / "sessions.json").read_text())
    assert [row["access_key_id"] for row in rows] == ["ASIASECOND"]

"""The readers of the environment: each error names the variable, what it was, what is allowed; never a secret."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from brokers.addresses import AllowedPlaces
from portal.config import env


def told(read: Callable[[], object]) -> str:
    with pytest.raises(ImproperlyConfigured) as refused:
        read()
    return str(refused.value)


@pytest.mark.parametrize(
    ("raw", "value"),
    [("1", True), ("TRUE", True), (" on ", True), ("no", False), ("off", False), ("", False)],
)
def test_flags(monkeypatch: pytest.MonkeyPatch, raw: str, value: bool) -> None:
    monkeypatch.setenv("SALLYPORT_DEBUG", raw)
    assert env.flag("DEBUG", default=not value) is value


def test_a_flag_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SALLYPORT_DEBUG", raising=False)
    assert env.flag("DEBUG", default=True) is True
    monkeypatch.setenv("SALLYPORT_DEBUG", "maybe")
    sentence = told(lambda: env.flag("DEBUG"))
    assert "SALLYPORT_DEBUG" in sentence
    assert "'maybe'" in sentence
    assert "'yes'" in sentence
    assert "'off'" in sentence


@pytest.mark.parametrize(
    ("raw", "region"),
    [
        ("", "eu-central-1"),
        ("arn:aws:iam::111122223333:role/infra/access/Portal", "eu-central-1"),
        ("arn:aws:iam::111122223333:user/sallyport-hub", "us-east-1"),
        ("arn:aws-cn:iam::111122223333:role/Portal", "cn-north-1"),
        ("arn:aws-us-gov:iam::111122223333:role/Portal", "us-gov-west-1"),
    ],
)
def test_a_role_or_user(monkeypatch: pytest.MonkeyPatch, raw: str, region: str) -> None:
    monkeypatch.setenv("SALLYPORT_HUB_PRINCIPAL_ARN", raw)
    assert env.principal("HUB_PRINCIPAL_ARN", region=region) == raw


@pytest.mark.parametrize(
    "raw",
    [
        "arn:aws-cn:iam::111122223333:role/Portal",
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:role/*",
        "arn:aws:iam::*:role/Portal",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:sts::111122223333:assumed-role/Portal/i-0a1",
        "arn:aws:iam::111122223333:group/Portal",
        "Portal",
    ],
)
def test_what_is_no_role_or_user_of_the_partition(monkeypatch: pytest.MonkeyPatch, raw: str) -> None:
    monkeypatch.setenv("SALLYPORT_HUB_PRINCIPAL_ARN", raw)
    sentence = told(lambda: env.principal("HUB_PRINCIPAL_ARN", region="eu-central-1"))
    assert f"SALLYPORT_HUB_PRINCIPAL_ARN is {raw!r}" in sentence
    assert "arn:aws:iam::ACCOUNT:role/PATH/NAME" in sentence


@pytest.mark.parametrize(("raw", "allowed"), [("ten", "a whole number"), ("0", "1 to 5"), ("6", "1 to 5")])
def test_a_number_out_of_its_limits(monkeypatch: pytest.MonkeyPatch, raw: str, allowed: str) -> None:
    monkeypatch.setenv("SALLYPORT_N", raw)
    sentence = told(lambda: env.number("N", 3, low=1, high=5))
    assert "SALLYPORT_N" in sentence
    assert raw in sentence
    assert allowed in sentence
    monkeypatch.setenv("SALLYPORT_N", "5")
    assert env.number("N", 3, low=1, high=5) == 5
    monkeypatch.delenv("SALLYPORT_N")
    assert env.number("N", 3, low=1, high=5) == 3


def test_one_of_a_few_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALLYPORT_LOG_LEVEL", " debug ")
    assert env.one_of("LOG_LEVEL", "INFO", allowed=("DEBUG", "INFO")) == "DEBUG"
    monkeypatch.setenv("SALLYPORT_LOG_LEVEL", "")
    assert env.one_of("LOG_LEVEL", "INFO", allowed=("DEBUG", "INFO")) == "INFO"
    monkeypatch.setenv("SALLYPORT_LOG_LEVEL", "loud")
    sentence = told(lambda: env.one_of("LOG_LEVEL", "INFO", allowed=("DEBUG", "INFO")))
    assert all(part in sentence for part in ("SALLYPORT_LOG_LEVEL", "'loud'", "DEBUG, INFO"))


def test_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALLYPORT_HOSTS", " a.example, ,b.example,")
    assert env.words("HOSTS") == ["a.example", "b.example"]


@pytest.mark.parametrize(
    "raw",
    [
        "ftp://h",
        "example.com",
        "http://",
        "https://h?x=1",
        "https://h#x",
        "http://[",
        "http://h:99999",
        "http://h:x",
    ],
)
def test_an_address_that_is_none(monkeypatch: pytest.MonkeyPatch, raw: str) -> None:
    monkeypatch.setenv("SALLYPORT_URL", raw)
    sentence = told(lambda: env.url("URL"))
    assert "SALLYPORT_URL" in sentence
    assert raw in sentence
    assert "http(s)://host" in sentence


def test_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALLYPORT_URL", "https://h.example:8443/path/")
    assert env.url("URL") == "https://h.example:8443/path"
    monkeypatch.setenv("SALLYPORT_URL", "https://user:hunter2@h.example")
    assert "hunter2" not in told(lambda: env.url("URL"))
    monkeypatch.delenv("SALLYPORT_URL")
    assert env.url("URL") == ""


def test_secrets_come_from_the_variable_or_the_file_and_are_never_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    path.write_text("from-file\n")
    assert env.secret("KEY", "default") == "default"
    monkeypatch.setenv("SALLYPORT_KEY_FILE", str(path))
    assert env.secret("KEY", "default") == "from-file"
    monkeypatch.setenv("SALLYPORT_KEY", "hunter2")
    sentence = told(lambda: env.secret("KEY"))
    assert "SALLYPORT_KEY_FILE" in sentence
    assert "hunter2" not in sentence
    monkeypatch.delenv("SALLYPORT_KEY_FILE")
    assert env.secret("KEY") == "hunter2"


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe"])
def test_a_secrets_file_that_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("SALLYPORT_KEY_FILE", str(path))
    assert "SALLYPORT_KEY_FILE" in told(lambda: env.secret("KEY", "default"))


def test_places(monkeypatch: pytest.MonkeyPatch) -> None:
    assert env.places("PLACES") == AllowedPlaces()
    monkeypatch.setenv("SALLYPORT_PLACES", "idp.example.test, 192.0.2.0/24,")
    assert env.places("PLACES") == AllowedPlaces.read(["idp.example.test", "192.0.2.0/24"])
    monkeypatch.setenv("SALLYPORT_PLACES", "192.0.2.1/24")
    assert "SALLYPORT_PLACES" in told(lambda: env.places("PLACES"))


@pytest.mark.parametrize(
    "raw", ["", "https://camera.example.com", "https://a.example:8443, http://localhost:8000"]
)
def test_origins_are_read_as_browsers_write_them(monkeypatch: pytest.MonkeyPatch, raw: str) -> None:
    monkeypatch.setenv("SALLYPORT_BROWSER_ORIGINS", raw)
    assert env.origins("BROWSER_ORIGINS") == [part.strip() for part in raw.split(",") if part]


@pytest.mark.parametrize(
    "raw",
    [
        "*",
        "null",
        "camera.example.com",
        "http://camera.example.com",
        "https://camera.example.com/",
        "https://camera.example.com/app",
        "https://camera.example.com:443",
        "https://Camera.example.com",
        "https://*.example.com",
        "https://user@camera.example.com",
        "https://good.example, javascript:x",
    ],
)
def test_what_is_no_origin_stops_the_start(monkeypatch: pytest.MonkeyPatch, raw: str) -> None:
    monkeypatch.setenv("SALLYPORT_BROWSER_ORIGINS", raw)
    with pytest.raises(ImproperlyConfigured, match="SALLYPORT_BROWSER_ORIGINS"):
        env.origins("BROWSER_ORIGINS")

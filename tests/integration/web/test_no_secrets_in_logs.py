"""Every flow that touches a secret, with everything logged: none is in the lines, nor in the records behind them."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from brokers.errors import AwsAccessDenied
from portal.access.models import CredentialSlot, Grant
from portal.directory.models import Person
from portal.kernel.logs import AboutFilter, JsonFormatter
from tests.fakes import SECRET, SIGN_IN_URL, TOKEN, FakeAws
from tests.integration.api.calling import make_token, send, with_token
from tests.world import make_grant, signed_in

LEAKED = "leaked+by/aws=itself"
DESTINATION = "https://console.aws.amazon.com/s3/home"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[io.StringIO]:
    """Have everything down to DEBUG written as production writes it, while `caplog` keeps it as it was told."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(AboutFilter())
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in ("django", "django.request", "portal", "brokers"))]
    levels = [logger.level for logger in loggers]
    caplog.set_level(logging.DEBUG)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def grant(ben: Person, aws: FakeAws) -> Grant:
    return make_grant(ben)


def test_no_flow_writes_a_secret(
    lines: io.StringIO, caplog: pytest.LogCaptureFixture, grant: Grant, ben: Person, aws: FakeAws
) -> None:
    browser = Client(raise_request_exception=False)
    browser.force_login(ben)
    shown = browser.post(reverse("web:credentials", args=[grant.pk]))
    assert SECRET.encode() in shown.content, "the flow that is watched did happen"
    opened = browser.post(reverse("web:open-console", args=[grant.pk]), {"destination": DESTINATION})
    assert opened.headers["Location"] == SIGN_IN_URL
    token = make_token(ben)
    api = with_token(token)
    assert SECRET in send(api, "post", reverse("api:credentials", args=[grant.pk])).content.decode()
    made = send(api, "post", reverse("api:console-links", args=[grant.pk]), {"destination": DESTINATION})
    link = urlsplit(made.json()["url"]).path
    assert browser.post(link).headers["Location"] == SIGN_IN_URL
    assert browser.post(link).status_code >= 400, "used already: Django logs the address"
    assert send(with_token(f"{token}x"), "get", reverse("api:grants")).status_code == 401
    CredentialSlot.objects.all().delete()  # what is kept needs no AWS
    fail(aws)
    assert browser.post(reverse("web:credentials", args=[grant.pk])).status_code == 503
    assert send(api, "post", reverse("api:credentials", args=[grant.pk])).status_code >= 500
    aws.fail.clear()
    CredentialSlot.objects.all().delete()
    aws.before["assume_role"] = burst
    assert browser.post(reverse("web:credentials", args=[grant.pk])).status_code == 500

    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert any("ZeroDivision" in line.get("exception", "") for line in told), "tracebacks are among the lines"
    assert any(line["logger"] == "django.request" and line.get("request_id") for line in told)
    assert any(line.get("actor_id") == str(ben.pk) for line in told)
    secrets = [SECRET, TOKEN, SIGN_IN_URL, "only-for-this-browser", token, link.rpartition("/")[2]]
    for secret in secrets:
        assert secret not in lines.getvalue()
    assert LEAKED not in lines.getvalue()
    raw = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    for secret in (SECRET, TOKEN, "only-for-this-browser", token):
        assert secret not in raw, "nobody even tried to log it: the net had nothing to catch"


def fail(aws: FakeAws) -> None:
    aws.fail["assume_role"] = AwsAccessDenied(
        "sts:AssumeRole", "AccessDenied", f"the call with SecretAccessKey={LEAKED} was refused"
    )


def burst() -> Any:
    return 1 / 0


def test_a_capture_would_show_a_secret_that_is_logged(
    lines: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("portal.x").debug("here %s", SECRET)
    assert SECRET in caplog.text
    assert lines.getvalue().count("\n") == 1


def test_a_line_names_the_request_that_its_answer_names(lines: io.StringIO, ben: Person) -> None:
    answer = signed_in(ben).get("/nothing")
    [line] = [json.loads(line) for line in lines.getvalue().splitlines() if "Not Found" in line]
    assert line["request_id"] == answer.headers["X-Request-Id"]

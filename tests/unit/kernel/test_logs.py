"""What a log line says and can be found by, and the last net for secrets."""

import json
import logging
import sys
import threading
import time

import pytest

from portal.kernel.logs import (
    MASK,
    AboutFilter,
    JsonFormatter,
    PlainFormatter,
    begin_lines_about,
    mask,
)

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEKz//////////" * 8
OURS = "sp_" + "k3-_" * 10


def line(message: str, *arguments: object, form: logging.Formatter | None = None, fault: bool = False) -> str:
    record = logging.LogRecord(
        "portal.x", logging.WARNING, "x.py", 1, message, arguments, sys.exc_info() if fault else None
    )
    AboutFilter().filter(record)
    return (form or JsonFormatter()).format(record)


def test_a_line_is_one_object_with_what_it_is_about() -> None:
    begin_lines_about("0123abcd", lambda: "person-1")
    told = json.loads(line("swept %s\nand \x1b[31mmore", 3))
    assert told["time"].endswith("Z")
    assert told | {"time": ""} == {
        "time": "",
        "level": "WARNING",
        "logger": "portal.x",
        "message": "swept 3\nand \x1b[31mmore",
        "request_id": "0123abcd",
        "actor_id": "person-1",
    }
    begin_lines_about("")
    assert "request_id" not in json.loads(line("of nothing"))


def test_a_line_is_never_two_whatever_is_in_it() -> None:
    assert "\n" not in line("a\nb\r\n\u2028c")


def test_an_exception_is_a_field_and_is_masked_too() -> None:
    try:
        int(f"AWS said SecretAccessKey={SECRET}")
    except ValueError:
        told = json.loads(line("it failed", fault=True))
        plain = line("it failed", fault=True, form=PlainFormatter())
    assert "AWS said SecretAccessKey=[masked]" in told["exception"]
    assert "Traceback" in plain
    assert SECRET not in plain


def test_plain_lines_name_the_request() -> None:
    begin_lines_about("0123abcd")
    assert "WARNING portal.x [0123abcd]: hello" in line("hello", form=PlainFormatter())
    begin_lines_about("")
    assert line("hello", form=PlainFormatter()).endswith("WARNING portal.x: hello")


def test_threads_do_not_share_what_their_lines_are_about() -> None:
    found: list[str] = []

    def task() -> None:
        begin_lines_about("task-1")
        found.append(json.loads(line("x"))["request_id"])

    begin_lines_about("request-1")
    thread = threading.Thread(target=task)
    thread.start()
    thread.join()
    found.append(json.loads(line("x"))["request_id"])
    assert found == ["task-1", "request-1"]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"Secret is {SECRET}, it says", SECRET),
        (f"token {TOKEN}", TOKEN),
        (f'{{"SecretAccessKey": "{SECRET}", "SessionToken":"short+/="}}', "short+/="),
        ("<SecretAccessKey>a/b+c</SecretAccessKey>", "a/b+c"),
        ("Credentials(access_key_id='ASIA1', secret_access_key='q/w', session_token='t')", "q/w"),
        ("aws_session_token = abcd", "abcd"),
        ("export AWS_SECRET_ACCESS_KEY='q/w+e'", "q/w+e"),
        ("{b'session_token': b'q/w+e'}", "q/w+e"),
        ("https://signin.aws.amazon.com/federation?Action=login&SigninToken=only-for-this", "only-for-this"),
        ("GET /federation?Session=%7B%22sessionKey%22%3A%22a%2Fb%22%7D&x=1", "a%2Fb"),
        ("told %22sessionKey%22%3A%22a%2Fb%22", "a%2Fb"),
        ("{'Authorization': 'Bearer abc.def.ghi'}", "abc.def.ghi"),
        ("Authorization: AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=ab12", "ab12"),
        ("curl -H 'X: Bearer abc.def.ghi'", "abc.def.ghi"),
        (f"who sent {OURS} here", OURS),
        (f"who sent spc{OURS[2:]} here", OURS[3:]),
        ("Not Found: /console/pmZ0yAq7Q8Fz4mJx2c8kEw", "pmZ0yAq7Q8Fz4mJx2c8kEw"),
        ("redis://:open-sesame@cache:6379/0", "open-sesame"),
        ("postgres://portal:open-sesame@db/sallyport", "open-sesame"),
        ("SAMLResponse=PHNhbWw", "PHNhbWw"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in mask(text)
    assert MASK in mask(text)
    assert mask(mask(text)) == mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "Redis can't be reached: the wake-up is dropped, the schedule does the work",
        "grant 5f1d2b1e-3f0e-4b9e-8f60-0123456789ab of ben@example.com",
        "arn:aws:iam::222222222222:role/northlight/PartnerDropboxReadOnlyForTheNorthlightProject",
        "sha256 " + "0a" * 32 + " and sha1 " + "0a" * 20,
        "AROAEXAMPLE0123456789:sp-5f1d2b1e3f0e4b9e8f600123456789ab-0123456789 with key ASIAEXAMPLEEXAMPLE12",
        "http://localhost:8000/grants/5f1d2b1e-3f0e-4b9e-8f60-0123456789ab/credentials",
        '  File "/srv/sallyport/portal/access/operations/cutting/apply_revocations.py", line 20, in go',
        "API tokens: 3; session policy of 2,048 characters; password reset is not offered",
    ],
)
def test_what_operators_look_for_stays(text: str) -> None:
    assert mask(text) == text


def test_long_lines_stay_cheap() -> None:
    """No pattern may take more than linear time over what a stranger can put into a line."""
    for hostile in ("a1B/" * 25_000, "secret" * 20_000, "x://" + "u:" * 50_000, "token=%22" * 10_000):
        started = time.perf_counter()
        mask(hostile)
        assert time.perf_counter() - started < 2

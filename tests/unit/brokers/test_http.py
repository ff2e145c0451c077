"""The one HTTP call: what it sends, and what it won't do."""

from collections.abc import Iterator

import pytest

from brokers import http
from brokers.http import HttpError, is_protected, origin_of, post_form
from tests.unit.brokers.aws.local_http import LocalServer, local_server


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


def test_a_form_is_posted_and_the_answer_returned(server: LocalServer) -> None:
    server.body = b"hello"
    answer = post_form(f"{server.url}/federation", {"Action": "x & y", "b": "ü"})
    assert (answer.status, answer.body) == (200, b"hello")
    assert server.requests == [("POST", "/federation", {"Action": "x & y", "b": "ü"})]
    assert "hello" not in repr(answer)


def test_a_redirect_is_returned_and_not_followed(server: LocalServer) -> None:
    server.status, server.headers = 302, {"Location": f"{server.url}/elsewhere"}
    assert post_form(server.url, {}).status == 302
    assert len(server.requests) == 1


def test_a_proxy_in_the_environment_is_not_used(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post_form(server.url, {}).status == 200


def test_plain_http_leaves_this_machine_never() -> None:
    with pytest.raises(
        HttpError, match=r"^http://portal\.example gave no usable answer: only https is called"
    ):
        post_form("http://someone:secret@portal.example/path?token=secret", {})


def test_nobody_listening_is_an_error_that_can_be_tried_again() -> None:
    with pytest.raises(HttpError) as caught:
        post_form("http://127.0.0.1:9/path?token=secret", {})
    assert caught.value.retryable
    assert str(caught.value) == "http://127.0.0.1:9 gave no usable answer: NewConnectionError"


def test_an_unverified_certificate_is_refused(server: LocalServer) -> None:
    # A plain server behind an https address: no handshake, no request.
    with pytest.raises(HttpError, match=r"SSLError|ProtocolError"):
        post_form(server.url.replace("http://", "https://"), {})
    assert server.requests == []


def test_an_answer_that_is_too_long_is_not_read_on(server: LocalServer) -> None:
    server.body = b"x" * 100
    assert len(post_form(server.url, {}, max_bytes=100).body) == 100
    with pytest.raises(HttpError, match="more than 99 bytes"):
        post_form(server.url, {}, max_bytes=99)


def test_a_dripping_answer_ends_at_the_total(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TOTAL_SECONDS", 0.2)
    server.body, server.drip = b"x" * 50, 0.05
    with pytest.raises(HttpError, match="not done within"):
        post_form(server.url, {})


def test_an_answer_cut_short_is_an_error(server: LocalServer) -> None:
    server.body, server.cut = b"half", True
    with pytest.raises(HttpError, match=r"ProtocolError|IncompleteRead"):
        post_form(server.url, {})


@pytest.mark.parametrize(
    ("url", "protected"),
    [
        ("https://signin.aws.amazon.com/x", True),
        ("http://127.0.0.1:80/", True),
        ("http://localhost:8000", True),
        ("http://[::1]:80/", True),
        ("http://localhost.example/", False),
        ("http://10.0.0.1/", False),
        ("ftp://127.0.0.1/", False),
        ("", False),
    ],
)
def test_where_a_secret_may_travel(url: str, protected: bool) -> None:
    assert is_protected(url) is protected


def test_the_origin_holds_nothing_else() -> None:
    assert origin_of("https://user:pw@host:8443/a?b#c") == "https://host:8443"

"""Console sign-in: what is posted, what comes out, and what is refused before anything is posted."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from brokers import http
from brokers.aws.console import FederationConsole
from brokers.errors import AwsRefused, AwsUnavailable, LimitExceeded, NotPossible
from brokers.types import Credentials, Partition, SignInUrl
from tests.unit.brokers.aws.fakes import END, NOW, fake_hub
from tests.unit.brokers.aws.local_http import LocalServer, local_server

CREDENTIALS = Credentials("ASIAEXAMPLE", "s3cret/key", "t0ken+", END)
DESTINATION = "https://console.aws.amazon.com/s3/home?region=eu-west-1#b"
ISSUER = "https://portal.example/"


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        running.body = json.dumps({"SigninToken": "tok en&1"}).encode()
        yield running


def console(server: LocalServer | None = None, *, temporary: bool = False, **more: Any) -> FederationConsole:
    endpoint = None if server is None else server.url
    return FederationConsole(fake_hub(temporary=temporary), signin_endpoint=endpoint, now=lambda: NOW, **more)


def sign_in(made: FederationConsole, **changes: Any) -> SignInUrl:
    asked: dict[str, Any] = {
        "partition": Partition.AWS,
        "destination": DESTINATION,
        "issuer": ISSUER,
        "session_duration": None,
    }
    return made.sign_in_url(CREDENTIALS, **{**asked, **changes})


def test_credentials_are_posted_and_a_login_url_comes_out(server: LocalServer) -> None:
    made = sign_in(console(server))
    ((method, path, form),) = server.requests
    assert (method, path, form["Action"]) == ("POST", "/federation", "getSigninToken")
    assert json.loads(form["Session"]) == {
        "sessionId": "ASIAEXAMPLE",
        "sessionKey": "s3cret/key",
        "sessionToken": "t0ken+",
    }
    assert "SessionDuration" not in form
    url = urlsplit(made.url)
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{server.url}/federation"
    assert parse_qs(url.query) == {
        "Action": ["login"],
        "Issuer": [ISSUER],
        "Destination": [DESTINATION],
        "SigninToken": ["tok en&1"],
    }
    assert made.expires_at == NOW + timedelta(minutes=15)
    assert "tok" not in repr(made)


@pytest.mark.parametrize(
    ("partition", "origin"),
    [
        (Partition.AWS, "https://signin.aws.amazon.com"),
        (Partition.CHINA, "https://signin.amazonaws.cn"),
        (Partition.US_GOV, "https://signin.amazonaws-us-gov.com"),
    ],
)
def test_each_partition_signs_in_at_its_own_host(
    partition: Partition, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted: list[str] = []

    def post(url: str, form: object) -> http.HttpAnswer:
        posted.append(url)
        return http.HttpAnswer(200, b'{"SigninToken":"t"}')

    monkeypatch.setattr(http, "post_form", post)
    made = FederationConsole(fake_hub(partition=partition))
    destination = f"{made.sign_in_origins()[2]}/ec2/home"
    found = sign_in(made, partition=partition, destination=destination)
    assert posted == [f"{origin}/federation"]
    assert found.url.startswith(f"{origin}/federation?Action=login&")


def test_session_duration_where_it_is_legal(server: LocalServer) -> None:
    for seconds in (900, 43_200):
        sign_in(console(server), session_duration=timedelta(seconds=seconds))
        assert server.requests.pop()[2]["SessionDuration"] == str(seconds)
    for seconds, shown in ((899, "899 s"), (43_201, "43,201 s")):
        with pytest.raises(LimitExceeded) as caught:
            sign_in(console(server), session_duration=timedelta(seconds=seconds))
        assert (caught.value.field, caught.value.value) == ("SessionDuration", shown)
        assert caught.value.limit == "900 to 43,200 s"
    assert server.requests == []


def test_no_session_duration_when_the_hub_chains(server: LocalServer) -> None:
    with pytest.raises(NotPossible, match="SessionDuration isn't legal"):
        sign_in(console(server, temporary=True), session_duration=timedelta(hours=1))
    assert server.requests == []
    assert sign_in(console(server, temporary=True)).url


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"destination": "https://evil.example/"}, NotPossible),
        ({"destination": "https://console.amazonaws.cn/"}, NotPossible),
        ({"partition": Partition.CHINA, "destination": "https://console.amazonaws.cn/"}, NotPossible),
        ({"issuer": "http://portal.example/"}, LimitExceeded),
        ({"issuer": "javascript:alert(1)"}, LimitExceeded),
        ({"issuer": "https://portal.example/\n"}, LimitExceeded),
        ({"issuer": "https://portal.example/" + "x" * 2048}, LimitExceeded),
    ],
)
def test_what_is_refused_before_anything_is_posted(
    server: LocalServer, changes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        sign_in(console(server), **changes)
    assert server.requests == []


@pytest.mark.parametrize(
    ("status", "body", "error", "detail"),
    [
        (400, b"s3cret/key", AwsRefused, "Http400"),
        (403, b"", AwsRefused, "Http403"),
        (302, b"", AwsRefused, "Http302"),
        (429, b"", AwsUnavailable, "HTTP status 429"),
        (500, b"s3cret/key", AwsUnavailable, "HTTP status 500"),
        (200, b"<html>", AwsUnavailable, "no SigninToken"),
        (200, b"\xff", AwsUnavailable, "no SigninToken"),
        (200, b"[]", AwsUnavailable, "no SigninToken"),
        (200, b"{}", AwsUnavailable, "no SigninToken"),
        (200, b'{"SigninToken":""}', AwsUnavailable, "no SigninToken"),
        (200, b'{"SigninToken":7}', AwsUnavailable, "no SigninToken"),
    ],
)
def test_an_endpoint_that_refuses_or_babbles(
    server: LocalServer, status: int, body: bytes, error: type[Exception], detail: str
) -> None:
    server.status, server.body, server.headers = status, body, {"Location": "https://evil.example/"}
    with pytest.raises(error, match=detail) as caught:
        sign_in(console(server))
    assert "s3cret" not in str(caught.value)
    assert len(server.requests) == 1


def test_nobody_there_is_worth_another_try() -> None:
    with pytest.raises(AwsUnavailable, match="NewConnectionError"):
        sign_in(FederationConsole(fake_hub(), signin_endpoint="http://127.0.0.1:9"))


def test_the_sources_a_redirect_passes(server: LocalServer) -> None:
    assert console(server).sign_in_origins() == (server.url,)
    assert console().sign_in_origins() == (
        "https://signin.aws.amazon.com",
        "https://*.signin.aws.amazon.com",
        "https://console.aws.amazon.com",
        "https://*.console.aws.amazon.com",
    )


def test_signing_out_first_wraps_the_url_and_stays_secret() -> None:
    inner = SignInUrl("https://eu-west-1.signin.aws.amazon.com/federation?SigninToken=s3cret", END)
    outer = console(signin_region="eu-west-1").sign_out_first(inner)
    found = urlsplit(outer.url)
    assert (found.netloc, found.path) == ("eu-west-1.signin.aws.amazon.com", "/oauth")
    assert parse_qs(found.query) == {"Action": ["logout"], "redirect_uri": [inner.url]}
    assert outer.expires_at == END
    assert "s3cret" not in repr(outer)


@pytest.mark.parametrize(
    "endpoint", ["http://signin.example", "https://x/path", "https://x?q", "https://user@x", "nonsense"]
)
def test_a_stand_in_is_an_origin(endpoint: str) -> None:
    with pytest.raises(LimitExceeded, match="signin_endpoint"):
        FederationConsole(fake_hub(), signin_endpoint=endpoint)
    assert FederationConsole(fake_hub(), signin_endpoint="http://localhost:1/").sign_in_origins() == (
        "http://localhost:1",
    )

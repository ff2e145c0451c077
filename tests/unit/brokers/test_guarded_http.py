"""The guarded call: which addresses it refuses, to which one it connects, and what bounds it."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from brokers import addresses, http, sockets
from brokers.addresses import AllowedPlaces
from brokers.errors import IdentityUnavailable
from brokers.http import GuardedHttp, HttpAnswer
from tests.servers.authority import Authority
from tests.unit.brokers.aws.local_http import LocalServer, local_server

OURS = Authority()
LOOPBACK = AllowedPlaces.read(["127.0.0.0/8"])
# Spelt so, because no file may seem to bind it.
EVERYWHERE = str(IPv4Address(0))
PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
NOT_PUBLIC = [
    "127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254",
    "169.254.0.1", EVERYWHERE, "0.1.2.3", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "168.63.129.16", "100.100.100.200",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1",
    "64:ff9b:1::7f00:1", "2002:7f00:1::", "2001:0:808:808::f5ff:fffe", "fe80::1%lo", "fec0::1", "fd00::1",
    "fd00:ec2::254", "ff02::1", "2001:db8::1",
]  # fmt: skip
NEVER = [
    "169.254.169.254", "169.254.0.1", EVERYWHERE, "224.0.0.1", "168.63.129.16", "100.100.100.200", "::", "fe80::1",
    "fd00:ec2::254", "ff02::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
]  # fmt: skip


class Resolver:
    """A name server that answers one address at a time: what it says next may differ."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, _: int) -> list[str]:
        self.asked.append(host)
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]]


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture
def tls_port(tmp_path: Path) -> Iterator[int]:
    with tls_server(tmp_path) as port:
        yield port


@contextmanager
def tls_server(directory: Path, *, lasts: timedelta = timedelta(days=1)) -> Iterator[int]:
    """A server that says hello to everybody who speaks TLS to it, as idp.example.test."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    files = OURS.issue(directory, ["idp.example.test"], lasts=lasts)
    context.load_cert_chain(files.certificate, files.key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_greet, args=(listener, context), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _greet(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        try:
            with plain, context.wrap_socket(plain, server_side=True) as secure:
                asked = secure.recv(4096)
                said = next(line for line in asked.split(b"\r\n") if line.lower().startswith(b"host:"))
                secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
        except OSError:
            continue


def calls_nobody(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    called: list[object] = []

    def connect(address: object, **_: object) -> socket.socket:
        called.append(address)
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    return called


def refusal(guarded: GuardedHttp, url: str = "https://idp.example.test/x?secret") -> IdentityUnavailable:
    with pytest.raises(IdentityUnavailable) as caught:
        guarded.get(url)
    assert "secret" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_not_called(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called = calls_nobody(monkeypatch)
    assert refusal(GuardedHttp(resolve=Resolver(address))).reason == "address"
    assert called == []


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_one_is(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called = calls_nobody(monkeypatch)
    assert refusal(GuardedHttp(resolve=Resolver(address))).reason == "unreachable"
    assert called == [(address, 443)]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "2130706433", "0x7f.1", "127.1"])
def test_other_spellings_of_this_machine(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called = calls_nobody(monkeypatch)
    assert refusal(GuardedHttp(), f"https://{host}/x?secret").reason == "address"
    assert called == []


@pytest.mark.parametrize(
    ("listed", "address", "reason"),
    [
        ("10.1.0.0/16", "10.1.2.3", "unreachable"),
        ("10.1.0.0/16", "::ffff:10.1.2.3", "unreachable"),
        ("10.1.0.0/16", "11.1.2.3", "unreachable"),  # public, list or not
        ("10.1.0.0/16", "172.16.0.1", "address"),
        ("fd00::/8", "fd00::7", "unreachable"),
        ("idp.example.test", "10.1.2.3", "unreachable"),
        ("IDP.Example.Test.", "10.1.2.3", "unreachable"),
        ("example.test", "10.1.2.3", "address"),
        ("other.example.test", "10.1.2.3", "address"),
    ],
)
def test_the_list_opens_what_it_names(
    listed: str, address: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = calls_nobody(monkeypatch)
    guarded = GuardedHttp(allowed=AllowedPlaces.read([listed]), resolve=Resolver(address))
    assert refusal(guarded).reason == reason
    assert called == ([(address, 443)] if reason == "unreachable" else [])


@pytest.mark.parametrize("address", NEVER)
def test_no_list_opens_metadata_and_link_local(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called = calls_nobody(monkeypatch)
    all_of_it = AllowedPlaces.read([f"{EVERYWHERE}/0", "::/0", "idp.example.test"])
    assert refusal(GuardedHttp(allowed=all_of_it, resolve=Resolver(address))).reason == "address"
    assert called == []


def test_a_name_server_that_answers_otherwise_a_moment_later_changes_nothing(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebinding: judged is 127.0.0.1, which the list allows; whoever asked again would be led elsewhere."""
    called: list[object] = []
    connect = socket.create_connection

    def noted(address: tuple[str, int], **more: Any) -> socket.socket:
        called.append(address)
        return connect(address, **more)

    monkeypatch.setattr(socket, "create_connection", noted)
    monkeypatch.setattr(
        socket, "getaddrinfo", _only_numbers(socket.getaddrinfo)
    )  # nothing below may resolve a name again
    resolver = Resolver("127.0.0.1", "169.254.169.254")
    port = int(server.url.rpartition(":")[2])
    answer = GuardedHttp(allowed=LOOPBACK, resolve=resolver).get(f"http://localhost:{port}/")
    assert (answer.status, resolver.asked, called) == (200, ["localhost"], [("127.0.0.1", port)])
    assert server.sent_headers["Host"] == f"localhost:{port}"


def _only_numbers(getaddrinfo: object) -> object:
    def asked(host: str, *rest: object, **more: object) -> object:
        assert host.replace(".", "").isdigit(), f"{host} was resolved a second time"
        return getaddrinfo(host, *rest, **more)  # type: ignore[operator]  # the system's own

    return asked


def test_of_several_addresses_only_those_that_were_judged_well_are_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called = calls_nobody(monkeypatch)
    guarded = GuardedHttp(resolve=lambda *_: ["10.0.0.1", "8.8.8.8", "169.254.169.254"])
    assert refusal(guarded).reason == "unreachable"
    assert called == [("8.8.8.8", 443)]


def test_a_redirect_is_returned_and_not_followed(server: LocalServer) -> None:
    server.status, server.headers = 302, {"Location": "http://169.254.169.254/latest/meta-data/"}
    answer = GuardedHttp(allowed=LOOPBACK).get(server.url)
    assert (answer.status, answer.headers["location"][:11]) == (302, "http://169.")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "", "idp.example.test", "http://idp.example.test/", "ftp://127.0.0.1/", "file:///etc/passwd", "https://",
        "https://user:secret@idp.example.test/", "https://idp.example.test:0/", "https://idp.example.test:99999/",
        "https://idp.example.test/a b", "https://idp.example.test/\r\nX: y", "https://idp\u3002example.test/",
    ],
)  # fmt: skip
def test_what_is_no_address_to_call(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver("8.8.8.8")
    called = calls_nobody(monkeypatch)
    assert refusal(GuardedHttp(resolve=resolver), url).reason == "address"
    assert (resolver.asked, called) == ([], [])


def test_plain_http_goes_to_this_machine_whatever_localhost_resolves_to() -> None:
    allowed = AllowedPlaces.read(["localhost", "10.1.0.0/16"])
    assert refusal(
        GuardedHttp(allowed=allowed, resolve=Resolver("10.1.0.1")), "http://localhost:9/x"
    ).reason == ("address")


def test_a_form_is_posted_with_the_clients_own_words(server: LocalServer) -> None:
    guarded = GuardedHttp(allowed=LOOPBACK)
    answer = guarded.post_form(f"{server.url}/token", {"code": "a b"}, auth=("my:id", "s e/c"))
    assert answer.status == 200
    assert server.requests == [("POST", "/token", {"code": "a b"})]
    assert server.sent_headers["Authorization"] == "Basic bXklM0FpZDpzK2UlMkZj"  # my%3Aid:s+e%2Fc
    guarded.get(f"{server.url}/me?x=1", bearer="token")
    assert server.requests[-1][:2] == ("GET", "/me?x=1")
    assert server.sent_headers["Authorization"] == "Bearer token"


def secure(port: int, host: str = "idp.example.test", **fields: object) -> HttpAnswer:
    known = {"allowed": LOOPBACK, "ca": OURS.certificate, "resolve": Resolver("127.0.0.1")}
    return GuardedHttp(**{**known, **fields}).get(f"https://{host}:{port}/")  # type: ignore[arg-type]


def test_tls_is_spoken_with_the_hosts_name_at_the_judged_address(tls_port: int) -> None:
    assert secure(tls_port).body == f"Host: idp.example.test:{tls_port}".encode()


@pytest.mark.parametrize(
    ("host", "fields"),
    [
        ("idp.example.test", {"ca": ""}),
        ("idp.example.test", {"ca": Authority("Another").certificate}),
        ("other.example.test", {}),
        ("127.0.0.1", {}),
    ],
)
def test_a_certificate_of_nobody_we_trust_or_for_another_name(
    tls_port: int, host: str, fields: dict[str, object]
) -> None:
    with pytest.raises(IdentityUnavailable) as caught:
        secure(tls_port, host, **fields)
    assert caught.value.reason == "tls"


def test_a_certificate_that_is_over(tmp_path: Path) -> None:
    with tls_server(tmp_path, lasts=timedelta(days=-1)) as port, pytest.raises(IdentityUnavailable) as caught:
        secure(port)
    assert (caught.value.reason, caught.value.detail) == ("tls", "certificate has expired")


def test_no_tls_behind_an_https_address(server: LocalServer) -> None:
    url = server.url.replace("http:", "https:")
    assert refusal(GuardedHttp(allowed=LOOPBACK), url).reason == "tls"
    assert server.requests == []


def test_an_answer_has_a_size(server: LocalServer) -> None:
    server.body = b"x" * 100
    guarded = GuardedHttp(allowed=LOOPBACK)
    assert len(guarded.get(server.url, max_bytes=100).body) == 100
    with pytest.raises(IdentityUnavailable, match="more than 99 bytes"):
        guarded.get(server.url, max_bytes=99)
    server.cut = True
    assert refusal(guarded, server.url).reason == "malformed"


def test_a_dripping_answer_ends_at_the_total(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TOTAL_SECONDS", 0.2)
    server.body, server.drip = b"x" * 50, 0.05
    assert refusal(GuardedHttp(allowed=LOOPBACK), server.url).reason == "timeout"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_so_does_one_whose_headers_or_handshake_drip(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TOTAL_SECONDS", 0.3)
    done = threading.Event()

    def drip(listener: socket.socket) -> None:
        plain, _ = listener.accept()
        with plain:
            while not done.wait(0.05):
                try:
                    plain.sendall(b"\x16" if scheme == "https" else b"H")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,), daemon=True)
        thread.start()
        url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/"
        reason = refusal(GuardedHttp(allowed=LOOPBACK), url).reason
        done.set()
        thread.join(5)
    # A handshake of rubbish may be told as such before the time is up.
    assert reason == "timeout" or (scheme == "https" and reason == "tls")


def test_a_silent_server_and_a_silent_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "READ_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        assert refusal(GuardedHttp(allowed=LOOPBACK), url).reason == "timeout"
    monkeypatch.setattr(addresses, "RESOLVE_SECONDS", 0.1)
    wait = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: wait.wait(5))
    assert refusal(GuardedHttp()).reason == "timeout"
    wait.set()


def test_no_such_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert refusal(GuardedHttp()).code == "identity.unreachable"
    assert refusal(GuardedHttp(resolve=Resolver("rubbish"))).reason == "unreachable"
    assert refusal(GuardedHttp(protocol="oidc", resolve=lambda *_: [])).code == "oidc.address"


def test_a_proxy_in_the_environment_is_not_used(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert GuardedHttp(allowed=LOOPBACK).get(server.url).status == 200


@pytest.mark.parametrize(
    "word", ["10.1.0.0/40", "10.0.0.1/8", "*.example.test", "https://idp.example.test", "a..b", ""]
)
def test_the_list_takes_names_and_networks_alone(word: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        AllowedPlaces.read([word])

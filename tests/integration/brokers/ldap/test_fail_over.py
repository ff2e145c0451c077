"""Several servers: which is asked, and what is told when none answers."""

import time
from collections.abc import Iterator

import pytest

from brokers.errors import IdentityUnavailable, SignInRejected
from brokers.ldap import Directory, Fault, Reason, connecting
from tests.servers.process import free_port
from tests.servers.scripted_ldap import BIND_RESPONSE, result, scripted, silence
from tests.servers.slapd import PASSWORD, Slapd, slapd

pytestmark = [pytest.mark.services, pytest.mark.thorough, pytest.mark.xdist_group("slapd")]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """A server without ada's password: hers is another one there."""
    with slapd(tmp_path_factory.mktemp("other")) as running:
        hers = "dn: uid=ada,ou=people,dc=example,dc=test\nchangetype: modify\n"
        running.change(f"{hers}replace: userPassword\nuserPassword: Another-Horse-7\n")
        running.change(f"{hers}delete: pwdReset\n")
        yield running


def dead() -> str:
    return f"ldap://127.0.0.1:{free_port()}"


def fault(directory: Directory, server: Slapd, *urls: str, **changes: object) -> str:
    with pytest.raises(IdentityUnavailable) as caught:
        directory.sign_in(server.ldap_server(urls=urls, **changes), "ada", PASSWORD)
    return caught.value.reason


def test_the_next_is_asked_when_one_is_down_slow_busy_untrusted_or_mad(
    directory: Directory, server: Slapd, other: Slapd
) -> None:
    busy = result(1, BIND_RESPONSE, 51)
    with scripted(silence) as slow, scripted(b"HTTP/1.1 400\r\n\r\n") as mad, scripted(busy) as full:
        for url in (dead(), slow, mad, full, other.ldaps_url):
            settings = server.ldap_server(urls=(url, server.ldaps_url), timeout=1.0)
            assert directory.sign_in(settings, "ada", PASSWORD).login == "ada"


def test_a_wrong_password_is_not_tried_elsewhere(directory: Directory, server: Slapd, other: Slapd) -> None:
    settings = server.ldap_server(urls=(other.ldap_url, server.ldap_url))
    with pytest.raises(SignInRejected) as caught:
        directory.sign_in(settings, "ada", PASSWORD)
    assert caught.value.reason == Reason.WRONG_PASSWORD
    assert directory.sign_in(settings, "ada", "Another-Horse-7").login == "ada"


def test_our_own_account_is_not_locked_by_trying_it_everywhere(directory: Directory, server: Slapd) -> None:
    asked: list[bytes] = []
    with scripted(result(1, BIND_RESPONSE), asked=asked) as second:
        assert fault(directory, server, server.ldap_url, second, bind_password="wrong") == Fault.BIND
    assert asked == []


def test_the_most_telling_is_told_when_all_fail(directory: Directory, server: Slapd, other: Slapd) -> None:
    assert fault(directory, server, dead(), other.ldaps_url, dead()) == Fault.TLS
    with scripted(silence) as slow:
        assert fault(directory, server, dead(), slow, timeout=0.5) == Fault.TIMEOUT
    assert fault(directory, server, dead(), dead()) == Fault.UNREACHABLE


def test_who_answered_is_asked_first_for_a_while(
    directory: Directory, server: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "REMEMBERED_SECONDS", 0.6)
    with scripted(silence) as slow:
        settings = server.ldap_server(urls=(slow, server.ldaps_url), timeout=1.0)

        def seconds() -> float:
            began = time.monotonic()
            directory.sign_in(settings, "ada", PASSWORD)
            return time.monotonic() - began

        assert seconds() >= 1.0
        assert seconds() < 0.9
        time.sleep(0.7)
        assert seconds() >= 1.0


def test_a_server_that_was_stopped(directory: Directory, other: Slapd) -> None:
    settings = other.ldap_server()
    assert directory.sign_in(settings, "ben", PASSWORD).login == "ben"
    other.stop()
    with pytest.raises(IdentityUnavailable) as caught:
        directory.sign_in(settings, "ben", PASSWORD)
    assert caught.value.reason == Fault.UNREACHABLE
    other.start()
    assert directory.sign_in(settings, "ben", PASSWORD).login == "ben"

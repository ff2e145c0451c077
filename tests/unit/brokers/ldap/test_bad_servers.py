"""Servers that are slow, lie, break off or talk rubbish: an error with its reason, within the time-out."""

import contextlib
import socket
import time
from collections.abc import Callable

import pytest

from brokers.errors import IdentityUnavailable, SignInRejected
from brokers.ldap import Directory, Fault, Reason, groups
from brokers.types import AccountState, LdapNesting, LdapPerson, LdapServer
from tests.servers.process import free_port
from tests.servers.scripted_ldap import (
    BIND_RESPONSE,
    DONE,
    EXTENDED_RESPONSE,
    REFERENCE,
    Step,
    ber,
    drip,
    entry,
    result,
    scripted,
    silence,
)
from tests.unit.brokers.ldap.settings import told

BOUND = result(1, BIND_RESPONSE)
ADA = entry(2, "uid=ada,ou=people", uid="ada", entryUUID="1")


def fault(act: Callable[[], object]) -> tuple[str, float]:
    began = time.monotonic()
    with pytest.raises(IdentityUnavailable) as caught:
        act()
    assert caught.value.protocol == "ldap"
    return caught.value.reason, time.monotonic() - began


def of_sign_in(*steps: Step, **changes: object) -> str:
    with scripted(*steps) as url:
        reason, seconds = fault(lambda: Directory().sign_in(told(url, **changes), "ada", "right"))
    assert seconds < 10
    return reason


def page(message_id: int, cookie: bytes) -> bytes:
    value = ber(4, ber(0x30, ber(2, b"\x00"), ber(4, cookie)))
    return result(message_id, DONE, 0, "", ber(0x30, ber(4, b"1.2.840.113556.1.4.319"), value))


def test_a_server_that_is_down() -> None:
    server = told(f"ldap://127.0.0.1:{free_port()}")
    assert fault(lambda: Directory().sign_in(server, "ada", "right"))[0] == Fault.UNREACHABLE


def test_a_host_that_does_not_exist() -> None:
    server = told("ldaps://directory.invalid")
    assert fault(lambda: Directory().find_person(server, "1"))[0] == Fault.UNREACHABLE


def test_a_server_that_never_answers() -> None:
    assert of_sign_in(silence) == Fault.TIMEOUT
    assert of_sign_in(BOUND, silence) == Fault.TIMEOUT


def test_a_server_that_never_answers_our_hello() -> None:
    with scripted(silence) as url:
        server = told(url.replace("ldap:", "ldaps:"))
        reason, seconds = fault(lambda: Directory().find_person(server, "1"))
    assert reason == Fault.TIMEOUT
    assert seconds < 10


def test_a_server_that_answers_byte_by_byte_for_ever() -> None:
    assert of_sign_in(drip) == Fault.TIMEOUT
    assert of_sign_in(BOUND, drip) == Fault.TIMEOUT


@pytest.mark.parametrize(
    "rubbish",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"0\x00",
        b"0\x03abc",
        b"0\x80\x00\x00",  # the indefinite form, which LDAP doesn't have
        b"0\x84\xff\xff\xff\xff",  # four gigabytes are announced
        b"0\x88" + b"\xff" * 8,
        b"0\x08\x02\x01\x01\x61\x03\x0a\x01\x00",
        result(9, BIND_RESPONSE),  # the answer to another question
        ber(0x30, ber(2, b"\x01"), ber(0x7F)),  # an operation that doesn't exist
    ],
    ids=["http", "empty", "not-ber", "indefinite", "huge", "huger", "cut", "other-id", "unknown-operation"],
)
def test_a_server_that_talks_rubbish(rubbish: bytes) -> None:
    assert of_sign_in(rubbish) == Fault.MALFORMED


def test_a_server_without_tls_where_tls_is_due() -> None:
    with scripted(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        server = told(url.replace("ldap:", "ldaps:"))
        assert fault(lambda: Directory().find_person(server, "1"))[0] == Fault.TLS


def cut_off(connection: socket.socket) -> None:
    connection.sendall(ADA[:9])
    connection.shutdown(socket.SHUT_RDWR)


def test_a_connection_that_is_lost() -> None:
    assert of_sign_in(lambda connection: connection.shutdown(socket.SHUT_RDWR)) == Fault.UNREACHABLE
    assert of_sign_in(BOUND, cut_off) == Fault.UNREACHABLE


def test_a_notice_of_disconnection() -> None:
    notice = result(0, EXTENDED_RESPONSE, 52, "going down")
    assert of_sign_in(BOUND, notice) == Fault.UNREACHABLE


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1, Fault.SEARCH),
        (3, Fault.LIMIT),
        (4, Fault.LIMIT),
        (10, Fault.REFERRAL),
        (11, Fault.LIMIT),
        (32, Fault.SEARCH),
        (50, Fault.SEARCH),
        (51, Fault.BUSY),
        (52, Fault.BUSY),
    ],
)
def test_a_refused_search_is_nobodys_end(code: int, reason: Fault) -> None:
    """A base that isn't shown to us any more must not look like an entry that isn't there."""
    with scripted(BOUND, result(2, DONE, code)) as url:
        assert fault(lambda: Directory().find_person(told(url), "1"))[0] == reason
    assert of_sign_in(BOUND, result(2, DONE, code)) == reason


def test_a_search_that_finds_nothing_is_an_answer() -> None:
    with scripted(BOUND, result(2, DONE)) as url:
        assert Directory().find_person(told(url), "1") is None


@pytest.mark.parametrize(
    ("code", "reason"), [(49, Fault.BIND), (53, Fault.BIND), (13, Fault.BIND), (51, Fault.BUSY)]
)
def test_our_own_account_is_refused(code: int, reason: Fault) -> None:
    assert of_sign_in(result(1, BIND_RESPONSE, code)) == reason


def reference(message_id: int) -> bytes:
    return ber(0x30, ber(2, bytes([message_id])), ber(REFERENCE, ber(4, b"ldap://127.0.0.1:1/uid=ada")))


def test_a_reference_is_no_entry() -> None:
    with (
        scripted(BOUND, reference(2) + result(2, DONE), result(3, BIND_RESPONSE, 49)) as url,
        pytest.raises(SignInRejected) as caught,
    ):
        Directory().sign_in(told(url), "ada", "right")
    assert caught.value.reason == Reason.UNKNOWN


def test_a_reference_beside_the_one_entry_is_passed_over() -> None:
    with scripted(
        BOUND, reference(2) + ADA + reference(2) + result(2, DONE), result(3, BIND_RESPONSE)
    ) as url:
        assert Directory().sign_in(told(url), "ada", "right").stable_id == "1"


def test_two_entries_are_nobody() -> None:
    other = entry(2, "uid=ada,ou=others", uid="ada", entryUUID="2")
    steps = (BOUND, ADA + other + result(2, DONE, 4), result(3, BIND_RESPONSE))
    with scripted(*steps) as url, pytest.raises(SignInRejected) as caught:
        Directory().sign_in(told(url), "ada", "right")
    assert caught.value.reason == Reason.AMBIGUOUS


def test_two_entries_with_one_id_are_no_answer() -> None:
    other = entry(2, "uid=ada,ou=others", uid="ada", entryUUID="1")
    with scripted(BOUND, ADA + other + result(2, DONE, 4)) as url:
        assert fault(lambda: Directory().find_person(told(url), "1"))[0] == Fault.MALFORMED


def test_an_entry_with_another_login_than_asked_is_nobody() -> None:
    """Directories fold accents, widths and spaces; a server that ignores the filter is no better."""
    ads = entry(2, "uid=àdà,ou=people", uid="àdà", entryUUID="1")
    with (
        scripted(BOUND, ads + result(2, DONE), result(3, BIND_RESPONSE)) as url,
        pytest.raises(SignInRejected) as caught,
    ):
        Directory().sign_in(told(url), "ada", "right")
    assert caught.value.reason == Reason.UNKNOWN


def test_an_entry_without_a_name_is_never_bound_as() -> None:
    """A bind without a name is anonymous (RFC 4513, 5.1.1), and a success."""
    nameless = entry(2, "", uid="ada", entryUUID="1")
    assert of_sign_in(BOUND, nameless + result(2, DONE), result(3, BIND_RESPONSE)) == Fault.SETTINGS


@pytest.mark.parametrize(
    ("code", "reason"), [(49, Reason.WRONG_PASSWORD), (48, Reason.WRONG_PASSWORD), (19, Reason.LOCKED)]
)
def test_a_refused_bind(code: int, reason: Reason) -> None:
    with (
        scripted(BOUND, ADA + result(2, DONE), result(3, BIND_RESPONSE, code)) as url,
        pytest.raises(SignInRejected) as caught,
    ):
        Directory().sign_in(told(url), "ada", "wrong")
    assert caught.value.reason == reason


@pytest.mark.parametrize(("code", "reason"), [(51, Fault.BUSY), (13, Fault.BIND), (80, Fault.BIND)])
def test_a_bind_that_is_not_judged_says_nothing_of_the_password(code: int, reason: Fault) -> None:
    assert of_sign_in(BOUND, ADA + result(2, DONE), result(3, BIND_RESPONSE, code)) == reason


def test_one_connection_for_somebody_unknown_takes_as_many_round_trips() -> None:
    asked: list[bytes] = []
    with (
        scripted(BOUND, result(2, DONE), result(3, BIND_RESPONSE, 49), asked=asked) as url,
        pytest.raises(SignInRejected),
    ):
        Directory().sign_in(told(url), "ada", "correct horse")
    assert b",ou=people" in asked[2]  # a bind, as somebody who isn't there
    assert b"correct horse" not in b"".join(asked)


@pytest.mark.parametrize(
    ("login", "password", "reason"),
    [
        ("ada", "", Reason.EMPTY_PASSWORD),
        ("ada", "right\0", Reason.WRONG_PASSWORD),  # a server that reads up to the NUL would take it
        ("ada", "\ud800", Reason.WRONG_PASSWORD),
        ("ada\0", "right", Reason.BAD_USERNAME),
        ("", "right", Reason.BAD_USERNAME),
    ],
)
def test_nothing_is_sent_of_what_must_not_be(login: str, password: str, reason: Reason) -> None:
    asked: list[bytes] = []
    with (
        scripted(BOUND, ADA + result(2, DONE), result(3, BIND_RESPONSE), asked=asked) as url,
        pytest.raises(SignInRejected) as caught,
    ):
        Directory().sign_in(told(url), login, password)
    assert caught.value.reason == reason
    assert asked == []


def test_nothing_is_sent_without_a_password_of_our_own() -> None:
    asked: list[bytes] = []
    with (
        scripted(BOUND, asked=asked) as url,
        pytest.raises(IdentityUnavailable, match="has no password here") as caught,
    ):
        Directory().find_person(told(url, bind_password=""), "1")
    assert caught.value.reason == Fault.SETTINGS
    assert b"cn=portal" not in b"".join(asked)


@pytest.mark.parametrize("code", [1, 2, 52, 80])
def test_start_tls_that_fails_ends_it(code: int) -> None:
    asked: list[bytes] = []
    with (
        scripted(result(1, EXTENDED_RESPONSE, code), BOUND, asked=asked) as url,
        pytest.raises(IdentityUnavailable, match="refused StartTLS") as caught,
    ):
        Directory().sign_in(told(url, start_tls=True), "ada", "right")
    assert caught.value.reason == Fault.TLS
    assert b"reads" not in b"".join(asked)


def test_what_was_said_in_plain_text_before_tls_is_no_answer_after_it() -> None:
    """An attacker in between puts the answer to the bind behind the answer to StartTLS."""
    with (
        scripted(result(1, EXTENDED_RESPONSE) + result(2, BIND_RESPONSE)) as url,
        pytest.raises(IdentityUnavailable, match="in plain text") as caught,
    ):
        Directory().find_person(told(url, start_tls=True), "1")
    assert caught.value.reason == Fault.TLS


def test_pages_that_break_off_are_an_error() -> None:
    def people(server: LdapServer) -> list[str]:
        return [person.stable_id for person in Directory().people(server)]

    first = ADA + page(2, b"more")
    second = entry(3, "uid=ben,ou=people", uid="ben", entryUUID="2") + page(3, b"")
    with scripted(BOUND, first, second) as url:
        assert people(told(url)) == ["1", "2"]
    with scripted(BOUND, first, lambda connection: connection.shutdown(socket.SHUT_RDWR)) as url:
        assert fault(lambda: people(told(url)))[0] == Fault.UNREACHABLE
    with scripted(BOUND, first, silence) as url:
        assert fault(lambda: people(told(url)))[0] == Fault.TIMEOUT
    with scripted(BOUND, first, result(3, DONE, 4)) as url:
        assert fault(lambda: people(told(url)))[0] == Fault.LIMIT


def test_a_server_that_ignores_pages_is_not_believed_to_have_shown_all() -> None:
    with scripted(BOUND, ADA + result(2, DONE)) as url:
        assert fault(lambda: list(Directory().people(told(url))))[0] == Fault.MALFORMED


def test_each_page_is_asked_for_as_critical() -> None:
    asked: list[bytes] = []
    with scripted(BOUND, ADA + page(2, b""), asked=asked) as url:
        list(Directory().people(told(url, page_size=7)))
    oid = b"1.2.840.113556.1.4.319"
    assert oid + b"\x01\x01\xff" in asked[1]


def flood(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection.sendall(ADA * 100)


def test_a_server_that_never_ends() -> None:
    assert of_sign_in(BOUND, flood) == Fault.TIMEOUT


def test_whoever_is_gone_after_the_bind_is_not_signed_in() -> None:
    """The entry said that the account was locked, the bind that it isn't: so it is read again."""
    locked = entry(2, "uid=ada,ou=people", uid="ada", entryUUID="1", pwdAccountLockedTime="20200101000000Z")
    before = (BOUND, locked + result(2, DONE), result(3, BIND_RESPONSE), result(4, BIND_RESPONSE))
    usable = entry(5, "uid=ada,ou=people", uid="ada", entryUUID="1")
    with scripted(*before, usable + result(5, DONE)) as url:
        assert Directory().sign_in(told(url), "ada", "right").state is AccountState.USABLE
    for gone in (result(5, DONE, 32), result(5, DONE)):
        with scripted(*before, gone) as url, pytest.raises(SignInRejected) as caught:
            Directory().sign_in(told(url), "ada", "right")
        assert caught.value.reason == Reason.UNKNOWN


def members(text: str, message_id: int = 2) -> bytes:
    return entry(message_id, "cn=big", cn="big", objectGUID="0123456789abcdef", **{text: "cn=ada"})


def test_ranges_go_on_until_the_last() -> None:
    settings = {
        "is_active_directory": True,
        "id_attribute": "objectGUID",
        "groups_filter": "(objectClass=group)",
    }
    first = members("member;range=0-0") + page(2, b"")
    asked: list[bytes] = []
    with scripted(BOUND, first, members("member;range=1-*", 3) + result(3, DONE), asked=asked) as url:
        [group] = Directory().groups(told(url, **settings))
    assert group.member_dns == ("cn=ada", "cn=ada")
    assert b"member;range=1-1500" in asked[2]
    for broken in (result(3, DONE, 32), entry(3, "cn=big", cn="big") + result(3, DONE)):
        with scripted(BOUND, first, broken) as url:
            assert fault(lambda: list(Directory().groups(told(url, **settings))))[0] == Fault.MALFORMED


def test_a_group_without_a_name_is_no_group_to_map() -> None:
    with scripted(BOUND, entry(2, "cn=big", entryUUID="1") + page(2, b"")) as url:
        assert fault(lambda: list(Directory().groups(told(url))))[0] == Fault.MALFORMED


def test_more_groups_than_anybody_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MAX_GROUPS", 1)
    two = (
        entry(2, "cn=one", cn="one", entryUUID="1")
        + entry(2, "cn=two", cn="two", entryUUID="2")
        + page(2, b"")
    )
    none = page(3, b"")
    ada = LdapPerson("1", "uid=ada", "ada", AccountState.USABLE)
    with scripted(BOUND, two, none) as url:
        assert fault(lambda: Directory().groups_of(told(url), ada))[0] == Fault.LIMIT
    monkeypatch.setattr(groups, "MAX_GROUPS", 2)
    with scripted(BOUND, two, none) as url:
        assert len(Directory().groups_of(told(url), ada)) == 2


def test_no_address_at_all() -> None:
    assert fault(lambda: Directory().find_person(told("", urls=()), "1"))[0] == Fault.SETTINGS


def test_a_contact_is_listed_as_who_cannot_sign_in() -> None:
    contact = entry(2, "cn=shop", objectGUID="0123456789abcdef", mail="shop@example.test") + page(2, b"")
    with scripted(BOUND, contact) as url:
        settings = told(url, is_active_directory=True, id_attribute="objectGUID")
        [found] = Directory().people(settings)
    assert (found.login, found.state) == ("", AccountState.DISABLED)


def test_active_directory_is_asked_for_the_whole_chain_at_once() -> None:
    asked: list[bytes] = []
    ada = LdapPerson("1", "uid=ada", "ada", AccountState.USABLE)
    one = entry(2, "cn=one", cn="one", entryUUID="1") + page(2, b"")
    with scripted(BOUND, one, asked=asked) as url:
        settings = told(url, is_active_directory=True, nesting=LdapNesting.IN_CHAIN)
        assert [group.name for group in Directory().groups_of(settings, ada)] == ["one"]
    assert b"1.2.840.113556.1.4.1941" in asked[1]


def policy(said: bytes) -> bytes:
    return ber(0x30, ber(4, b"1.3.6.1.4.1.42.2.27.8.5.1"), ber(4, said))


def test_a_bind_that_succeeds_only_to_change_the_password() -> None:
    """The entry needn't show it: `pwdReset` is hidden from our account in many directories."""
    must_change = result(3, BIND_RESPONSE, 0, "", policy(b"0\x03\x81\x01\x02"))
    soon = result(3, BIND_RESPONSE, 0, "", policy(b"0\x05\xa0\x03\x80\x01\x09"))
    with scripted(BOUND, ADA + result(2, DONE), must_change) as url, pytest.raises(SignInRejected) as caught:
        Directory().sign_in(told(url), "ada", "right")
    assert caught.value.reason == Reason.PASSWORD_MUST_CHANGE
    with scripted(BOUND, ADA + result(2, DONE), soon) as url:
        assert Directory().sign_in(told(url), "ada", "right").login == "ada"

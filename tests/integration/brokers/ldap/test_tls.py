"""Nothing is said to a server that hasn't proven its name, and nothing in plain text."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from brokers.errors import IdentityUnavailable
from brokers.ldap import Directory, Fault
from tests.servers.authority import Authority
from tests.servers.slapd import PASSWORD, Slapd, slapd

pytestmark = [pytest.mark.services, pytest.mark.thorough, pytest.mark.xdist_group("slapd")]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("plain"), tls=False) as running:
        yield running


@pytest.fixture(scope="module")
def misnamed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("misnamed"), names=("directory.example.test",)) as running:
        yield running


@pytest.fixture(scope="module")
def expired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("expired"), lasts=timedelta(days=-1)) as running:
        yield running


def refused(server: Slapd, **changes: object) -> IdentityUnavailable:
    with pytest.raises(IdentityUnavailable) as caught:
        Directory().sign_in(server.ldap_server(**changes), "ada", PASSWORD)
    return caught.value


def by_name(url: str) -> str:
    return url.replace("127.0.0.1", "localhost")


def test_ldaps_and_start_tls_by_address_and_by_name(directory: Directory, server: Slapd) -> None:
    for url, start_tls in (
        (server.ldaps_url, False),
        (by_name(server.ldaps_url), False),
        (server.ldap_url, True),
        (by_name(server.ldap_url), True),
        (server.ldap_url, False),  # to this very machine
    ):
        settings = server.ldap_server(urls=(url,), start_tls=start_tls)
        assert directory.sign_in(settings, "ada", PASSWORD).login == "ada"


@pytest.mark.parametrize("start_tls", [False, True])
def test_a_certificate_of_another_authority(server: Slapd, start_tls: bool) -> None:
    url = server.ldap_url if start_tls else server.ldaps_url
    for authorities in (Authority().certificate, ""):
        fault = refused(server, urls=(url,), start_tls=start_tls, ca_certificates=authorities)
        assert fault.reason == Fault.TLS
        assert "certificate" in fault.detail


@pytest.mark.parametrize("start_tls", [False, True])
def test_a_certificate_of_another_name(misnamed: Slapd, start_tls: bool) -> None:
    url = misnamed.ldap_url if start_tls else misnamed.ldaps_url
    for address in (url, by_name(url)):
        fault = refused(misnamed, urls=(address,), start_tls=start_tls)
        assert fault.reason == Fault.TLS
        assert "mismatch" in fault.detail


def test_a_certificate_that_has_expired(expired: Slapd) -> None:
    fault = refused(expired)
    assert (fault.reason, "expired" in fault.detail) == (Fault.TLS, True)


def test_start_tls_that_is_refused_is_not_done_without(plain: Slapd) -> None:
    assert refused(plain, urls=(plain.ldap_url,), start_tls=True).reason == Fault.TLS
    settings = plain.ldap_server(urls=(plain.ldap_url,))
    assert Directory().sign_in(settings, "ada", PASSWORD).login == "ada"


def test_plain_text_to_another_machine_is_not_even_tried(server: Slapd) -> None:
    for url in ("ldap://192.0.2.1", "ldap://directory.example.test"):
        assert refused(server, urls=(url,), timeout=30.0).reason == Fault.SETTINGS
    # Not by way of a good one beside it, either.
    assert refused(server, urls=(server.ldaps_url, "ldap://192.0.2.1")).reason == Fault.SETTINGS


def test_every_call_verifies(misnamed: Slapd) -> None:
    directory, settings = Directory(), misnamed.ldap_server()
    somebody = Directory().sign_in(replace(settings, urls=(misnamed.ldap_url,)), "ada", PASSWORD)
    for call in (
        lambda: directory.find_person(settings, somebody.stable_id),
        lambda: directory.groups_of(settings, somebody),
        lambda: list(directory.people(settings)),
        lambda: list(directory.groups(settings)),
    ):
        with pytest.raises(IdentityUnavailable) as caught:
            call()
        assert caught.value.reason == Fault.TLS

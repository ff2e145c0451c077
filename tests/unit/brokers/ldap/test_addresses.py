"""Which addresses a password may be sent to."""

import ssl

import pytest

from brokers.errors import IdentityUnavailable
from brokers.ldap import trust
from brokers.ldap.addresses import address
from brokers.ldap.reasons import Fault
from tests.servers.authority import Authority


@pytest.mark.parametrize(
    ("url", "start_tls"),
    [
        ("ldap://dc1.example.com", False),
        ("ldap://127.0.0.1.example.com", False),
        ("ldap://10.0.0.1:389", False),
        ("ldap://localhost.example.com", False),
        ("http://dc1.example.com", False),
        ("ldapi:///var/run/slapd", True),
        ("dc1.example.com", True),
        ("ldaps://", True),
        ("ldaps://reader@dc1.example.com", True),
        ("ldaps://dc1.example.com/dc=example", True),
        ("ldaps://dc1.example.com?uid", True),
        ("ldaps://dc1.example.com:99999", True),
        ("ldaps://[::1", True),
    ],
)
def test_refused(url: str, start_tls: bool) -> None:
    with pytest.raises(IdentityUnavailable) as caught:
        address(url, start_tls=start_tls)
    assert caught.value.reason == Fault.SETTINGS
    assert caught.value.code == "ldap.settings"


@pytest.mark.parametrize(
    ("url", "start_tls", "port", "is_ldaps", "starts_tls"),
    [
        ("ldaps://dc1.example.com", False, 636, True, False),
        ("ldaps://dc1.example.com:1636/", True, 1636, True, False),
        ("ldap://dc1.example.com", True, 389, False, True),
        ("ldap://127.0.0.1:3389", False, 3389, False, False),
        ("ldap://[::1]", False, 389, False, False),
        ("ldap://localhost", False, 389, False, False),
        ("ldap://localhost", True, 389, False, True),
    ],
)
def test_taken(url: str, start_tls: bool, port: int, is_ldaps: bool, starts_tls: bool) -> None:
    found = address(url, start_tls=start_tls)
    assert (found.port, found.is_ldaps, found.starts_tls) == (port, is_ldaps, starts_tls)


@pytest.mark.parametrize("pem", ["not PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_authorities_that_cannot_be_read_are_a_setting_to_mend(pem: str) -> None:
    with pytest.raises(IdentityUnavailable) as caught:
        trust.context(pem)
    assert caught.value.reason == Fault.SETTINGS


def test_only_the_given_authorities_are_trusted() -> None:
    given = trust.context(Authority().certificate)
    assert len(given.get_ca_certs()) == 1


def test_nothing_older_than_tls_1_2_is_spoken() -> None:
    made = trust.context("")
    assert made.minimum_version == ssl.TLSVersion.TLSv1_2
    assert (made.verify_mode, made.check_hostname) == (ssl.CERT_REQUIRED, True)

"""A real OpenLDAP with people in all states, and our adapter."""

from collections.abc import Iterator

import pytest

from brokers.ldap import Directory
from tests.servers.slapd import PASSWORD, Slapd, person, slapd

ODD = 'cn=a(b)*c\\\\d\\, e\\+f\\"g #h'
MORE = [
    # Two with one login, beside an only one with such a login but for its end.
    person("twin").replace("dn: uid=twin", "dn: cn=twin-one"),
    person("twin").replace("dn: uid=twin", "dn: cn=twin-two"),
    person("twin-not"),
    # crypt(3), as old directories have it: it reads a password up to its first NUL.
    person("olga", password="{CRYPT}$5$saltsalt$LrWxor7vAQIH34BrC1Ore5e1EDTkRUXsf00q0V.jRT2"),
    person("a(b)*c\\d").replace("dn: uid=a(b)*c\\d", f"dn: {ODD}"),
    person("zoë"),
    *(person(f"user-{number:04}") for number in range(1200)),
]


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd"), people=MORE) as running:
        yield running


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
def password() -> str:
    return PASSWORD

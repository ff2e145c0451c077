"""The walk through the steps: where it stops, and that it says what to do."""

from collections.abc import Sequence

import pytest

from brokers.ldap import Directory
from brokers.types import CheckStep, LdapNesting
from tests.servers.process import free_port
from tests.servers.slapd import READER_PASSWORD, Slapd

pytestmark = [pytest.mark.services, pytest.mark.thorough, pytest.mark.xdist_group("slapd")]


def steps(directory: Directory, server: Slapd, **changes: object) -> Sequence[CheckStep]:
    taken = directory.check(server.ldap_server(**changes))
    assert all(bool(step.advice) is not step.is_ok and step.detail for step in taken)
    assert READER_PASSWORD not in repr(taken)
    return taken


def outcome(taken: Sequence[CheckStep]) -> list[tuple[str, bool]]:
    return [(step.name, step.is_ok) for step in taken]


def test_all_is_well(directory: Directory, server: Slapd) -> None:
    names = ["address", "reachable", "TLS", "bind", "people", "groups"]
    assert outcome(steps(directory, server)) == [(name, True) for name in names]
    by_start_tls = {"urls": (server.ldap_url,), "start_tls": True}
    assert outcome(steps(directory, server, **by_start_tls)) == [(name, True) for name in names]


@pytest.mark.parametrize(
    ("changes", "stops_at"),
    [
        ({"urls": ()}, "address"),
        ({"urls": ("ldap://192.0.2.1",)}, "address"),
        ({"ca_certificates": "rubbish"}, "address"),
        ({"urls": (f"ldaps://127.0.0.1:{free_port()}",)}, "reachable"),
        ({"ca_certificates": ""}, "TLS"),
        ({"bind_password": "wrong"}, "bind"),
        ({"people_base": "ou=nowhere,dc=example,dc=test"}, "people"),
        ({"people_filter": "(objectClass=device)"}, "people"),
        ({"login_attribute": "telephoneNumber"}, "people"),
        ({"id_attribute": "objectGUID"}, "people"),
        ({"groups_base": "ou=nowhere,dc=example,dc=test"}, "groups"),
        ({"groups_filter": "(objectClass=device)"}, "groups"),
        ({"group_name_attribute": "o"}, "groups"),
        ({"nesting": LdapNesting.IN_CHAIN}, "groups"),
    ],
)
def test_where_it_stops(
    directory: Directory, server: Slapd, changes: dict[str, object], stops_at: str
) -> None:
    taken = outcome(steps(directory, server, **changes))
    assert next(name for name, is_ok in taken if not is_ok) == stops_at
    goes_on = {"people": "groups"}.get(stops_at, stops_at)
    assert taken[-1][0] == goes_on


def test_every_address_is_tried(directory: Directory, server: Slapd) -> None:
    taken = outcome(steps(directory, server, urls=(f"ldaps://127.0.0.1:{free_port()}", server.ldaps_url)))
    assert taken[:2] == [("address", True), ("reachable", False)]
    last = outcome(steps(directory, server, urls=(server.ldaps_url, f"ldaps://127.0.0.1:{free_port()}")))
    assert last[4:] == [("address", True), ("reachable", False), ("people", True), ("groups", True)]
    assert [name for name, is_ok in taken[2:] if is_ok] == [
        "address",
        "reachable",
        "TLS",
        "bind",
        "people",
        "groups",
    ]


def test_every_address_that_works_is_walked_up_to_the_bind(directory: Directory, server: Slapd) -> None:
    taken = steps(directory, server, urls=(server.ldap_url, server.ldaps_url))
    assert [step.name for step in taken if step.name == "bind" and step.is_ok] == ["bind", "bind"]
    assert [step.name for step in taken][-2:] == ["people", "groups"]
    assert "Plain text" in next(step.detail for step in taken if step.name == "TLS")


def test_without_a_base_for_groups_none_are_looked_for(directory: Directory, server: Slapd) -> None:
    assert "groups" not in [step.name for step in steps(directory, server, groups_base="")]


def test_an_open_directory_needs_no_account(directory: Directory, server: Slapd) -> None:
    taken = steps(directory, server, bind_dn="", bind_password="")
    assert [step.is_ok for step in taken if step.name == "bind"] == [True]
    assert [step.is_ok for step in taken if step.name == "people"] == [False]

"""Groups in groups, loops and depth; everybody, page by page, or an error."""

import tracemalloc
from collections.abc import Iterator

import pytest

from brokers.errors import IdentityUnavailable
from brokers.ldap import Directory, Fault
from brokers.types import LdapNesting, LdapPerson
from tests.servers.slapd import GROUPS, PASSWORD, PEOPLE, READER, READER_PASSWORD, Slapd, group, person, slapd

pytestmark = [pytest.mark.services, pytest.mark.thorough, pytest.mark.xdist_group("slapd")]


@pytest.fixture
def ada(directory: Directory, server: Slapd) -> LdapPerson:
    return directory.sign_in(server.ldap_server(), "ada", PASSWORD)


def names(directory: Directory, server: Slapd, somebody: LdapPerson, **changes: object) -> list[str]:
    return sorted(group.name for group in directory.groups_of(server.ldap_server(**changes), somebody))


def test_groups_are_walked_three_deep(directory: Directory, server: Slapd, ada: LdapPerson) -> None:
    assert names(directory, server, ada) == ["engineering", "oncall", "payments"]


def test_direct_groups_only(directory: Directory, server: Slapd, ada: LdapPerson) -> None:
    assert names(directory, server, ada, nesting=LdapNesting.DIRECT) == ["oncall"]


@pytest.mark.parametrize(("depth", "found"), [(1, ["oncall"]), (2, ["oncall", "payments"])])
def test_depth_is_bounded(
    directory: Directory, server: Slapd, ada: LdapPerson, depth: int, found: list[str]
) -> None:
    assert names(directory, server, ada, max_depth=depth) == found


def test_a_loop_ends(directory: Directory, server: Slapd) -> None:
    ben = directory.sign_in(server.ldap_server(), "ben", PASSWORD)
    assert names(directory, server, ben, max_depth=1_000_000) == ["loop-a", "loop-b"]


def test_somebody_in_no_group_and_no_base_for_groups(
    directory: Directory, server: Slapd, ada: LdapPerson
) -> None:
    carol = directory.sign_in(server.ldap_server(), "carol", PASSWORD)
    assert directory.groups_of(server.ldap_server(), carol) == ()
    assert directory.groups_of(server.ldap_server(groups_base=""), ada) == ()
    assert list(directory.groups(server.ldap_server(groups_base=""))) == []


def test_the_rule_in_chain_is_not_asked_of_who_does_not_know_it(
    directory: Directory, server: Slapd, ada: LdapPerson
) -> None:
    """OpenLDAP would answer that there is no such group: everybody would be in none."""
    with pytest.raises(IdentityUnavailable) as caught:
        directory.groups_of(server.ldap_server(nesting=LdapNesting.IN_CHAIN), ada)
    assert caught.value.reason == Fault.SETTINGS


def test_a_wide_level_is_asked_in_batches(directory: Directory, server: Slapd) -> None:
    server.add(person("wanda"))
    server.add(*(group(f"wide-{number}", ["uid=wanda,ou=people"]) for number in range(120)))
    server.add(group("above", [f"cn=wide-{number},ou=groups" for number in range(110, 120)]))
    wanda = directory.sign_in(server.ldap_server(), "wanda", PASSWORD)
    found = names(directory, server, wanda, page_size=50)
    assert len(found) == 121
    assert "above" in found


def test_unique_members_where_the_settings_name_them(
    directory: Directory, server: Slapd, ada: LdapPerson
) -> None:
    server.add(
        f"dn: cn=unique,{GROUPS}\nobjectClass: groupOfUniqueNames\ncn: unique\nuniqueMember: uid=ada,{PEOPLE}\n"
    )
    both = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))"
    assert "unique" in names(directory, server, ada, groups_filter=both)
    assert "unique" not in names(directory, server, ada)
    members = {
        found.name: found.member_dns for found in directory.groups(server.ldap_server(groups_filter=both))
    }
    assert members["unique"] == (f"uid=ada,{PEOPLE}",)


def test_all_groups_with_their_members(directory: Directory, server: Slapd) -> None:
    found = {group.name: group for group in directory.groups(server.ldap_server(page_size=10))}
    assert found["payments"].member_dns == (f"cn=oncall,{GROUPS}",)
    assert set(found["loop-b"].member_dns) == {f"cn=loop-a,{GROUPS}", f"uid=ben,{PEOPLE}"}
    assert found["payments"].stable_id != found["oncall"].stable_id


def test_everybody_comes_once_whatever_the_page(directory: Directory, server: Slapd) -> None:
    everybody = [person.stable_id for person in directory.people(server.ldap_server())]
    assert len(set(everybody)) == len(everybody) > 1200
    assert [person.stable_id for person in directory.people(server.ldap_server(page_size=100))] == everybody


def test_a_server_that_stops_midway_has_not_shown_everybody(directory: Directory, server: Slapd) -> None:
    people = directory.people(server.ldap_server(page_size=100))
    seen = [next(people)]
    server.stop()
    try:
        with pytest.raises(IdentityUnavailable) as caught:
            seen.extend(people)
    finally:
        server.start()
    assert caught.value.reason == Fault.UNREACHABLE
    assert len(seen) == 100


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    limits = [f'limits dn.exact="{READER}" size.soft=5 size.hard=5 size.prtotal=5']
    with slapd(tmp_path_factory.mktemp("limited"), settings=limits, unlimited=False) as running:
        yield running


def test_a_server_that_shows_only_some_has_not_shown_everybody(directory: Directory, limited: Slapd) -> None:
    with pytest.raises(IdentityUnavailable) as caught:
        list(directory.people(limited.ldap_server(page_size=10)))
    assert caught.value.reason == Fault.LIMIT
    assert directory.sign_in(limited.ldap_server(), "ada", PASSWORD)


def test_one_page_is_in_memory_at_a_time(directory: Directory, server: Slapd) -> None:
    settings = server.ldap_server(page_size=50)
    list(directory.people(settings))  # what is made once
    tracemalloc.start()
    try:
        people = directory.people(settings)
        for _ in range(60):
            next(people)
        tracemalloc.reset_peak()
        _, early = tracemalloc.get_traced_memory()
        assert sum(1 for _ in people) > 1000
        _, late = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert late < early + 300_000


def test_whoever_stops_reading_leaves_no_connection_open(directory: Directory, server: Slapd) -> None:
    people = directory.people(server.ldap_server(page_size=50))
    next(people)
    people.close()  # type: ignore[attr-defined]  # it is a generator
    assert directory.sign_in(server.ldap_server(bind_password=READER_PASSWORD), "ada", PASSWORD)

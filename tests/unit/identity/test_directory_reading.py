"""What a sync keeps of a directory: names compared, groups in groups flattened, loops and depth."""

from uuid import UUID, uuid4

import pytest

from brokers.types import LdapGroup, LdapNesting
from portal.identity.directory_reading import DirectoryReading
from portal.identity.distinguished_names import dn_key

BASE = "ou=groups,dc=example,dc=test"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=Ann, ou=People,dc=x", "UID=ann,OU=people,DC=x"),
        (r"cn=Doe\, Ann,dc=x", r"CN=doe\2C ann,dc=x"),
        (r"cn=M\c3\bcller,dc=x", "cn=Müller,dc=x"),
        (r"cn=M\C3\9Cller,dc=x", "cn=müller,dc=x"),
    ],
)
def test_two_spellings_of_a_name_are_one(one: str, other: str) -> None:
    assert dn_key(one) == dn_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=ann,dc=x", "uid=anna,dc=x"),
        # A comma in a value is no border between two parts.
        (r"cn=a\,dc=x", "cn=a,dc=x"),
        (r"cn=a\2cdc\3dx", "cn=a,dc=x"),
        (r"cn=a\\2c,dc=x", r"cn=a\2c,dc=x"),
        (r"cn=a\ ,dc=x", "cn=a,dc=x"),
        ("cn=a b,dc=x", "cn=ab,dc=x"),
    ],
)
def test_two_names_stay_two(one: str, other: str) -> None:
    assert dn_key(one) != dn_key(other)


class Read:
    def __init__(self, *people: str) -> None:
        self.reading = DirectoryReading()
        self.ids: dict[UUID, str] = {}
        for name in people:
            person = uuid4()
            self.ids[person] = name
            self.reading.add_person(person, f"uid={name},dc=x")

    def group(self, name: str, *members: str) -> None:
        dns = [f"cn={one[1:]},{BASE}" if one[0] == "@" else f"UID={one},DC=x" for one in members]
        self.reading.add_group(LdapGroup(f"id-{name}", f"cn={name},{BASE}", name, tuple(dns)))

    def members(self, nesting: LdapNesting = LdapNesting.WALK, depth: int = 10) -> dict[str, set[str]]:
        found = self.reading.members(nesting, depth)
        return {
            group.name: {self.ids[self.reading.person(one)] for one in told}
            for group, told in zip(self.reading.groups, found, strict=True)
        }


def test_members_of_members_are_members() -> None:
    read = Read("ann", "ben")
    read.group("all", "@dev")
    read.group("dev", "@back")
    read.group("back", "ann", "stranger")
    read.group("other", "ben")
    assert read.members() == {"all": {"ann"}, "dev": {"ann"}, "back": {"ann"}, "other": {"ben"}}


def test_direct_members_only() -> None:
    read = Read("ann", "ben")
    read.group("all", "@dev", "ben")
    read.group("dev", "ann")
    assert read.members(LdapNesting.DIRECT) == {"all": {"ben"}, "dev": {"ann"}}


def test_a_loop_ends() -> None:
    read = Read("ann", "ben")
    read.group("one", "@two", "ann")
    read.group("two", "@three")
    read.group("three", "@one", "@three", "ben")
    both = {"ann", "ben"}
    assert read.members() == {"one": both, "two": both, "three": both}


def test_depth_is_bounded() -> None:
    read = Read("ann")
    read.group("a", "@b")
    read.group("b", "@c")
    read.group("c", "@d")
    read.group("d", "ann")
    assert read.members(depth=3) == {"a": set(), "b": {"ann"}, "c": {"ann"}, "d": {"ann"}}


def test_in_chain_there_is_no_bound() -> None:
    read = Read("ann")
    read.group("a", "@b")
    read.group("b", "@c")
    read.group("c", "ann")
    assert read.members(LdapNesting.IN_CHAIN, depth=1) == {"a": {"ann"}, "b": {"ann"}, "c": {"ann"}}


def test_one_name_of_two_people_is_nobodys() -> None:
    read = Read("ann", "Ann", "ben")
    read.group("dev", "ann", "ben")
    assert read.members() == {"dev": {"ben"}}
    again = Read("ann")
    [ann] = again.ids
    again.reading.add_person(ann, "uid=ann,dc=x")
    again.group("dev", "ann")
    assert again.members() == {"dev": {"ann"}}


def test_one_name_of_two_groups_is_nobodys() -> None:
    read = Read("ann")
    read.group("all", "@dev")
    read.group("dev", "ann")
    read.reading.add_group(LdapGroup("id-2", f"cn=DEV,{BASE}", "dev2", ()))
    assert read.members()["all"] == set()

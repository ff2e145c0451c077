"""What a sync keeps of a directory while it reads it: compact, and nothing of people whom the portal doesn't know.

A known person takes some 250 bytes, a membership 4 or 16, a group its names: no entry is kept whole.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from brokers.types import LdapGroup, LdapNesting
from portal.identity.distinguished_names import KEY_BYTES, dn_key


@dataclass(slots=True)
class ReadGroup:
    """A group: who is directly in it, by number, and what else its members are called, by key."""

    stable_id: str
    dn: str
    name: str
    people: "array[int]" = field(default_factory=lambda: array("I"))
    others: bytes = b""


class DirectoryReading:
    """People by number, groups by number. First all people are added, then all groups."""

    def __init__(self) -> None:
        self.groups: list[ReadGroup] = []
        self._people: list[UUID] = []
        self._number_of: dict[UUID, int] = {}
        self._by_dn: dict[bytes, int | None] = {}
        self._group_by_dn: dict[bytes, int | None] = {}

    def add_person(self, person_id: UUID, dn: str) -> None:
        number = self._number_of.setdefault(person_id, len(self._people))
        if number == len(self._people):
            self._people.append(person_id)
        key = dn_key(dn)
        # Two entries of one name: nobody can say which of them a group means.
        self._by_dn[key] = number if self._by_dn.get(key, number) == number else None

    def add_group(self, group: LdapGroup) -> None:
        read = ReadGroup(group.stable_id, group.dn, group.name)
        others = []
        for dn in group.member_dns:
            key = dn_key(dn)
            number = self._by_dn.get(key)
            if number is not None:
                read.people.append(number)
            else:
                others.append(key)
        read.others = b"".join(others)
        key = dn_key(group.dn)
        self._group_by_dn[key] = None if key in self._group_by_dn else len(self.groups)
        self.groups.append(read)

    def person(self, number: int) -> UUID:
        return self._people[number]

    def number(self, person_id: UUID) -> int | None:
        return self._number_of.get(person_id)

    def link(self) -> Sequence[Sequence[int]]:
        """Return the numbers of the groups that are members of each group. What else was a member is forgotten."""
        links = []
        for group in self.groups:
            keys = (group.others[at : at + KEY_BYTES] for at in range(0, len(group.others), KEY_BYTES))
            links.append([number for key in keys if (number := self._group_by_dn.get(key)) is not None])
            group.others = b""
        return links

    def members(self, nesting: LdapNesting, max_depth: int) -> Iterator[set[int]]:
        """Yield, group by group, who is in it, also by way of groups in it; loops end, and depth is bounded.

        `max_depth`: how many groups lead from the person to the group at most, both ends counted. Active Directory's
        own rule knows no such bound, and a sync must not take away what a sign-in found.
        """
        depths = {LdapNesting.DIRECT: 1, LdapNesting.WALK: max_depth, LdapNesting.IN_CHAIN: len(self.groups)}
        depth = depths[nesting]
        links = self.link()
        for number in range(len(self.groups)):
            found: set[int] = set()
            for inner in _within(number, links, depth):
                found.update(self.groups[inner].people)
            yield found


def _within(number: int, links: Sequence[Sequence[int]], depth: int) -> set[int]:
    seen, level = {number}, {number}
    for _ in range(depth - 1):
        level = {inner for outer in level for inner in links[outer]} - seen
        if not level:
            break
        seen |= level
    return seen

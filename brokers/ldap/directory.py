"""The port's adapter: every call opens and closes a connection of its own."""

from collections.abc import Iterator, Sequence

from brokers.ldap import checking, filters, people, signing_in
from brokers.ldap import groups as grouping
from brokers.ldap.connecting import Memory, connected
from brokers.types import CheckStep, LdapGroup, LdapPerson, LdapServer


class Directory:
    """An LDAP directory or Active Directory (`brokers.ports.LdapDirectory`), by ldap3.

    May be shared by threads: all that it keeps is which server answered last, for a minute.

    Raises:
        IdentityUnavailable: with one of `brokers.ldap.reasons.Fault`.
    """

    def __init__(self) -> None:
        self._memory = Memory()

    def sign_in(self, server: LdapServer, username: str, password: str) -> LdapPerson:
        """Bind as the one entry with that login. See `brokers.ldap.signing_in.sign_in`."""
        return signing_in.sign_in(server, self._memory, username, password)

    def find_person(self, server: LdapServer, stable_id: str) -> LdapPerson | None:
        """Return the entry with that stable id that still fits the filter for people, whatever its state."""
        with connected(server, self._memory) as link:
            return people.with_id(link, server, stable_id)

    def groups_of(self, server: LdapServer, person: LdapPerson) -> tuple[LdapGroup, ...]:
        """Return the groups that the person is in, without their members. See `brokers.ldap.groups.groups_of`."""
        with connected(server, self._memory) as link:
            return grouping.groups_of(link, server, person)

    def people(self, server: LdapServer) -> Iterator[LdapPerson]:
        """Yield all people, a page in memory at a time. An error in the middle raises."""
        with connected(server, self._memory) as link:
            asked = filters.own(server.people_filter)
            for entry in link.pages(server.people_base, asked, people.wanted(server)):
                yield people.person_of(entry, server)

    def groups(self, server: LdapServer) -> Iterator[LdapGroup]:
        """Yield all groups with all their members, a page in memory at a time. An error in the middle raises."""
        with connected(server, self._memory) as link:
            yield from grouping.all_groups(link, server)

    def check(self, server: LdapServer) -> Sequence[CheckStep]:
        """Walk the steps. See `brokers.ldap.checking.check`."""
        return checking.check(server)

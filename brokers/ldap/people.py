"""People: what is asked of their entries, what is made of them, and finding one."""

from brokers.ldap import account_state, filters
from brokers.ldap.entries import Entry, id_octets, stable_id
from brokers.ldap.link import Link
from brokers.ldap.reasons import Fault, unavailable
from brokers.types import LdapPerson, LdapServer


def wanted(server: LdapServer) -> tuple[str, ...]:
    """Return the attributes to ask for: no more than are used."""
    states = account_state.attributes(is_active_directory=server.is_active_directory)
    names = (server.id_attribute, server.login_attribute, *states, *server.extra_attributes)
    if server.is_active_directory:
        names = (*names, "sAMAccountName", "userPrincipalName")
    return tuple({name.lower(): name for name in names}.values())


def person_of(entry: Entry, server: LdapServer, *, login: str | None = None) -> LdapPerson:
    """Read an entry. `login`: the one of several values that is meant.

    Raises:
        IdentityUnavailable: malformed: no id, or a state that may not be read.
    """
    return LdapPerson(
        stable_id=stable_id(entry, server.id_attribute),
        dn=entry.dn,
        login=entry.first(server.login_attribute) if login is None else login,
        state=account_state.state(entry, is_active_directory=server.is_active_directory),
        attributes={name: values for name in server.extra_attributes if (values := entry.all(name))},
    )


def with_login(link: Link, server: LdapServer, login: str) -> list[Entry]:
    """Return who has that login: two entries where there are more."""
    asked = filters.every(filters.own(server.people_filter), filters.equal(server.login_attribute, login))
    return link.find(server.people_base, asked, wanted(server), at_most=2)


def with_id(link: Link, server: LdapServer, text: str) -> LdapPerson | None:
    """Return who has that stable id; None when there is nobody.

    Raises:
        IdentityUnavailable: malformed when two have it, and as `Link.find`.
    """
    octets = id_octets(text, server.id_attribute)
    if octets is None:
        return None
    asked = filters.every(filters.own(server.people_filter), filters.equal(server.id_attribute, octets))
    found = link.find(server.people_base, asked, wanted(server), at_most=2)
    if len(found) > 1:
        raise unavailable(
            Fault.MALFORMED, f"{found[0].dn} and {found[1].dn} have the same {server.id_attribute}"
        )
    return person_of(found[0], server) if found else None

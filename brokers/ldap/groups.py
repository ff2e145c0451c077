"""Groups: which somebody is in, however nested, and all of them with their members.

Active Directory's primary group (Domain Users, as a rule) lists nobody as `member`, so it is not among them.
"""

from collections.abc import Iterator, Mapping, Sequence

from brokers.ldap import filters
from brokers.ldap.entries import Entry, stable_id
from brokers.ldap.link import Link
from brokers.ldap.reasons import Fault, unavailable
from brokers.types import LdapGroup, LdapNesting, LdapPerson, LdapServer

# DNs per filter: a hundred of them make one of 20 kB, which every server takes.
BATCH = 100
MAX_GROUPS = 10_000
# What Active Directory gives of one attribute at once (MS-ADTS, 3.1.1.3.1.3.3).
RANGE = 1500


def groups_of(link: Link, server: LdapServer, person: LdapPerson) -> tuple[LdapGroup, ...]:
    """Return the groups with `person` in them, without their members. No base for groups: none.

    Raises:
        IdentityUnavailable: settings when the rule in chain is asked of what isn't Active Directory; as `Link.pages`.
    """
    if not server.groups_base:
        return ()
    if server.nesting is LdapNesting.IN_CHAIN:
        return tuple(_in_chain(link, server, person).values())
    return tuple(_walked(link, server, person).values())


def all_groups(link: Link, server: LdapServer) -> Iterator[LdapGroup]:
    """Yield all groups with all their members, nested ones as the groups that they are.

    Raises:
        IdentityUnavailable: as `Link.pages`, at any time.
    """
    if not server.groups_base:
        return
    asked = _attributes(server, *_asked_members(server))
    for entry in link.pages(server.groups_base, filters.own(server.groups_filter), asked):
        yield _group(entry, server, tuple(_members(link, entry, server)))


def _in_chain(link: Link, server: LdapServer, person: LdapPerson) -> Mapping[str, LdapGroup]:
    if not server.is_active_directory:
        # Others don't know the rule and answer as if there were no group.
        raise unavailable(
            Fault.SETTINGS, "the matching rule in chain is Active Directory's alone: choose to walk"
        )
    return _with(link, server, filters.in_chain("member", person.dn))


def _walked(link: Link, server: LdapServer, person: LdapPerson) -> dict[str, LdapGroup]:
    """Go up level by level, each group once: so a loop ends, and so does a depth of more than `max_depth`."""
    found: dict[str, LdapGroup] = {}
    level = [person.dn]
    for _ in range(1 if server.nesting is LdapNesting.DIRECT else server.max_depth):
        above = _one_level_up(link, server, level)
        new = {key: group for key, group in above.items() if key not in found}
        found |= new
        level = [group.dn for group in new.values()]
        if not level:
            break
        if len(found) > MAX_GROUPS:
            raise unavailable(Fault.LIMIT, f"{person.dn} is in more than {MAX_GROUPS} groups")
    return found


def _one_level_up(link: Link, server: LdapServer, dns: Sequence[str]) -> dict[str, LdapGroup]:
    found: dict[str, LdapGroup] = {}
    for start in range(0, len(dns), BATCH):
        some = dns[start : start + BATCH]
        asked = filters.either(filters.equal(name, dn) for name in _member_attributes(server) for dn in some)
        found |= _with(link, server, asked)
    return found


def _with(link: Link, server: LdapServer, asked: str) -> dict[str, LdapGroup]:
    """Return the groups that a filter finds, by DN."""
    whole = filters.every(filters.own(server.groups_filter), asked)
    entries = link.pages(server.groups_base, whole, _attributes(server))
    return {entry.dn: _group(entry, server) for entry in entries}


def _group(entry: Entry, server: LdapServer, members: tuple[str, ...] = ()) -> LdapGroup:
    name = entry.first(server.group_name_attribute)
    if not name:
        raise unavailable(
            Fault.MALFORMED, f"{entry.dn} has no {server.group_name_attribute} that we may read"
        )
    return LdapGroup(stable_id(entry, server.id_attribute), entry.dn, name, members)


def _members(link: Link, entry: Entry, server: LdapServer) -> Iterator[str]:
    for attribute in _member_attributes(server):
        yield from entry.all(attribute)
        yield from _ranges(link, entry, attribute)


def _ranges(link: Link, entry: Entry, attribute: str) -> Iterator[str]:
    """Yield what came as `member;range=0-1499`, and go on until the server says that it was the last (`-*`)."""
    while (name := _range_of(entry, attribute)) is not None:
        yield from entry.all(name)
        end = name.rpartition("-")[2]
        if end == "*":
            return
        start = int(end) + 1
        more = link.read(entry.dn, [f"{attribute};range={start}-{start + RANGE - 1}"])
        if more is None or _range_of(more, attribute) is None:
            raise unavailable(Fault.MALFORMED, f"{entry.dn} changed while its members were read")
        entry = more


def _range_of(entry: Entry, attribute: str) -> str | None:
    return next((name for name in entry.values if name.startswith(f"{attribute.lower()};range=")), None)


def _attributes(server: LdapServer, *more: str) -> tuple[str, ...]:
    return (server.id_attribute, server.group_name_attribute, *more)


def _asked_members(server: LdapServer) -> tuple[str, ...]:
    return (f"member;range=0-{RANGE - 1}",) if server.is_active_directory else _member_attributes(server)


def _member_attributes(server: LdapServer) -> tuple[str, ...]:
    """Return where members stand: groupOfUniqueNames (RFC 4519, 3.6) is asked for only where the settings name it."""
    has_unique = "unique" in server.groups_filter.lower()
    return ("member", "uniqueMember") if has_unique else ("member",)

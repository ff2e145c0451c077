"""Trying a directory out, step by step: where it stops, and what to do."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from brokers.errors import IdentityUnavailable
from brokers.ldap import filters, groups, people, trust
from brokers.ldap.addresses import Address, address
from brokers.ldap.connecting import bind_portal, secured
from brokers.ldap.link import Link
from brokers.ldap.reasons import Fault, unavailable
from brokers.ldap.wire import Wire
from brokers.types import AccountState, CheckStep, LdapNesting, LdapServer

_PROBED = 5
_ADVICE = {
    Fault.SETTINGS: "Correct the setting that is named.",
    Fault.UNREACHABLE: "Check the host name and the port, and that a firewall lets the portal through.",
    Fault.TIMEOUT: "Check that a firewall lets the portal through, and that the server isn't overloaded.",
    Fault.TLS: "Give the certificate authority that issued the server's certificate, and an address by the name "
    "that the certificate is for.",
    Fault.MALFORMED: "Check that the port is an LDAP server's, and that our account may read what is named.",
    Fault.BIND: "Check the account's DN and password, and that it is neither locked nor expired.",
    Fault.BUSY: "The server says that it can't answer now. Try again later.",
    Fault.LIMIT: "Allow our account larger results on the server, or make pages smaller.",
    Fault.REFERRAL: "The server doesn't hold this base. Give the address of one that does.",
    Fault.SEARCH: "Check the base and the filter, and that our account may read there.",
}
_ADVICE_ON_KERBEROS = {
    Fault.BIND: "Check the portal's keytab (KRB5_CLIENT_KTNAME) with klist -k and kinit -k, that its account is "
    "neither locked nor expired, and that the address has the name by which Kerberos knows the server.",
    Fault.UNREACHABLE: "Check the realm's servers in krb5.conf, and that a firewall lets the portal through.",
    Fault.TIMEOUT: "Check the realm's servers in krb5.conf, and that a firewall lets the portal through.",
}


def check(server: LdapServer) -> Sequence[CheckStep]:
    """Return the steps taken: each address up to the bind, then people and groups at the first that let us in."""
    if not server.urls:
        return [_failed("address", unavailable(Fault.SETTINGS, "no address is given"))]
    steps: list[CheckStep] = []
    link: Link | None = None
    try:
        for url in server.urls:
            walk = _Walk(server, url)
            steps += walk.steps()
            if link is None:
                link = walk.link
            elif walk.link is not None:
                walk.link.close()
        if link is not None:
            steps += _contents(link, server)
    finally:
        if link is not None:
            link.close()
    return steps


class _Walk:
    """One address: each step stands on the one before. `link` stays open when all went well."""

    def __init__(self, server: LdapServer, url: str) -> None:
        self._server = server
        self._url = url
        self._address: Address | None = None
        self.link: Link | None = None

    def steps(self) -> Iterator[CheckStep]:
        for name, step in (
            ("address", self._read_address),
            ("reachable", self._reach),
            ("TLS", self._secure),
            ("bind", self._bind),
        ):
            by_kerberos = name == "bind" and self._server.bind_by_kerberos
            taken = _tried(name, step, {**_ADVICE, **_ADVICE_ON_KERBEROS} if by_kerberos else _ADVICE)
            yield taken
            if not taken.is_ok:
                self._give_up()
                return

    def _read_address(self) -> str:
        self._address = address(self._url, start_tls=self._server.start_tls)
        trust.context(self._server.ca_certificates)
        return self._url

    def _reach(self) -> str:
        assert self._address is not None  # noqa: S101  # steps() stops before
        Wire(self._address, self._server.timeout).close()
        return f"{self._address.host} answers on port {self._address.port}"

    def _secure(self) -> str:
        assert self._address is not None  # noqa: S101  # as above
        self.link = secured(self._server, self._address)
        if not (self._address.is_ldaps or self._address.starts_tls):
            return "Plain text, to this very machine"
        return "The certificate is trusted and has the server's name"

    def _bind(self) -> str:
        assert self.link is not None  # noqa: S101  # as above
        bind_portal(self.link, self._server)
        if self._server.bind_by_kerberos:
            return "By Kerberos, as whom its ticket names"
        return (
            f"As {self._server.bind_dn}"
            if self._server.bind_dn
            else "As nobody: the directory is open to read"
        )

    def _give_up(self) -> None:
        if self.link is not None:
            self.link.close()
            self.link = None


def _contents(link: Link, server: LdapServer) -> Iterator[CheckStep]:
    yield _tried("people", lambda: _people(link, server))
    if server.groups_base:
        yield _tried("groups", lambda: _groups(link, server))


def _people(link: Link, server: LdapServer) -> str:
    asked = filters.own(server.people_filter)
    entries = link.find(server.people_base, asked, people.wanted(server), at_most=_PROBED)
    if not entries:
        raise unavailable(Fault.SEARCH, f"nobody under {server.people_base} fits {server.people_filter}")
    found = [people.person_of(entry, server) for entry in entries]
    if not any(person.login for person in found):
        raise unavailable(Fault.SEARCH, f"nobody of the first {len(found)} has a {server.login_attribute}")
    usable = sum(person.state is AccountState.USABLE for person in found)
    return f"Readable, such as {found[0].dn}; {usable} of the first {len(found)} can sign in"


def _groups(link: Link, server: LdapServer) -> str:
    if server.nesting is LdapNesting.IN_CHAIN and not server.is_active_directory:
        raise unavailable(
            Fault.SETTINGS, "the matching rule in chain is Active Directory's alone: choose to walk"
        )
    small = replace(server, page_size=_PROBED)
    found = next(groups.all_groups(link, small), None)
    if found is None:
        raise unavailable(Fault.SEARCH, f"no group under {server.groups_base} fits {server.groups_filter}")
    return f"Readable, such as {found.name} with {len(found.member_dns)} members"


def _tried(name: str, step: Callable[[], str], advice: Mapping[Fault, str] = _ADVICE) -> CheckStep:
    try:
        return CheckStep(name, is_ok=True, detail=step())
    except IdentityUnavailable as fault:
        return _failed(name, fault, advice)


def _failed(name: str, fault: IdentityUnavailable, advice: Mapping[Fault, str] = _ADVICE) -> CheckStep:
    return CheckStep(name, is_ok=False, detail=fault.detail, advice=advice[Fault(fault.reason)])

"""Which server is asked: the first in order that can be reached, trusted and bound to."""

import contextlib
import time
from collections.abc import Iterator, Sequence

from brokers.errors import IdentityUnavailable
from brokers.ldap import faults, kerberos, trust
from brokers.ldap.addresses import Address, addresses
from brokers.ldap.link import Answer, Link
from brokers.ldap.reasons import TELLING, Fault, unavailable
from brokers.ldap.wire import Wire
from brokers.types import LdapServer

# So long is a server asked first that answered where one before it in the order did not.
REMEMBERED_SECONDS = 60.0


class Memory:
    """Which server answered last: the only thing that threads share, and nothing but a hint."""

    def __init__(self) -> None:
        self._answered: dict[tuple[str, ...], tuple[str, float]] = {}

    def in_order(self, server: LdapServer) -> Sequence[Address]:
        """Return the addresses as given, but the one that answered lately first."""
        known = addresses(server)
        url, until = self._answered.get(server.urls, ("", 0.0))
        if time.monotonic() > until:
            return known
        return sorted(known, key=lambda address: address.url != url)

    def answered(self, server: LdapServer, url: str) -> None:
        """Note it; not for longer because it went on answering, so that the first of all is tried again."""
        if url == server.urls[0]:
            self._answered.pop(server.urls, None)
        elif self._answered.get(server.urls, ("", 0.0))[1] < time.monotonic():
            self._answered[server.urls] = (url, time.monotonic() + REMEMBERED_SECONDS)


@contextlib.contextmanager
def connected(server: LdapServer, memory: Memory) -> Iterator[Link]:
    """Connect to the first server that answers and bind as the portal's own account; closed at the block's end.

    A server that refuses the bind ends the search for another: asking them all would lock the account.

    Raises:
        IdentityUnavailable: settings, bind, or what tells most of why none answered.
    """
    link = _first(server, memory)
    try:
        yield link
    finally:
        link.close()


def _first(server: LdapServer, memory: Memory) -> Link:
    failed: list[IdentityUnavailable] = []
    for address in memory.in_order(server):
        try:
            link = bound(server, address)
        except IdentityUnavailable as fault:
            if fault.reason not in TELLING:
                raise
            failed.append(fault)
        else:
            memory.answered(server, address.url)
            return link
    raise max(failed, key=lambda fault: TELLING.index(Fault(fault.reason)))


def bound(server: LdapServer, address: Address) -> Link:
    """Return a secured connection to this one server, bound as the portal's own account."""
    link = secured(server, address)
    try:
        bind_portal(link, server)
    except BaseException:
        link.close()
        raise
    return link


def secured(server: LdapServer, address: Address) -> Link:
    """Return a connection over which a password may be sent. StartTLS that fails is the end of it."""
    context = trust.context(server.ca_certificates)
    wire = Wire(address, server.timeout)
    try:
        link = Link(wire, server)
        if address.starts_tls:
            _agree_to_tls(link)
        if address.is_ldaps or address.starts_tls:
            wire.secure(context)
    except BaseException:
        wire.close()
        raise
    return link


def bind_portal(link: Link, server: LdapServer) -> None:
    """Bind as the portal's own account: by Kerberos, by name and password, or anonymously where none is named.

    Raises:
        IdentityUnavailable: bind, busy, settings; by Kerberos as `brokers.ldap.kerberos.bind` too.
    """
    who, answer = _portal_bound(link, server)
    if answer.code in {faults.BUSY, faults.UNAVAILABLE}:
        raise unavailable(Fault.BUSY, f"{link.url} is busy: {answer.message}")
    if answer.code != faults.SUCCESS:
        said = f"{link.url} refused to bind {who}: result {answer.code} {answer.message}"
        raise unavailable(Fault.BIND, said.strip())


def _portal_bound(link: Link, server: LdapServer) -> tuple[str, Answer]:
    if server.bind_by_kerberos:
        return "us by Kerberos", kerberos.bind(link, server.timeout)
    if not server.bind_dn:
        return "nobody", link.bind_nobody()
    if not server.bind_password:
        raise unavailable(Fault.SETTINGS, f"{server.bind_dn} has no password here: it would bind as nobody")
    return server.bind_dn, link.bind(server.bind_dn, server.bind_password)


def _agree_to_tls(link: Link) -> None:
    answer = link.start_tls()
    if answer.code != faults.SUCCESS:
        raise unavailable(
            Fault.TLS, f"{link.url} refused StartTLS: result {answer.code} {answer.message}".strip()
        )

"""Where a directory is, and whether a password may be sent there: ldaps://, StartTLS, or this very machine."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from brokers.ldap.reasons import Fault, unavailable
from brokers.types import LdapServer

PORTS = {"ldap": 389, "ldaps": 636}


@dataclass(frozen=True, slots=True)
class Address:
    """One server. `starts_tls`: by the StartTLS operation (RFC 4511, 4.14) before anything else is said."""

    url: str
    host: str
    port: int
    is_ldaps: bool
    starts_tls: bool


def addresses(server: LdapServer) -> tuple[Address, ...]:
    """Return the server's addresses in their order.

    Raises:
        IdentityUnavailable: settings.
    """
    if not server.urls:
        raise unavailable(Fault.SETTINGS, "no address is given")
    return tuple(address(url, start_tls=server.start_tls) for url in server.urls)


def address(url: str, *, start_tls: bool) -> Address:
    """Read one URL (RFC 4516, but scheme, host and port alone).

    Raises:
        IdentityUnavailable: settings; among them plain ldap:// to another machine.
    """
    parts, port = _split(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise unavailable(Fault.SETTINGS, f"{url} is not an address such as ldaps://dc1.example.com")
    if parts.username is not None or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise unavailable(Fault.SETTINGS, f"{url} may have a host and a port, and nothing else")
    is_ldaps = parts.scheme == "ldaps"
    starts_tls = start_tls and not is_ldaps
    if not (is_ldaps or starts_tls or _is_this_machine(parts.hostname)):
        raise unavailable(
            Fault.SETTINGS, f"{url} would send passwords in plain text: use ldaps:// or StartTLS"
        )
    return Address(url, parts.hostname, port or PORTS[parts.scheme], is_ldaps, starts_tls)


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise unavailable(Fault.SETTINGS, f"{url}: {error}") from error
    return parts, port


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

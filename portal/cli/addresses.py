"""Where a portal is: only over TLS, or on this machine itself."""

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from portal.cli.errors import WrongInputError
from portal.cli.texts import plain

PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Address:
    """A portal's address in one spelling, so that its token is found again."""

    scheme: str
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if PORTS[self.scheme] == self.port else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    def holds(self, url: str) -> bool:
        """Whether a URL that the portal told leads to that very portal."""
        try:
            other = read_address(url.partition("?")[0].partition("#")[0])
        except WrongInputError:
            return False
        return (other.scheme, other.host, other.port) == (self.scheme, self.host, self.port)


def read_address(text: str) -> Address:
    """Return the address that somebody gave; without a scheme https is meant.

    Raises:
        WrongInputError: it is none, has a user, query or fragment, or http beyond this machine.
    """
    given = text.strip()
    try:
        parts = urlsplit(given if "://" in given else f"https://{given}")
        port = parts.port
    except ValueError:
        raise WrongInputError(f"{plain(given)!r} is no address of a portal.") from None
    if parts.scheme not in PORTS or not parts.hostname or not given.isprintable() or " " in given:
        raise WrongInputError(f"{plain(given)!r} is no address of a portal: give https://its.name.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise WrongInputError("A portal's address has no user, query or fragment: give https://its.name.")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise WrongInputError(
            f"http://{parts.hostname} would show your token to the network: give its https address."
        )
    return Address(parts.scheme, parts.hostname, port or PORTS[parts.scheme], parts.path.rstrip("/"))


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

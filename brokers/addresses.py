"""Which addresses may be called on somebody's word: a name is resolved once, and each address judged."""

import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self

RESOLVE_SECONDS: Final = 5.0
LONGEST_NAME: Final = 253
LONGEST_LABEL: Final = 63
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Iterable[str]]

# What a machine's own cloud answers its keys to, outside of link-local: no list opens these.
METADATA: Final[frozenset[Address]] = frozenset(
    map(ip_address, ("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"))
)
GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
NAT64: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
# getaddrinfo knows no time-out; a thread that hangs on a dead name server holds nobody but itself.
_THREADS: Final = ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolve")


@dataclass(frozen=True, slots=True)
class AllowedPlaces:
    """Where servers may be besides the public internet: host names, exactly, and networks.

    Link-local, multicast and unspecified addresses and the clouds' metadata servers are never allowed.
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def read(cls, words: Iterable[str]) -> Self:
        """Tell networks (CIDR, or one address) from host names. Raises ValueError for what is neither."""
        hosts, networks = set(), list[Network]()
        for word in words:
            if "/" in word or _is_address(word):
                networks.append(ip_network(word))
            elif is_host_name(word):
                hosts.add(_plain(word))
            else:
                raise ValueError(f"{word!r} is neither a host name nor a network such as 192.0.2.0/24")
        return cls(frozenset(hosts), tuple(networks))

    def allows(self, host: str, address: Address) -> bool:
        """Say whether `host` may be called at `address`: an IPv4 address inside of an IPv6 one is judged too."""
        return all(self._allows(host, each) for each in _meant(address))

    def _allows(self, host: str, address: Address) -> bool:
        if _is_never_a_server(address):
            return False
        if _is_public(address):
            return True
        is_listed = any(address in network for network in self.networks if network.version == address.version)
        return is_listed or _plain(host) in self.hosts


def resolved(host: str, port: int) -> list[str]:
    """Return the addresses of `host`, in the system's order. Raises OSError, TimeoutError after 5 s included."""
    found = _THREADS.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM).result(RESOLVE_SECONDS)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def is_host_name(word: str) -> bool:
    labels = _plain(word).split(".")
    return len(word) <= LONGEST_NAME and all(
        0 < len(label) <= LONGEST_LABEL and label.isascii() and label.replace("-", "").isalnum()
        for label in labels
    )


def parsed(text: str) -> Address:
    """Read an address. A zone such as %eth0 goes: it names one of this machine's links."""
    return ip_address(text.partition("%")[0])


def _meant(address: Address) -> list[Address]:
    """Return where a packet to `address` ends: translated ones at the IPv4 address inside, tunnels at both."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if any(address in network for network in NAT64):
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    return [address, *([address.sixtofour] if address.sixtofour else []), *(address.teredo or ())]


def _is_public(address: Address) -> bool:
    # Outside of 2000::/3 Python calls some addresses global that no router knows, such as ::127.0.0.1 and fec0::1.
    return address.is_global and (isinstance(address, IPv4Address) or address in GLOBAL_UNICAST)


def _is_never_a_server(address: Address) -> bool:
    return address.is_link_local or address.is_multicast or address.is_unspecified or address in METADATA


def _is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return True


def _plain(host: str) -> str:
    return host.rstrip(".").lower()

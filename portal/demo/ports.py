"""Ports for the demo: the usual ones where they are free, others where they are taken."""

import socket
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"
USUAL = {"portal": 8000, "identity provider": 8010, "sandbox AWS": 8020, "samples": 8030}


@dataclass(frozen=True, slots=True)
class Choice:
    """`moved`: the usual port was taken, so this is another."""

    port: int
    moved: bool


def choose(name: str, wanted: int | None = None, *, avoid: frozenset[int] = frozenset()) -> Choice:
    """Return the wanted (or usual) port, or a free one when somebody listens there."""
    first = wanted or USUAL[name]
    for port in range(first, first + 10):
        if port not in avoid and is_free(port):
            return Choice(port, moved=port != first)
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return Choice(int(probe.getsockname()[1]), moved=True)


def is_free(port: int) -> bool:
    """Whether nobody listens there, by trying to bind it as our own servers will."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True

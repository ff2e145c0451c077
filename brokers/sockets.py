"""Sockets to addresses that were judged: opened, secured, and cut off when the time is up."""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

CONNECT_SECONDS: Final = 3.0
READ_SECONDS: Final = 10.0
MOST_ADDRESSES: Final = 3


class Cut:
    """Ends a call at its total: a server that drips a byte now and then never meets a read's time-out.

    `socket` is the one in use; TLS puts another in the plain one's place.
    """

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.is_done = False

    @contextlib.contextmanager
    def after(self, seconds: float) -> Iterator[None]:
        timer = threading.Timer(seconds, self._now)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _now(self) -> None:
        self.is_done = True
        if self.socket is not None:
            with contextlib.suppress(OSError):
                # Of the plain class: TLS's own takes its state away from under whoever reads.
                socket.socket.shutdown(self.socket, socket.SHUT_RDWR)


def opened(addresses: Sequence[str], port: int) -> socket.socket:
    """Connect to the first of `addresses` that answers: three at most, 3 s each. Raises the last one's OSError."""
    problem: OSError | None = None
    for address in addresses[:MOST_ADDRESSES]:
        try:
            found = socket.create_connection((address, port), timeout=CONNECT_SECONDS)
        except OSError as error:
            problem = error
        else:
            found.settimeout(READ_SECONDS)
            return found
    raise problem or OSError("no address")


def secured(plain: socket.socket, *, host: str, ca: str, cut: Cut) -> socket.socket:
    """Begin TLS as a client of `host`, whatever address the socket goes to."""
    wrapped = tls_context(ca).wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
    cut.socket = wrapped
    try:
        wrapped.do_handshake()
    except BaseException:
        wrapped.close()
        raise
    return wrapped


@lru_cache(maxsize=8)
def tls_context(ca: str) -> ssl.SSLContext:
    """Verify certificates and names: by the machine's own authorities, and those of `ca` (PEM)."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca:
        context.load_verify_locations(cadata=ca)
    return context


def told(error: Exception) -> tuple[str, str]:
    """Return the stable reason of a failure, and what is known of it."""
    if isinstance(error, TimeoutError):
        return "timeout", "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "tls", error.verify_message
    if isinstance(error, ssl.SSLError):
        return "tls", error.reason or type(error).__name__
    # Some of http.client's errors are OSErrors too.
    if isinstance(error, OSError) and not isinstance(error, http.client.HTTPException):
        return "unreachable", error.strerror or type(error).__name__
    return "malformed", type(error).__name__

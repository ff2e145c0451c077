"""LDAP messages out and in (RFC 4511, 4.1.1), each answer bounded in time and size.

ldap3 makes and reads the messages. Its own connection is not used: its time-out counts from each byte, so that a slow
server holds a worker for ever; it reads however much a server announces, copies every entry twice, follows referrals,
and takes what was sent in plain text before StartTLS for an answer given after it.
"""

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ldap3.protocol.convert import build_controls_list
from ldap3.protocol.rfc4511 import LDAPMessage, MessageID, ProtocolOp

# `encode` writes TRUE as RFC 4511, 5.1 has it.
from ldap3.utils.asn1 import decode_message_fast, encode  # type: ignore[attr-defined]  # the stubs lack it

from brokers.ldap.addresses import Address
from brokers.ldap.faults import named
from brokers.ldap.reasons import Fault, unavailable

# Protocol operations (RFC 4511, 4.2 to 4.13).
ENTRY, REFERENCE, INTERMEDIATE = 4, 19, 25
_MORE_FOLLOWS = frozenset({ENTRY, REFERENCE, INTERMEDIATE})
SEQUENCE = 0x30
# A group of OpenLDAP's with 200,000 members is one message of 20 MB.
MAX_BYTES = 64 * 1024 * 1024
_CHUNK = 64 * 1024
_LONG_FORM = 0x80

Message = Mapping[str, Any]


class Wire:
    """One connection to one server, for one thread. `timeout`: seconds for each request with its whole answer."""

    def __init__(self, address: Address, timeout: float) -> None:
        """Connect by TCP; TLS is `secure`'s work.

        Raises:
            IdentityUnavailable: unreachable, timeout.
        """
        self.address = address
        self._timeout = timeout
        self._deadline = 0.0
        self._received = bytearray()
        self._last_id = 0
        with named(address.url):
            self._socket = socket.create_connection((address.host, address.port), timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on, with who has a certificate for the address's host.

        Raises:
            IdentityUnavailable: tls, timeout, unreachable.
        """
        if self._received:
            raise unavailable(Fault.TLS, f"{self.address.url} went on in plain text after agreeing to TLS")
        with named(self.address.url):
            self._socket.settimeout(self._timeout)
            self._socket = context.wrap_socket(self._socket, server_hostname=self.address.host)

    def certificate(self) -> bytes | None:
        """Return the verified certificate of who is at the other end (DER), None before TLS."""
        return self._socket.getpeercert(binary_form=True) if isinstance(self._socket, ssl.SSLSocket) else None

    def ask(self, operation: str, request: Any, *controls: Any) -> Iterator[Message]:
        """Send a request and yield its answers; the last one is its result.

        Raises:
            IdentityUnavailable: timeout, unreachable, malformed, tls.
        """
        with named(self.address.url):
            self._deadline = time.monotonic() + self._timeout
            self._send(operation, request, *controls)
        while True:
            with named(self.address.url):
                message = decode_message_fast(self._next())  # type: ignore[no-untyped-call]  # as above
                is_last = self._is_last(message)
            yield message
            if is_last:
                return

    def close(self) -> None:
        """Say good-bye, without waiting, and close."""
        with contextlib.suppress(OSError):
            self._socket.settimeout(0.5)
            # UnbindRequest (RFC 4511, 4.3); nothing answers it.
            self._socket.sendall(b"0\x05\x02\x01\x7fB\x00")
        self._socket.close()

    def _send(self, operation: str, request: Any, *controls: Any) -> None:
        self._last_id += 1
        message = LDAPMessage()
        message["messageID"] = MessageID(self._last_id)
        message["protocolOp"] = ProtocolOp().setComponentByName(operation, request)
        if controls:
            message["controls"] = build_controls_list(list(controls))
        self._socket.settimeout(self._timeout)
        self._socket.sendall(encode(message))

    def _is_last(self, message: Message) -> bool:
        if message["messageID"] == 0:
            # Notice of disconnection (RFC 4511, 4.4.1), the only message that nobody asks for.
            raise unavailable(Fault.UNREACHABLE, f"{self.address.url} ended the connection")
        if message["messageID"] != self._last_id:
            raise unavailable(Fault.MALFORMED, f"{self.address.url} answered what was not asked")
        return message["protocolOp"] not in _MORE_FOLLOWS

    def _next(self) -> bytes:
        """Return the next whole message."""
        self._have(2)
        if self._received[0] != SEQUENCE:
            raise unavailable(Fault.MALFORMED, f"{self.address.url} does not speak LDAP")
        size = self._size()
        self._have(size)
        message = bytes(self._received[:size])
        del self._received[:size]
        return message

    def _size(self) -> int:
        """Return how long the message is that begins here, by its header (RFC 4511, 5.1: the definite form only)."""
        first = self._received[1]
        if first < _LONG_FORM:
            return 2 + first
        self._have(2 + first - _LONG_FORM)
        announced = int.from_bytes(self._received[2 : 2 + first - _LONG_FORM])
        if not 0 < announced <= MAX_BYTES:
            raise unavailable(Fault.MALFORMED, f"{self.address.url} announced {announced} bytes")
        return 2 + first - _LONG_FORM + announced

    def _have(self, size: int) -> None:
        while len(self._received) < size:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            chunk = self._socket.recv(_CHUNK)
            if not chunk:
                raise ConnectionResetError("the connection was lost")
            self._received += chunk

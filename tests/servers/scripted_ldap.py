"""A server on 127.0.0.1 that answers each request by the next lines of a script: what no real server would do."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence

# What is sent for one request; a function is called with the connection instead.
Step = bytes | Callable[[socket.socket], None]

BIND_RESPONSE, ENTRY, DONE, REFERENCE, EXTENDED_RESPONSE = 0x61, 0x64, 0x65, 0x73, 0x78


def ber(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body).to_bytes(4)
    return bytes([tag]) + (bytes([len(body)]) if len(body) < 128 else b"\x84" + size) + body


def result(message_id: int, operation: int, code: int = 0, text: str = "", *controls: bytes) -> bytes:
    """Return a whole message with an LDAPResult (RFC 4511, 4.1.9)."""
    answer = ber(operation, ber(0x0A, bytes([code])), ber(4), ber(4, text.encode()))
    return ber(0x30, ber(2, bytes([message_id])), answer, *([ber(0xA0, *controls)] if controls else []))


def entry(message_id: int, dn: str, **values: str) -> bytes:
    pairs = [
        ber(0x30, ber(4, name.encode()), ber(0x31, ber(4, value.encode()))) for name, value in values.items()
    ]
    answer = ber(ENTRY, ber(4, dn.encode()), ber(0x30, *pairs))
    return ber(0x30, ber(2, bytes([message_id])), answer)


def silence(connection: socket.socket) -> None:
    """Nothing comes, until the client has had enough."""
    with contextlib.suppress(OSError):
        while connection.recv(4096):
            pass


def drip(connection: socket.socket) -> None:
    """One byte of an endless message each 0.1 s: every one of them in time."""
    with contextlib.suppress(OSError):
        connection.sendall(b"0\x82\xff\xff")
        while True:
            connection.sendall(b"\x00")
            time.sleep(0.1)


@contextlib.contextmanager
def scripted(
    *steps: Step, asked: Sequence[bytes] | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Run it until the block ends, the same script for each connection; yields its ldap:// address.

    `asked`: a list that gets what came, one piece for each step. `tls`: it is ldaps://localhost instead.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    if tls is not None:
        listener = tls.wrap_socket(listener, server_side=True, do_handshake_on_connect=False)

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            for step in steps:
                came = connection.recv(65536)
                if isinstance(asked, list):
                    asked.append(came)
                if callable(step):
                    step(connection)
                else:
                    connection.sendall(step)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"ldap://127.0.0.1:{port}" if tls is None else f"ldaps://localhost:{port}"
    finally:
        listener.close()

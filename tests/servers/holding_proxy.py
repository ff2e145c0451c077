"""A TCP proxy on 127.0.0.1 that can hold one kind of request, or the answer to it: a call caught midway."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class HoldingProxy:
    """`hold_request(b"PutRolePolicy")` keeps such requests from the server, `hold_answer` their answers from us.

    `caught` is set when one is held. `let_go()` drops what is held and lets everything pass again.
    """

    port: int
    upstream: int
    caught: threading.Event = field(default_factory=threading.Event)
    _request: bytes = b""
    _answer: bytes = b""
    _released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def hold_request(self, mark: bytes) -> None:
        self._request = mark
        self.caught.clear()
        self._released.clear()

    def hold_answer(self, mark: bytes) -> None:
        self._answer = mark
        self.caught.clear()
        self._released.clear()

    def let_go(self) -> None:
        self._request = self._answer = b""
        self._released.set()

    def serve(self, client: socket.socket) -> None:
        with (
            client,
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.upstream)) as up,
        ):
            answers = threading.Thread(target=_pump, args=(up, client), daemon=True)
            answers.start()
            while data := client.recv(65536):
                if self._request and self._request in data:
                    return self._hold()
                if self._answer and self._answer in data:
                    # What the server answers from here on reaches nobody.
                    client.shutdown(socket.SHUT_WR)
                    up.sendall(data)
                    return self._hold()
                up.sendall(data)
        return None

    def _hold(self) -> None:
        self.caught.set()
        self._released.wait(120)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def holding_proxy(upstream: int) -> Iterator[HoldingProxy]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = HoldingProxy(int(listener.getsockname()[1]), upstream)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=proxy.serve, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield proxy
        finally:
            proxy.let_go()

"""A small HTTP server on 127.0.0.1 that answers as told and remembers what it was sent."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


@dataclass
class LocalServer:
    """`status`, `headers` and `body` are what it answers; `drip` seconds stand between the bytes."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    drip: float = 0.0
    cut: bool = False
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    sent_headers: dict[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def local_server() -> Iterator[LocalServer]:
    told = LocalServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            told.requests.append((self.command, self.path, {k: v[0] for k, v in parse_qs(sent).items()}))
            told.sent_headers = dict(self.headers)
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(told.body) + told.cut))
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self._answer()

        do_GET = do_POST  # noqa: N815  # http.server's own names

        def _answer(self) -> None:
            with contextlib.suppress(ConnectionError):
                for byte in told.body if told.drip else ():
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(told.drip)
                if not told.drip:
                    self.wfile.write(told.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)

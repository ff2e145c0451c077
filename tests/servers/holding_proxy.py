"""An HTTP proxy on 127.0.0.1 in front of an AWS stand-in: calls caught midway, and whatever goes wrong with AWS.

What goes wrong is a rule by the call's `Action`, as `tests.servers.aws_faults` has them; all else passes unchanged,
so that signatures stay right.
"""

import contextlib
import http.client
import itertools
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

ANY = "*"
_BETWEEN_TWO = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@dataclass(frozen=True)
class Call:
    """One request as it came. `action` is the query protocol's, such as PutRolePolicy."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def parameters(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode(errors="replace")).items()}

    @property
    def action(self) -> str:
        return self.parameters.get("Action", "")


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=lambda: [("Content-Type", "text/xml")])


# None: the connection is cut without an answer.
Rule = Callable[[Call, "HoldingProxy"], Answer | None]


@dataclass
class HoldingProxy:
    """`hold_request("PutRolePolicy")` keeps such calls from the server, `hold_answer` their answers from us.

    `caught` is set when one is held; `let_go()` drops what is held and clears all rules, `pass_on()` lets what is
    held go its way. `kept`: answers that the server gave and nobody got. `counts`: calls by action; `asked`: their
    actions in order.
    """

    port: int
    upstream: int
    caught: threading.Event = field(default_factory=threading.Event)
    kept: list[Answer] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    asked: list[str] = field(default_factory=list)
    _rules: dict[str, Rule] = field(default_factory=dict)
    _released: threading.Event = field(default_factory=threading.Event)
    _passes: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def rule(self, action: str, rule: Rule) -> None:
        """From now on do so with every call of that action; ANY: with every call that has no rule of its own."""
        self._rules[action] = rule

    def hold_request(self, action: str) -> None:
        def hold(call: Call, proxy: "HoldingProxy") -> Answer | None:
            return proxy.forward(call) if proxy.held() else None

        self._hold(action, hold)

    def hold_answer(self, action: str) -> None:
        def hold(call: Call, proxy: "HoldingProxy") -> Answer | None:
            answer = proxy.forward(call)
            proxy.kept.append(answer)
            return answer if proxy.held() else None

        self._hold(action, hold)

    def hold_nth(self, number: int, *, answered: bool) -> None:
        """Hold the call that comes as the `number`th from now, whatever it is: itself, or (`answered`) its answer."""
        coming = itertools.count(1)

        def hold(call: Call, proxy: "HoldingProxy") -> Answer | None:
            if next(coming) != number:
                return proxy.forward(call)
            answer = proxy.forward(call) if answered else None
            return (answer or proxy.forward(call)) if proxy.held() else None

        self._hold(ANY, hold)

    def let_go(self) -> None:
        self._rules.clear()
        self._passes = False
        self._released.set()

    def pass_on(self) -> None:
        self._rules.clear()
        self._passes = True
        self._released.set()

    def held(self) -> bool:
        """Wait until what is held is let go or passed on; says whether it is to go its way."""
        self.caught.set()
        self._released.wait(120)
        return self._passes

    def answer(self, call: Call) -> Answer | None:
        self.counts[call.action] += 1
        self.asked.append(call.action)
        rule = self._rules.get(call.action) or self._rules.get(ANY)
        return rule(call, self) if rule else self.forward(call)

    def forward(self, call: Call) -> Answer:
        with contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=60)
        ) as upstream:
            upstream.putrequest(call.method, call.path, skip_host=True, skip_accept_encoding=True)
            for name, value in call.headers:
                upstream.putheader(name, value)
            upstream.endheaders(call.body)
            found = upstream.getresponse()
            return Answer(found.status, found.read(), found.getheaders())

    def _hold(self, action: str, rule: Rule) -> None:
        self.caught.clear()
        self._released.clear()
        self.kept.clear()
        self.rule(action, rule)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever called was killed, or the server was: as meant."""


@contextlib.contextmanager
def holding_proxy(upstream: int) -> Iterator[HoldingProxy]:
    """Run it until the block ends, in front of the server on 127.0.0.1's port `upstream`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:  # the base class's name
            length = int(self.headers.get("Content-Length") or 0)
            call = Call(self.command, self.path, list(self.headers.items()), self.rfile.read(length))
            answer = proxy.answer(call)
            if answer is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response_only(answer.status)
            for name, value in answer.headers:
                if name.lower() not in _BETWEEN_TWO:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_PUT = do_DELETE = do_HEAD = do_POST  # noqa: N815  # as above

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # as above
            """Say nothing."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        proxy = HoldingProxy(server.server_port, upstream)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield proxy
        finally:
            proxy.let_go()
            server.shutdown()

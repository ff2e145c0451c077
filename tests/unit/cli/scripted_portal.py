"""A portal that answers what a test says, for what a real one can't be made to do: faults, and clocks that run fast."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.process import free_port

GRANT_ID = "11111111-2222-4333-8444-555555555555"
TOKEN = "sp_a-token-that-nobody-may-see-anywhere-0123"
SECRET = "a-secret-access-key-that-nobody-may-see"


@dataclass(frozen=True)
class Said:
    """One answer. `body`: text as it is, anything else as JSON. `hang_up`: break off in its place."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False


def problem(status: int, code: str, detail: str, **more: Any) -> Said:
    headers = more.pop("headers", {})
    return Said(status, {"status": status, "code": code, "detail": detail, **more}, headers)


def grant(**changed: Any) -> dict[str, Any]:
    """Return a grant in the API's form. Of `changed` what belongs to role or account goes there."""
    account = {"name": "Harbor Data", "account_id": "333344445555", "partition": "aws", "stand_in": None}
    role = {
        "title": "Data analyst",
        "arn": "arn:aws:iam::333344445555:role/DataAnalyst",
        "allows_console": True,
        "allows_credentials": True,
    }
    told = {
        "id": GRANT_ID,
        "state": "active",
        "open_until": "2099-01-01T00:00:00Z",
        "opens_at": None,
        "ends_at": "2099-01-01T00:00:00Z",
        "end_reason": "",
        "scope_summary": "Read the tides",
    }
    for part in (account, role, told):
        part.update({name: value for name, value in changed.items() if name in part})
    return told | {"role": role | {"account": account}}


def credentials(**changed: Any) -> dict[str, Any]:
    return {
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": SECRET,
        "SessionToken": "session/token+=",
        "Expiration": "2099-01-01T00:00:00Z",
        "WorksUntil": "2098-12-31T23:00:00Z",
    } | changed


def page(*grants: dict[str, Any], following: str | None = None) -> dict[str, Any]:
    return {"results": list(grants), "next": following, "previous": None}


ME = {"name": "Chidi Rao", "email": "chidi@example.com", "partner": None, "scopes": ["grants:read"]}


class ScriptedPortal:
    """`answers`: by 'METHOD path' without the query; of a list one after the other, the last for ever."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: dict[str, Any] = {
            "GET /api/v1/me": Said(body=ME),
            "GET /api/v1/grants": Said(body=page(grant())),
            f"GET /api/v1/grants/{GRANT_ID}": Said(body=grant()),
            f"POST /api/v1/grants/{GRANT_ID}/credentials": Said(201, credentials()),
            "GET /healthz": Said(body="ok"),
        }
        self.calls: list[tuple[str, str, Mapping[str, str], str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def asked(self, what: str) -> int:
        return sum(call[0] == what for call in self.calls)

    def answer(self, what: str, query: str, headers: Mapping[str, str], body: str) -> Said:
        self.calls.append((what, query, headers, body))
        found = self.answers.get(what, problem(404, "not_found", "There is nothing at this address."))
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        if callable(found):
            found = found()
        assert isinstance(found, Said)
        return found


@contextmanager
def scripted_portal(*, context: Any = None) -> Iterator[ScriptedPortal]:
    """Answer on 127.0.0.1 until the block ends. `context`: TLS of a server."""
    portal = ScriptedPortal(free_port())

    class Call(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = self.rfile.read(length).decode()
            path, _, query = self.path.partition("?")
            said = portal.answer(f"{self.command} {path}", query, dict(self.headers), sent)
            if said.hang_up:
                self.close_connection = True
                return
            body = (said.body if isinstance(said.body, str) else json.dumps(said.body)).encode()
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    server = Server(("127.0.0.1", portal.port), Call)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield portal
    finally:
        server.shutdown()
        server.server_close()

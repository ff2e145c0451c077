"""A credentials endpoint on this machine, in the form that AWS's SDKs read for containers.

They refresh there by themselves. A token that nobody else knows is asked for at each call; SDKs send it as it is.
"""

import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from portal.cli.api import Credentials
from portal.cli.errors import CliError, RefusedError, SignInNeededError, UnavailableError
from portal.cli.texts import aws_time

PATH: Final = "/credentials"
LONGEST_KEPT: Final = 60.0  # seconds: so soon a grant that ended is noticed
STATUS: Final = {SignInNeededError: 403, RefusedError: 403, UnavailableError: 503}


class Keeper:
    """Fetches once for all who ask at the same time, and keeps it for a minute, or half of what it lives."""

    def __init__(self, fetch: Callable[[], Credentials]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._kept: Credentials | None = None
        self._until = 0.0

    def credentials(self) -> Credentials:
        """Return credentials that live. Raises CliError.

        A caller that gave up waiting leaves its fetch to the next one: SDKs wait two seconds, and ask again.
        """
        with self._lock:
            if self._kept is not None and time.monotonic() < self._until and _life(self._kept) > 0:
                return self._kept
            try:
                self._kept = self._fetch()
            except UnavailableError:
                # What is there still works: an outage of the portal is no end of the grant.
                if self._kept is None or _life(self._kept) <= 0:
                    raise
                return self._kept
            except CliError:
                self._kept = None
                raise
            self._until = time.monotonic() + min(LONGEST_KEPT, _life(self._kept) / 2)
            return self._kept


class Endpoint:
    """Where it is, and what leads an SDK to it."""

    def __init__(self, server: ThreadingHTTPServer, token: str) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}{PATH}"
        self._token = token

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": self.url,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self._token,
        }


@contextmanager
def serving(keeper: Keeper, *, port: int = 0) -> Iterator[Endpoint]:
    """Serve on 127.0.0.1 until the block ends. Raises CliError when the port is taken."""
    token = secrets.token_urlsafe(32)

    class Call(_Call):
        given = keeper
        wanted = token

    try:
        server = _Server(("127.0.0.1", port), Call)
    except OSError as problem:
        raise CliError(f"127.0.0.1:{port} can't be used: {problem.strerror or problem}.") from None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield Endpoint(server, token)
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a caller that hung up."""


class _Call(BaseHTTPRequestHandler):
    given: Keeper
    wanted: str
    timeout = 30
    server_version = "sallyport"
    sys_version = ""

    def do_GET(self) -> None:  # http.server's name
        sent = self.headers.get("Authorization", "")
        if self.path.partition("?")[0] != PATH:
            self._refuse(404, "not_found", "There is nothing at this address.")
        elif not hmac.compare_digest(sent.encode(), self.wanted.encode()):
            self._refuse(403, "invalid_token", "This is not the token of this endpoint.")
        else:
            self._give()

    def _give(self) -> None:
        try:
            found = self.given.credentials()
        except CliError as problem:
            status = next((code for kind, code in STATUS.items() if isinstance(problem, kind)), 500)
            self._refuse(status, getattr(problem, "code", "") or "error", str(problem))
            return
        self._answer(
            200,
            {
                "AccessKeyId": found.access_key_id,
                "SecretAccessKey": found.secret_access_key,
                "Token": found.session_token,
                "Expiration": aws_time(found.expires_at),
            },
        )

    def _refuse(self, status: int, code: str, message: str) -> None:
        """In both spellings: SDKs differ in which of them they read."""
        self._answer(status, {"code": code, "message": message, "Code": code, "Message": message})

    def _answer(self, status: int, told: dict[str, str]) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Write no log: the terminal is the command's."""


def _life(credentials: Credentials) -> float:
    return (credentials.expires_at - datetime.now(UTC)) / timedelta(seconds=1)

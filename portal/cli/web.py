"""HTTP to one portal: nothing is followed, everything is bounded, and a token goes to its own portal alone."""

import json
import os
import ssl
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import urllib3
from urllib3 import exceptions

from portal.cli.addresses import Address, is_loopback
from portal.cli.errors import CliError, UnavailableError
from portal.cli.texts import plain, sentence
from portal.cli.version import VERSION

MOST_BYTES: Final = 4 * 1024 * 1024
TIMEOUT: Final = urllib3.Timeout(connect=10, read=60)
PATIENCE: Final = 20.0  # seconds that a busy portal is waited for, all tries together
AGENT: Final = f"sallyport/{VERSION} ({sys.platform})"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status. `body` is JSON's object or list, None for anything else."""

    status: int
    body: Any = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(slots=True)
class Web:
    """Calls to one portal. `ca`: a file with the authority that its certificate is from, in place of the system's."""

    address: Address
    ca: str = ""
    token: str = field(default="", repr=False)
    _pool: Any = None

    def call(
        self, method: str, path: str, *, json_body: Any = None, form: Mapping[str, str] | None = None
    ) -> Answer:
        """Make one call; again while the portal says that it is busy, for 20 seconds at most.

        Raises:
            UnavailableError: nothing came back, or something that leads elsewhere.
        """
        waited = 0.0
        while True:
            answer = self._once(method, path, json_body=json_body, form=form)
            pause = _pause(answer)
            if pause is None or waited + pause > PATIENCE:
                return answer
            time.sleep(pause)
            waited += pause

    def _once(self, method: str, path: str, *, json_body: Any, form: Mapping[str, str] | None) -> Answer:
        headers = {"User-Agent": AGENT, "Accept": "application/json"}
        body = b""
        if form is not None:
            body = urlencode(form).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        elif json_body is not None:
            body = json.dumps(json_body).encode()
            headers["Content-Type"] = "application/json"
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return self._sent(method, path, headers, body)

    def _sent(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        try:
            response = self._connections().request(
                method,
                f"{self.address}{path}",
                body=body or None,
                headers=headers,
                redirect=False,
                retries=False,
                timeout=TIMEOUT,
                preload_content=False,
            )
            try:
                data = response.read(MOST_BYTES + 1, decode_content=True)
            finally:
                response.release_conn()
        except (exceptions.HTTPError, OSError, ValueError) as problem:
            raise UnavailableError(_why(problem, self.address)) from None
        told = {name.lower(): value for name, value in response.headers.items()}
        if 300 <= response.status < 400:  # noqa: PLR2004  # HTTP's redirects
            raise UnavailableError(_leads_on(self.address, told.get("location", "")))
        if len(data) > MOST_BYTES:
            raise UnavailableError(f"{self.address} answered more than a portal does.")
        return Answer(response.status, _json(data), told)

    def _connections(self) -> Any:
        if self._pool is None:
            options: dict[str, Any] = {}
            if self.address.scheme == "https":
                options["ssl_context"] = _context(self.ca)
            proxy = _proxy(self.address)
            self._pool = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
        return self._pool


def _context(ca: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca or None)
    except (OSError, ssl.SSLError) as problem:
        why = getattr(problem, "strerror", "") or "there is no certificate in it"
        raise CliError(f"The authority in {ca} can't be used: {why}.") from None


def _proxy(address: Address) -> str:
    """Return the proxy that the environment names for this address. This machine's own needs none."""
    if is_loopback(address.host) or not any(name.lower().endswith("_proxy") for name in os.environ):
        return ""
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    if proxy_bypass(f"{address.host}:{address.port}"):
        return ""
    return str(proxies.get(address.scheme) or proxies.get("all") or "")


def _json(data: bytes) -> Any:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


def _pause(answer: Answer) -> float | None:
    """Return how long a busy portal asks to be left alone, None where it doesn't."""
    told = answer.headers.get("retry-after", "")
    if answer.status not in {429, 503} or not told.isdigit():
        return None
    return max(1.0, float(told))


def _leads_on(address: Address, location: str) -> str:
    if location.startswith("http://") and address.scheme == "https":
        return f"{address} leads to plain http ({plain(location, limit=200)}): that is not followed."
    return f"{address} leads on to {plain(location, limit=200) or 'nowhere'}: give the portal's own address."


def _why(problem: Exception, address: Address) -> str:
    """Return in one line why nothing came back."""
    inner = getattr(problem, "original_error", None) or problem
    if isinstance(inner, exceptions.SSLError):
        return f"{address} can't be trusted: {_tls(str(inner))}"
    if isinstance(problem, exceptions.ProxyError):
        return f"The proxy on the way to {address} did not let the call through: {sentence(plain(inner))}"
    if isinstance(problem, exceptions.NameResolutionError):
        return f"{address} is not found: there is no machine of that name."
    if isinstance(problem, exceptions.TimeoutError) and not isinstance(
        problem, exceptions.NewConnectionError
    ):
        return f"{address} did not answer in time."
    if isinstance(problem, exceptions.NewConnectionError):
        return f"{address} does not answer: {_connection(problem)}"
    return f"{address} broke off: {sentence(plain(problem, limit=200))}"


def _tls(text: str) -> str:
    if "WRONG_VERSION_NUMBER" in text or "RECORD_LAYER" in text:
        return "it speaks no TLS there. Look at the port."
    if "certificate has expired" in text:
        return "its certificate has expired."
    if "Hostname mismatch" in text or "IP address mismatch" in text:
        return "its certificate is for another name."
    if "unable to get local issuer" in text or "self-signed" in text or "self signed" in text:
        return "nobody known here vouches for its certificate. Give your company's authority with --ca FILE."
    return sentence(plain(text, limit=200))


def _connection(problem: Exception) -> str:
    cause = problem.__cause__ or problem.__context__
    why = getattr(cause, "strerror", None)
    return sentence(plain(str(why).lower())) if why else "no connection."

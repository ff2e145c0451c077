"""One way to call plain HTTP: urllib3 with time-outs, TLS verified, no redirects, no proxies from the air."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import urllib3

from brokers.errors import BrokerError

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
TOTAL_SECONDS = 20.0
MAX_BYTES = 1024 * 1024
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

# A bare PoolManager takes no proxy from the environment; certificates are verified against the system's own.
_POOL = urllib3.PoolManager(
    num_pools=20,
    maxsize=20,
    cert_reqs="CERT_REQUIRED",
    retries=False,
    timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
)


@dataclass(eq=False)
class HttpError(BrokerError):
    """No usable HTTP answer. `origin` alone is named: paths, queries and bodies may hold secrets."""

    origin: str
    detail: str
    code = "http.failed"

    @property
    def retryable(self) -> bool:
        return True

    def __str__(self) -> str:
        return f"{self.origin} gave no usable answer: {self.detail}"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A status and the whole body (at most MAX_BYTES). The body may be a secret."""

    status: int
    body: bytes = field(repr=False)


def origin_of(url: str) -> str:
    """Return `scheme://host[:port]` of `url`, and nothing of what follows."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def is_protected(url: str) -> bool:
    """Say whether a secret may travel to `url`: https, or plain http that doesn't leave this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def post_form(url: str, fields: Mapping[str, str], *, max_bytes: int = MAX_BYTES) -> HttpAnswer:
    """POST `fields` as a form. Limits and errors as `send`."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    return send("POST", url, headers, urlencode(fields).encode("ascii"), max_bytes=max_bytes)


def send(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, max_bytes: int = MAX_BYTES
) -> HttpAnswer:
    """Send one request. One attempt; a redirect is returned as it came, never followed.

    Limits: 3 s to connect, 10 s between bytes, 20 s in all, `max_bytes` of body.

    Raises:
        HttpError: not https (nor loopback), no answer in time, too much of it, TLS not verified.
    """
    origin = origin_of(url)
    if not is_protected(url):
        raise HttpError(origin, "only https is called")
    deadline = time.monotonic() + TOTAL_SECONDS
    try:
        response = _POOL.request(
            method, url, body=body, headers=headers, redirect=False, preload_content=False
        )
    except urllib3.exceptions.HTTPError as error:
        raise HttpError(origin, type(error).__name__) from None
    try:
        return HttpAnswer(response.status, _read(response, origin, deadline, max_bytes))
    finally:
        response.close()


def _read(response: urllib3.BaseHTTPResponse, origin: str, deadline: float, max_bytes: int) -> bytes:
    body = bytearray()
    try:
        # Chunk by chunk: a server that drips one byte a second never meets the read time-out.
        while chunk := response.read1(16384):
            body += chunk
            if len(body) > max_bytes:
                raise HttpError(origin, f"more than {max_bytes} bytes")
            if time.monotonic() > deadline:
                raise HttpError(origin, f"not done within {TOTAL_SECONDS:.0f} s")
    except urllib3.exceptions.HTTPError as error:
        raise HttpError(origin, type(error).__name__) from None
    return bytes(body)

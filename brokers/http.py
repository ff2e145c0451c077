"""One way to call plain HTTP: urllib3 with time-outs, TLS verified, no redirects, no proxies from the air.

And one for addresses that somebody typed in, `GuardedHttp`: it calls no private network that isn't on a list.
"""

import base64
import contextlib
import http.client
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote_plus, urlencode, urlsplit

import urllib3

from brokers.addresses import Address, AllowedPlaces, Resolve, parsed, resolved
from brokers.errors import BrokerError, IdentityUnavailable
from brokers.sockets import Cut, opened, secured, told

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
    """A status and the whole body (at most MAX_BYTES). The body may be a secret. `headers`: by names in lower case."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


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


@dataclass(frozen=True, slots=True)
class GuardedHttp:
    """Calls identity servers where admins say that they are, and nothing else that such an address could lead to.

    The host is resolved once and each of its addresses judged: public, or by its name or network in `allowed`. The
    connection goes to the very address that was judged, with the host's name for TLS and in Host: a name server that
    answers otherwise a moment later changes nothing. Redirects are returned, never followed. Certificates are verified
    against the machine's own authorities and those of `ca` (PEM). `protocol` names the errors.

    Limits: https, or http that stays on this machine; 5 s to resolve, 3 s to connect, 10 s between bytes, 20 s in all
    from the connection on; `max_bytes` of body.

    Raises:
        IdentityUnavailable: reasons address (not to be called), unreachable, timeout, tls, malformed.
    """

    protocol: str = "identity"
    allowed: AllowedPlaces = field(default_factory=AllowedPlaces)
    ca: str = field(default="", repr=False)
    resolve: Resolve = field(default=resolved, repr=False)

    def get(
        self, url: str, *, bearer: str = "", accept: str = "application/json", max_bytes: int = MAX_BYTES
    ) -> HttpAnswer:
        headers = {"Accept": accept} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
        return self._call("GET", url, headers, None, max_bytes)

    def post_form(
        self,
        url: str,
        fields: Mapping[str, str],
        *,
        auth: tuple[str, str] | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> HttpAnswer:
        """POST a form; `auth`: client id and secret for HTTP Basic, each form-encoded first (RFC 6749, 2.3.1)."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if auth is not None:
            pair = ":".join(quote_plus(part) for part in auth)
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return self._call("POST", url, headers, urlencode(fields).encode("ascii"), max_bytes)

    def _call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, max_bytes: int
    ) -> HttpAnswer:
        parts = self._judged(url)
        host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
        addresses = self._addresses(parts.scheme, host, port)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        cut = Cut()
        with self._as_ours(cut), contextlib.closing(http.client.HTTPConnection(host, port)) as connection:
            connection.sock = cut.socket = opened(addresses, port)
            with cut.after(TOTAL_SECONDS):
                if parts.scheme == "https":
                    connection.sock = secured(connection.sock, host=host, ca=self.ca, cut=cut)
                connection.request(method, target, body, {**headers, "Host": parts.netloc})
                return self._answer(connection.getresponse(), max_bytes)

    def _judged(self, url: str) -> SplitResult:
        """Take the address apart, where it is one that may be called at all."""
        try:
            parts = urlsplit(url)
            is_usable = bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_usable = False
        if not is_usable or not url.isascii() or not url.isprintable() or " " in url or "@" in parts.netloc:
            raise self._unavailable("address", "this is no address that can be called")
        if not is_protected(url):
            raise self._unavailable("address", f"{origin_of(url)}: only https is called")
        return parts

    def _addresses(self, scheme: str, host: str, port: int) -> list[str]:
        """Resolve `host`, this once, and return those of its addresses that may be called."""
        try:
            found = [str(each) for each in self.resolve(host, port)]
            judged = [(text, parsed(text)) for text in found]
        except TimeoutError:
            raise self._unavailable("timeout", f"{host} was not resolved in time") from None
        except (OSError, ValueError):
            raise self._unavailable("unreachable", f"{host} has no address") from None
        good = [text for text, address in judged if self._may_call(scheme, host, address)]
        if not good:
            where = ", ".join(found[:3])
            raise self._unavailable(
                "address", f"{host} is at {where}: neither public nor in SALLYPORT_IDENTITY_NETWORKS"
            )
        return good

    def _may_call(self, scheme: str, host: str, address: Address) -> bool:
        return self.allowed.allows(host, address) and (scheme == "https" or address.is_loopback)

    def _answer(self, response: http.client.HTTPResponse, max_bytes: int) -> HttpAnswer:
        body = bytearray()
        while chunk := response.read1(16384):
            body += chunk
            if len(body) > max_bytes:
                raise self._unavailable("malformed", f"more than {max_bytes} bytes")
        if response.length:
            raise self._unavailable("malformed", "the answer was cut short")
        headers = {name.lower(): value for name, value in response.getheaders()}
        return HttpAnswer(response.status, bytes(body), headers)

    @contextlib.contextmanager
    def _as_ours(self, cut: Cut) -> Iterator[None]:
        try:
            yield
        except (OSError, http.client.HTTPException, ValueError, IdentityUnavailable) as error:
            if cut.is_done:
                raise self._unavailable("timeout", f"not done within {TOTAL_SECONDS:.0f} s") from None
            if isinstance(error, IdentityUnavailable):
                raise
            raise self._unavailable(*told(error)) from None
        if cut.is_done:  # what was cut off can look like a whole answer
            raise self._unavailable("timeout", f"not done within {TOTAL_SECONDS:.0f} s")

    def _unavailable(self, reason: str, detail: str) -> IdentityUnavailable:
        return IdentityUnavailable(self.protocol, reason, detail)

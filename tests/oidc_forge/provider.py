"""The forging provider: discovery, keys, tokens and userinfo over HTTP, each as the test wants it."""

import base64
import contextlib
import hashlib
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

from brokers.addresses import AllowedPlaces
from brokers.http import GuardedHttp
from brokers.types import OidcProvider
from tests.oidc_forge.tokens import Signer, encoded, key_of, public_jwk, sign

REDIRECT_URI = "http://localhost:8000/sign-in/oidc/callback"
CLIENT_ID = "sallyport"
CLIENT_SECRET = "a secret: with+signs/of all kinds"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
Answer = tuple[int, object]


@dataclass
class Code:
    """What an authorization request asked for, until its code is exchanged."""

    asked: Mapping[str, str]
    claims: Mapping[str, Any]
    signer: Signer
    access_token: str


@dataclass
class Forge:
    """A provider. `document`, `keys`, `userinfo` are what it serves; `answers` by path go before all that.

    Whoever signs in is `sub`. `slow`: seconds before each answer.
    """

    issuer: str
    sub: str = "alice"
    document: dict[str, Any] = field(default_factory=dict)
    keys: list[dict[str, Any]] = field(default_factory=lambda: [public_jwk(key_of())])
    userinfo: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Callable[[Mapping[str, str]], Answer]] = field(default_factory=dict)
    clients: dict[str, str | None] = field(default_factory=lambda: {CLIENT_ID: CLIENT_SECRET})
    asked: Counter[str] = field(default_factory=Counter)
    codes: dict[str, Code] = field(default_factory=dict)
    slow: float = 0.0
    date: str | None = None

    def provider(self, **changes: Any) -> OidcProvider:
        known = {
            "issuer": self.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_uri": REDIRECT_URI,
        }
        return OidcProvider(**{**known, **changes})

    def described(self) -> dict[str, Any]:
        paths = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "jwks"}
        paths |= {"userinfo_endpoint": "me", "end_session_endpoint": "end"}
        known = {
            "issuer": self.issuer,
            **{name: f"{self.issuer}/{path}" for name, path in paths.items()},
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }
        told = {**known, **self.document}
        return {name: value for name, value in told.items() if value is not None}

    def claims(self, asked: Mapping[str, str], **changes: Any) -> dict[str, Any]:
        """Return an ID token's claims as they should be; `changes` are the attack (None takes one out)."""
        now = int(time.time())
        known = {
            "iss": self.issuer,
            "sub": self.sub,
            "aud": asked["client_id"],
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "sid": "session-1",
            **({"auth_time": now} if "max_age" in asked else {}),
        }
        return {name: value for name, value in {**known, **changes}.items() if value is not None}

    def sign_in(self, url: str, *, signer: Signer | None = None, **changes: Any) -> dict[str, str]:
        """Act as the provider to which the browser came by `url`: returns the parameters of its answer."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["redirect_uri"] == REDIRECT_URI
        code = secrets.token_urlsafe(16)
        access_token = changes.pop("access_token", secrets.token_urlsafe(16))
        claims = self.claims(asked, **changes)
        self.codes[code] = Code(asked, claims, signer or Signer(), access_token)
        return {"code": code, "state": asked["state"]}

    def logout_token(self, *, signer: Signer | None = None, **changes: Any) -> str:
        now = int(time.time())
        known = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_urlsafe(16),
            "sub": self.sub,
            "sid": "session-1",
            "events": {LOGOUT_EVENT: {}},
        }
        claims = {name: value for name, value in {**known, **changes}.items() if value is not None}
        return sign(claims, signer or Signer(header={"typ": "logout+jwt"}))

    def answer(self, path: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        time.sleep(self.slow)
        self.asked[path] += 1
        if path in self.answers:
            return self.answers[path](form)
        match path:
            case "/.well-known/openid-configuration":
                return 200, self.described()
            case "/jwks":
                return 200, {"keys": self.keys}
            case "/token":
                return self._token(form, headers)
            case "/me":
                known = headers.get("Authorization", "").removeprefix("Bearer ")
                return (200, {"sub": self.sub, **self.userinfo}) if known else (401, {})
        return 404, {}

    def _token(self, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        client, secret = _client(form, headers)
        if client not in self.clients or self.clients[client] != secret:
            return 401, {"error": "invalid_client"}
        code = self.codes.pop(form.get("code", ""), None)  # once
        if code is None or form.get("redirect_uri") != code.asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        challenge = encoded(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if code.asked.get("code_challenge") != challenge or code.asked.get("code_challenge_method") != "S256":
            return 400, {"error": "invalid_grant"}
        return 200, {
            "token_type": "Bearer",
            "access_token": code.access_token,
            "id_token": sign(code.claims, code.signer),
        }


def guarded() -> GuardedHttp:
    return GuardedHttp(protocol="oidc", allowed=AllowedPlaces.read(["127.0.0.0/8"]))


@contextlib.contextmanager
def running_forge(**fields: Any) -> Iterator[Forge]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            form = {name: values[0] for name, values in parse_qs(sent).items()}
            status, told = forge.answer(urlsplit(self.path).path, form, self.headers)  # type: ignore[arg-type]
            body = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response_only(status)
            self.send_header("Date", forge.date or self.date_time_string())
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)

        do_GET = do_POST  # noqa: N815  # http.server's own names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    forge = Forge(f"http://127.0.0.1:{server.server_port}", **fields)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield forge
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _client(form: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str | None]:
    """RFC 6749, 2.3.1: HTTP Basic with form-encoded parts, or the form; a public client has a name alone."""
    basic = headers.get("Authorization", "")
    if basic.startswith("Basic "):
        name, _, secret = base64.b64decode(basic.removeprefix("Basic ")).decode().partition(":")
        return unquote_plus(name), unquote_plus(secret)
    return form.get("client_id", ""), form.get("client_secret")

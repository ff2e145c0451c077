"""Signing in to a browser app: OpenID Connect's authorization code flow for public clients, PKCE required (RFC 7636).

As everywhere here nobody's password is asked: the page lets one pick a person. Codes are kept in memory, a minute.
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from portal.demo.identity_provider import pages
from portal.demo.identity_provider.people import BY_KEY, Person
from portal.demo.sandbox.markup import page_response

CODE_LIVES_S = 60
TOKEN_LIVES_S = 3600  # as a Cognito user pool's, unless told
CORS = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"}
ASKED = ("client_id", "redirect_uri", "state", "nonce", "code_challenge")

# Person, audience, seconds, further claims -> ID token.
Sign = Callable[[Person, str, int, Mapping[str, Any]], str]


@dataclass(frozen=True)
class Code:
    """What was asked, and who was picked."""

    asked: Mapping[str, str] = field(repr=False)
    person: Person
    over_at: float


class CodeFlow:
    """Handlers. `apps`: each client's id and the one address that codes go to."""

    def __init__(self, *, apps: Mapping[str, str], sign: Sign, token_seconds: int = TOKEN_LIVES_S) -> None:
        self.apps, self.sign, self.token_seconds = apps, sign, token_seconds
        self.codes: dict[str, Code] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/authorize", self.authorize),
            web.post("/authorize", self.picked),
            web.post("/token", self.token),
        ]

    async def authorize(self, request: web.Request) -> web.StreamResponse:
        """Show who can sign in. An unknown app or address is told here, never redirected to (RFC 6749, 4.1.2.1)."""
        asked = {name: request.query.get(name, "") for name in ASKED}
        wrong = self._wrong(asked, request.query)
        if wrong:
            return page_response(pages.refused(wrong), status=400)
        target = asked["redirect_uri"]
        page = pages.choose_for_app(asked, site=urlsplit(target).netloc)
        return page_response(page, form_action=f"'self' {_origin(target)}")

    async def picked(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        asked = {name: str(form.get(name, "")) for name in ASKED}
        person = BY_KEY.get(str(form.get("person", "")))
        wrong = self._wrong(asked, {"response_type": "code", "code_challenge_method": "S256"})
        if wrong or person is None:
            return page_response(pages.refused(wrong or "Nobody was chosen."), status=400)
        self._tidy()
        code = secrets.token_urlsafe(32)
        self.codes[code] = Code(asked, person, time.monotonic() + CODE_LIVES_S)
        query = urlencode({"code": code, "state": asked["state"]})
        location = f"{asked['redirect_uri']}?{query}"
        return web.Response(
            status=303,
            headers={"Location": location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"},
        )

    async def token(self, request: web.Request) -> web.StreamResponse:
        """Give the ID token for a code: once, to who can show the verifier (RFC 7636, 4.6)."""
        form = await request.post()
        code = self.codes.pop(str(form.get("code", "")), None)
        if code is None or code.over_at < time.monotonic() or not _belongs(code.asked, form):
            wrong = {"error": "invalid_grant", "error_description": "This sign-in is over. Sign in again."}
            return web.json_response(wrong, status=400, headers=CORS)
        client, nonce = code.asked["client_id"], code.asked["nonce"]
        more = {"nonce": nonce} if nonce else {}
        told = {
            "id_token": self.sign(code.person, client, self.token_seconds, more),
            "access_token": secrets.token_urlsafe(16),
            "token_type": "Bearer",
            "expires_in": self.token_seconds,
        }
        return web.json_response(told, headers=CORS)

    def _wrong(self, asked: Mapping[str, str], flow: Mapping[str, str]) -> str:
        if self.apps.get(asked["client_id"]) is None:
            return "This app is not known here."
        if asked["redirect_uri"] != self.apps[asked["client_id"]]:
            return "The app asks to go to an address that is not its own."
        if flow.get("response_type") != "code" or flow.get("code_challenge_method") != "S256":
            return "Apps sign people in with a code, and PKCE by S256."
        return "" if asked["state"] and asked["code_challenge"] else "State or code challenge is missing."

    def _tidy(self) -> None:
        now = time.monotonic()
        self.codes = {key: code for key, code in self.codes.items() if code.over_at > now}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _belongs(asked: Mapping[str, str], form: Mapping[str, Any]) -> bool:
    digest = hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    same = all(str(form.get(name, "")) == asked[name] for name in ("client_id", "redirect_uri"))
    return (
        same
        and form.get("grant_type") == "authorization_code"
        and hmac.compare_digest(challenge, asked["code_challenge"])
    )

"""The console's routes: sign-in endpoint, first page, buckets and objects."""

from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from aiohttp import web

from portal.demo.sandbox import pages
from portal.demo.sandbox.markup import el, page_response
from portal.demo.sandbox.signin import ConsoleSession, SignIn, SignInRefusedError
from portal.demo.sandbox.tries import Trier, attempt

COOKIE = "sandbox_console"
SHOWN_BYTES = 100_000
NO_STORE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class Console:
    """Handlers. `cookie`: the browser's console session, one at a time, as at AWS without multi-session."""

    def __init__(self, sign_in: SignIn, trier: Trier) -> None:
        self.sign_in = sign_in
        self.trier = trier

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/federation", self.federation),
            web.post("/federation", self.federation),
            web.get("/oauth", self.federation),
            web.get("/console", self.home),
            web.get("/console/", self.home),
            web.get("/console/home", self.home),
            web.get("/console/tries", self.tries),
            web.get("/console/s3/buckets/{bucket}", self.bucket),
            web.get("/console/s3/object/{bucket}/{key:.+}", self.object),
        ]

    async def federation(self, request: web.Request) -> web.StreamResponse:
        given = dict(request.query.items())
        if request.method == "POST":
            given |= {k: v for k, v in (await request.post()).items() if isinstance(v, str)}
        try:
            match given.get("Action"):
                case "getSigninToken":
                    token = await self.sign_in.get_signin_token(given)
                    return web.json_response({"SigninToken": token}, headers=NO_STORE)
                case "login" if request.method == "GET":
                    return self._login(request, given)
                case "logout":
                    return self._logout(request, given)
        except SignInRefusedError as refused:
            return web.Response(status=400, text=f"{refused}\n", headers=NO_STORE)
        return web.Response(
            status=400, text="Action must be getSigninToken, login or logout\n", headers=NO_STORE
        )

    def _login(self, request: web.Request, given: dict[str, str]) -> web.StreamResponse:
        token, destination = self.sign_in.login(given)
        name = request.cookies.get(COOKIE, "")
        here = self.sign_in.sessions.get(name)
        if here is not None and not here.over() and here.identity.arn != token.identity.arn:
            return page_response(self._log_out_first(request, here), status=400)
        self.sign_in.sessions.pop(name, None)
        opened = self.sign_in.open(token, destination, given.get("Issuer", ""))
        response = web.Response(status=302, headers={**NO_STORE, "Location": page_of(destination)})
        response.set_cookie(COOKIE, opened, path="/", httponly=True, samesite="Lax")
        return response

    def _log_out_first(self, request: web.Request, here: ConsoleSession) -> str:
        again = urlencode({"Action": "logout", "redirect_uri": str(request.rel_url)})
        return pages.plain(
            "You must first log out",
            el(
                "p",
                None,
                "This browser is signed in to the console already, as ",
                el("code", {"class": "arn"}, here.identity.arn),
                ". You must first log out before logging in as somebody else.",
            ),
            el("p", None, el("a", {"class": "button", "href": f"/oauth?{again}"}, "Log out and go on")),
            el("p", {"class": "note"}, el("a", {"href": "/console/home"}, "Stay signed in as you are")),
        )

    def _logout(self, request: web.Request, given: dict[str, str]) -> web.StreamResponse:
        self.sign_in.sessions.pop(request.cookies.get(COOKIE, ""), None)
        onwards = given.get("redirect_uri", "")
        if own_login(onwards, request.host):
            response = web.Response(status=302, headers={**NO_STORE, "Location": onwards})
        else:
            note = el(
                "p", None, "Credentials taken from this session's grant are not touched by signing out."
            )
            response = page_response(pages.plain("Signed out of the console", note))
        response.del_cookie(COOKIE, path="/")
        return response

    def _session(self, request: web.Request) -> ConsoleSession:
        """Return the browser's session, or answer with the page that says why there is none."""
        name = request.cookies.get(COOKIE, "")
        session = self.sign_in.sessions.get(name)
        if session is None:
            text = el("p", None, "Open the console from the portal's page 'My access'.")
            raise NotSignedInError(pages.plain("Not signed in to the console", text))
        if session.over():
            reason = el(
                "p",
                {"class": "summary cut", "role": "status"},
                pages.shape("Denied"),
                el(
                    "span",
                    None,
                    el("strong", None, "AWS refuses everything this session asks."),
                    " Its time is up: open the console anew from the portal while the grant lasts.",
                ),
            )
            raise NotSignedInError(pages.plain("This console session is over", reason, pages.who(session)))
        return session

    async def home(self, request: web.Request) -> web.StreamResponse:
        session = self._session(request)
        return page_response(pages.home(session, await self.trier.all(session)))

    async def tries(self, request: web.Request) -> web.StreamResponse:
        session = self._session(request)
        return page_response(pages.fragment(session, await self.trier.all(session)))

    async def bucket(self, request: web.Request) -> web.StreamResponse:
        session, name = self._session(request), request.match_info["bucket"]
        s3 = self.trier.client(session, "s3")
        found: list[tuple[str, int]] = []

        def ask() -> None:
            answer = s3.list_objects_v2(Bucket=name, MaxKeys=200)
            found.extend((each["Key"], each["Size"]) for each in answer.get("Contents", []))

        outcome = await attempt("s3:ListBucket", ask)
        tries = await self.trier.all(session)
        return page_response(pages.bucket(session, name, found, outcome, tries))

    async def object(self, request: web.Request) -> web.StreamResponse:
        session = self._session(request)
        name, key = request.match_info["bucket"], request.match_info["key"]
        s3 = self.trier.client(session, "s3")
        found: list[bytes] = []
        outcome = await attempt(
            "s3:GetObject",
            lambda: found.append(s3.get_object(Bucket=name, Key=key)["Body"].read(SHOWN_BYTES)),
        )
        text = found[0].decode(errors="replace") if found else None
        return page_response(pages.content(session, name, key, text, outcome))


class NotSignedInError(Exception):
    """Carries the page to show instead."""

    def __init__(self, page: str) -> None:
        super().__init__("not signed in")
        self.page = page


@web.middleware
async def show_reason(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except NotSignedInError as error:
        return page_response(error.page, status=401)
    return response


def own_login(address: str, host: str) -> bool:
    """Tell whether a logout may lead on to `address`: only to this endpoint's own login link."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    own = (parts.scheme, parts.netloc) in {("", ""), ("http", host)}
    return own and parts.path == "/federation" and "\\" not in address


def page_of(destination: str) -> str:
    """Map a console address to the sandbox's page: a bucket's own, or the first page."""
    steps = PurePosixPath(urlsplit(destination).path).parts
    if steps[1:3] == ("s3", "buckets") and len(steps) > 3:  # noqa: PLR2004 - /s3/buckets/NAME
        return f"/console/s3/buckets/{quote(steps[3], safe='')}"
    return "/console/home"

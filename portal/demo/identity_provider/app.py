"""The identity provider's routes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from portal.demo.identity_provider import pages
from portal.demo.identity_provider.code_flow import CodeFlow
from portal.demo.identity_provider.for_aws import ForAws
from portal.demo.identity_provider.keys import SigningKey
from portal.demo.identity_provider.metadata import metadata
from portal.demo.identity_provider.people import BY_KEY
from portal.demo.identity_provider.request import (
    MAX_RELAY_STATE,
    AuthnRequest,
    RequestRefusedError,
    ServiceProvider,
    read,
)
from portal.demo.identity_provider.response import saml_response
from portal.demo.sandbox.markup import page_response

HERE = Path(__file__).parent
SHARED = HERE.parent / "sandbox" / "static"


class IdentityProvider:
    """Handlers. Nothing is remembered between requests: the AuthnRequest travels in the page's form."""

    def __init__(
        self,
        *,
        base_url: str,
        entity_id: str | None,
        key: SigningKey,
        providers: Sequence[ServiceProvider],
        apps: Mapping[str, str] | None = None,
    ) -> None:
        self.entity_id = entity_id or f"{base_url}/metadata"
        self.sso_url = f"{base_url}/sso"
        self.key = key
        self.providers = {provider.entity_id: provider for provider in providers}
        self.for_aws = ForAws(issuer=base_url, entity_id=self.entity_id, key=key)
        self.code_flow = CodeFlow(apps=apps or {}, sign=self.for_aws.sign)

    def application(self) -> web.Application:
        app = web.Application(client_max_size=256 * 1024)
        app.add_routes(
            [
                web.get("/", self.start),
                web.get("/health", self.health),
                web.get("/metadata", self.metadata),
                web.get("/sso", self.sso),
                web.post("/sso/sign-in", self.sign_in),
                web.get("/static/{name:look.css|mark.svg}", self.shared),
                web.static("/static", HERE / "static"),
                *self.for_aws.routes(),
                *self.code_flow.routes(),
            ]
        )
        return app

    async def start(self, _: web.Request) -> web.StreamResponse:
        return page_response(pages.start(list(self.providers)))

    async def health(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "ok", "simulation": True})

    async def shared(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(SHARED / request.match_info["name"])

    async def metadata(self, _: web.Request) -> web.StreamResponse:
        document = metadata(self.entity_id, self.sso_url, self.key)
        return web.Response(body=document, content_type="application/samlmetadata+xml")

    async def sso(self, request: web.Request) -> web.StreamResponse:
        """Show who can sign in (HTTP-Redirect binding)."""
        try:
            text, relay_state, asked = self._read(request.query)
        except RequestRefusedError as refused:
            return page_response(pages.refused(str(refused)), status=400)
        return page_response(pages.choose(text, relay_state, asked))

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """Answer with the form that carries the signed response (HTTP-POST binding)."""
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        person = BY_KEY.get(form.get("person", ""))
        try:
            _, relay_state, asked = self._read(form)
        except RequestRefusedError as refused:
            return page_response(pages.refused(str(refused)), status=400)
        if person is None:
            return page_response(pages.refused("Nobody was chosen."), status=400)
        response = saml_response(person, asked, issuer=self.entity_id, key=self.key)
        acs = asked.provider.acs_url
        parts = urlsplit(acs)
        page = pages.go_on(person, acs, response, relay_state)
        return page_response(page, form_action=f"{parts.scheme}://{parts.netloc}")

    def _read(self, given: Mapping[str, str]) -> tuple[str, str, AuthnRequest]:
        text, relay_state = given.get("SAMLRequest", ""), given.get("RelayState", "")
        if len(relay_state.encode()) > MAX_RELAY_STATE:
            raise RequestRefusedError(f"RelayState is longer than {MAX_RELAY_STATE} bytes.")
        return text, relay_state, read(text, self.providers, self.sso_url)

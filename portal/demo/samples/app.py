"""The sample's routes: three pages and their files. Nothing is remembered and nobody is known here."""

from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from portal.demo.samples import pages

HERE = Path(__file__).parent
LOOK = HERE.parent / "sandbox" / "static"
# The module that the portal serves to browser apps: an app takes its copy along, as this one does.
MODULE = HERE.parents[1] / "web" / "static" / "web" / "js" / "sallyport-credentials.js"


@dataclass(frozen=True)
class Camera:
    """Where everything is, and which role the app asks for: all that such an app knows. None of it is a secret."""

    portal: str
    issuer: str
    client: str
    aws: str
    region: str
    role: str
    kind: str
    channel: str

    @property
    def policy(self) -> str:
        """The Content-Security-Policy: own files; calls to the portal, the provider and Kinesis Video alone."""
        aws = urlsplit(self.aws)
        signaling = f"{'wss' if aws.scheme == 'https' else 'ws'}://{aws.netloc}"
        places = f"'self' {self.portal} {self.issuer} {self.aws} {signaling}"
        return (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
            f"connect-src {places}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
            "require-trusted-types-for 'script'"
        )


def application(camera: Camera) -> web.Application:
    def page(text: str) -> web.Response:
        return web.Response(
            text=text,
            content_type="text/html",
            headers={
                "Content-Security-Policy": camera.policy,
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
            },
        )

    told = asdict(camera)

    async def start(_: web.Request) -> web.Response:
        return page(pages.start(camera.portal))

    async def part(request: web.Request) -> web.Response:
        return page(pages.part(request.match_info["part"], told))

    async def signed_in(_: web.Request) -> web.Response:
        return page(pages.signed_in())

    async def module(_: web.Request) -> web.FileResponse:
        return web.FileResponse(MODULE)

    async def look(request: web.Request) -> web.FileResponse:
        return web.FileResponse(LOOK / request.match_info["name"])

    app = web.Application()
    app.add_routes(
        [
            web.get("/", start),
            web.get("/{part:camera|viewer}", part),
            web.get("/signed-in", signed_in),
            web.get("/static/sallyport-credentials.js", module),
            web.get("/static/{name:look.css|mark.svg}", look),
            web.static("/static", HERE / "static"),
        ]
    )
    return app

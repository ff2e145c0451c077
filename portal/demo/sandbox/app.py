"""Puts the sandbox together: MiniStack, the estate, the façade, the console."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from portal.demo.sandbox import constraints, estate
from portal.demo.sandbox.authenticator import Authenticator
from portal.demo.sandbox.bootstrap import Bootstrap
from portal.demo.sandbox.callers import Registry
from portal.demo.sandbox.child import StandIn
from portal.demo.sandbox.console import Console, show_reason
from portal.demo.sandbox.cross_origin import cross_origin
from portal.demo.sandbox.facts import Facts
from portal.demo.sandbox.faults import Faults
from portal.demo.sandbox.gate import Gate
from portal.demo.sandbox.judge import Judge
from portal.demo.sandbox.proxy import Proxy
from portal.demo.sandbox.seed import seed
from portal.demo.sandbox.signaling import Signaling
from portal.demo.sandbox.signin import SignIn
from portal.demo.sandbox.tries import Trier
from portal.demo.sandbox.video import Video

STATIC = Path(__file__).parent / "static"


async def health(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok", "simulation": True})


def application(
    proxy: Proxy, console: Console, video: Video, authenticator: Authenticator
) -> web.Application:
    app = web.Application(middlewares=[cross_origin, show_reason], client_max_size=256 * 1024)
    app.add_routes([*video.routes(), *Signaling(video.channels, video.judge).routes()])
    app.add_routes([web.get("/_sandbox/health", health), web.get("/_sandbox/calls", proxy.gate.counts.show)])
    app.add_routes([web.static("/static", STATIC), *console.routes(), *authenticator.routes()])
    app.add_routes([web.route("*", "/{path:.*}", proxy.handle)])
    return app


@asynccontextmanager
async def listening(app: web.Application, host: str, port: int) -> AsyncIterator[None]:
    """Serve until the block ends. Raises OSError when the port is taken."""
    # AWS signs the path as it was sent, so it must stay as it was sent.
    runner = web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=2)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def sandbox(
    directory: Path, *, host: str, port: int, ministack_port: int | None, identity_provider: str | None = None
) -> AsyncIterator[dict[str, Any]]:
    """Run the whole sandbox; yields what estate.json holds once everything answers."""
    base_url = f"http://{host}:{port}"
    stand_in = StandIn(directory, port=ministack_port, account_id=estate.HUB.account_id)
    root = Bootstrap(stand_in.url)
    registry = Registry(directory / "sessions.json")
    faults = Faults(directory / "faults.json")
    gate = Gate(registry, Facts(root, estate.HUB.account_id), faults)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=120)
    connector = aiohttp.TCPConnector(limit=200)
    async with aiohttp.ClientSession(
        timeout=timeout, connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
    ) as client:
        console = Console(SignIn(stand_in.url, registry), Trier(stand_in.url, base_url))
        video = Video(directory, base_url, gate, Judge(stand_in.url, estate.HUB.account_id, client))
        known: dict[str, Any] = {}
        authenticator = Authenticator(lambda: known.get("mfa_users", ()))
        app = application(Proxy(stand_in.url, gate, registry, client), console, video, authenticator)
        async with listening(app, host, port):
            try:
                await stand_in.start()
                facts = await asyncio.to_thread(seed, root, directory, base_url, identity_provider)
                known.update(facts)
                await asyncio.to_thread(
                    lambda: [constraints.model(name) for name in ("sts", "iam", "cognito-identity")]
                )
                yield facts
            finally:
                await stand_in.stop()

"""`python -m portal.demo.identity_provider --directory DIR --port P --sp-entity-id ID --acs-url URL`.

`--sp-entity-id` and `--acs-url` may be given several times, in pairs, and `--app CLIENT=REDIRECT_URI` for each app
that signs people in by OpenID Connect. Prints one JSON line when ready.
"""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from aiohttp import web

from portal.demo.identity_provider.app import IdentityProvider
from portal.demo.identity_provider.keys import load_or_make
from portal.demo.identity_provider.request import ServiceProvider


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m portal.demo.identity_provider", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="where the signing key is kept")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--entity-id", help="default: http://HOST:PORT/metadata")
    parser.add_argument("--sp-entity-id", action="append", required=True)
    parser.add_argument("--acs-url", action="append", required=True)
    parser.add_argument("--app", action="append", default=[], type=_app, metavar="CLIENT=REDIRECT_URI")
    given = parser.parse_args()
    if len(given.sp_entity_id) != len(given.acs_url):
        parser.error("--sp-entity-id and --acs-url go in pairs")
    return given


def _app(text: str) -> tuple[str, str]:
    client, is_pair, redirect = text.partition("=")
    if not client or not is_pair or not redirect.startswith("http"):
        raise argparse.ArgumentTypeError("an app is CLIENT=REDIRECT_URI")
    return client, redirect


async def serve(idp: IdentityProvider, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(idp.application(), access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        ready = {"ready": True, "entity_id": idp.entity_id, "sso_url": idp.sso_url}
        print(json.dumps(ready), flush=True)  # noqa: T201 - the starter reads this line
        await stop.wait()
    finally:
        await runner.cleanup()


def main() -> int:
    given = arguments()
    pairs = zip(given.sp_entity_id, given.acs_url, strict=True)
    idp = IdentityProvider(
        base_url=f"http://{given.host}:{given.port}",
        entity_id=given.entity_id,
        key=load_or_make(given.directory.resolve()),
        providers=[ServiceProvider(entity_id, acs_url) for entity_id, acs_url in pairs],
        apps=dict(given.app),
    )
    try:
        asyncio.run(serve(idp, given.host, given.port))
    except OSError as error:
        message = f"The identity provider can't listen on {given.host}:{given.port}: {error}"
        print(message, file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

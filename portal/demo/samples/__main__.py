"""`python -m portal.demo.samples --port P --portal URL …`: the camera sample. Prints one JSON line when ready."""

import argparse
import asyncio
import json
import signal
import sys

from aiohttp import web

from portal.demo.samples.app import Camera, application


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m portal.demo.samples", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--portal", required=True, help="the portal's address")
    parser.add_argument("--issuer", required=True, help="the OpenID provider that people sign in at")
    parser.add_argument("--client", required=True, help="this app's client id there")
    parser.add_argument("--aws", required=True, help="the address of Kinesis Video")
    parser.add_argument("--region", required=True)
    parser.add_argument("--role", required=True, help="the role's ARN")
    parser.add_argument("--kind", default="cognito", choices=["cognito", "web-identity"])
    parser.add_argument("--channel", required=True, help="the signaling channel's name")
    return parser.parse_args()


async def serve(camera: Camera, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(application(camera), access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        print(json.dumps({"ready": True}), flush=True)  # noqa: T201 - the starter reads this line
        await stop.wait()
    finally:
        await runner.cleanup()


def main() -> int:
    given = vars(arguments())
    host, port = given.pop("host"), given.pop("port")
    try:
        asyncio.run(serve(Camera(**given), host, port))
    except OSError as error:
        print(f"The samples can't listen on {host}:{port}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m portal.demo.sandbox --directory DIR --port P`: see README.md in this directory."""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

# The user's own AWS settings have no say here; boto3 reads them when it is imported and used below.
for _name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[_name]
os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}

from portal.demo.sandbox.app import sandbox  # noqa: E402 - after the environment is clean


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m portal.demo.sandbox", description="A simulated AWS.")
    parser.add_argument("--directory", type=Path, required=True, help="where the state is kept")
    parser.add_argument("--port", type=int, required=True, help="where the façade listens")
    parser.add_argument("--host", default="127.0.0.1", help="the loopback address to listen on")
    parser.add_argument("--ministack-port", type=int, help="MiniStack's own port (default: a free one)")
    parser.add_argument("--identity-provider", help="the address of the demo's own, which IAM is to know")
    return parser.parse_args()


async def run(given: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with sandbox(
        given.directory.resolve(),
        host=given.host,
        port=given.port,
        ministack_port=given.ministack_port,
        identity_provider=given.identity_provider,
    ) as facts:
        ready = {"ready": True, "endpoint_url": facts["endpoint_url"], "sign_in_url": facts["sign_in_url"]}
        print(json.dumps(ready), flush=True)  # noqa: T201 - the starter reads this line
        await stop.wait()


def main() -> int:
    given = arguments()
    given.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        asyncio.run(run(given))
    except OSError as error:
        print(f"The sandbox can't listen on {given.host}:{given.port}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except (RuntimeError, TimeoutError) as error:
        print(f"The sandbox could not start: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

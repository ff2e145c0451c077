"""Starts MiniStack as a child, waits until it answers, starts it again when it dies, ends it with us."""

import asyncio
import contextlib
import os
import socket
import sys
from pathlib import Path

import aiohttp

START_WITHIN_S = 20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(directory: Path, port: int, account_id: str) -> dict[str, str]:
    """MiniStack's settings. Nothing of ours leaks in: no AWS_* of the user, no proxy, no Docker."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith("AWS_") and k != "DOCKER_HOST"}
    return ours | {
        "AUTH": "true",
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_ACCOUNT_ID": account_id,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(directory / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(directory / "objects"),
        "TMPDIR": str(directory / "tmp"),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "PYTHONUNBUFFERED": "1",
    }


class StandIn:
    """MiniStack as a supervised child process. `url` is only for this process: whoever reaches it is root."""

    def __init__(self, directory: Path, *, port: int | None, account_id: str) -> None:
        self.directory = directory
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.account_id = account_id
        self.process: asyncio.subprocess.Process | None = None
        self.stopping = False
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        for name in ("state", "objects", "tmp"):
            (self.directory / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        await self._launch()
        await self._until_healthy()
        self._watch = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        self.stopping = True
        if self._watch:
            self._watch.cancel()
        process = self.process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 8)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _launch(self) -> None:
        log = os.open(self.directory / "ministack.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "portal.demo.sandbox.stand_in",
                stdin=asyncio.subprocess.PIPE,  # its end tells the child that we are gone, however we went
                stdout=log,
                stderr=log,
                env=environment(self.directory, self.port, self.account_id),
                umask=0o077,
                # A terminal's Ctrl-C reaches the whole group: the child must outlive us to be ended in order.
                start_new_session=True,
            )
        finally:
            os.close(log)

    async def _until_healthy(self) -> None:
        timeout = aiohttp.ClientTimeout(total=1)
        async with asyncio.timeout(START_WITHIN_S), aiohttp.ClientSession(timeout=timeout) as client:
            while True:
                if self.process is None or self.process.returncode is not None:
                    raise RuntimeError(f"MiniStack ended at once; see {self.directory / 'ministack.log'}")
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with client.get(f"{self.url}/_ministack/health") as answer:
                        if answer.status == 200:  # noqa: PLR2004 - HTTP's own figure
                            return
                await asyncio.sleep(0.03)

    async def _keep_running(self) -> None:
        while True:
            if self.process is not None:
                await self.process.wait()
            if self.stopping:
                return
            await asyncio.sleep(0.5)
            await self._launch()
            with contextlib.suppress(RuntimeError, TimeoutError):
                await self._until_healthy()

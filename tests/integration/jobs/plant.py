"""All the machinery of one installation, real: database, Valkey, MiniStack behind a faulty proxy, web, worker, beat."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.integration.brokers.aws.estate import BROKER_USER, HUB, seed
from tests.servers.holding_proxy import HoldingProxy, holding_proxy
from tests.servers.ministack import MiniStack, ministack
from tests.servers.postgres import Postgres, start_postgres
from tests.servers.process import free_port, port_answers, stop, wait_until
from tests.servers.small_disk import SmallDisk, small_disk
from tests.servers.valkey import Valkey, valkey

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
CELERY = (str(BIN / "celery"), "-A", "portal.config.celery")


@dataclass
class Plant:
    """What runs, and how to kill and start it. `postgres` is None on SQLite, `disk` where SQLite has all the room."""

    directory: Path
    aws: MiniStack
    proxy: HoldingProxy
    redis: Valkey
    environment: Mapping[str, str]
    postgres: Postgres | None = None
    disk: SmallDisk | None = None
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, *parts: str, env: Mapping[str, str] | None = None) -> None:
        """Start `worker`, `beat`, or more of them under names such as `worker-2`. `env` is added to theirs."""
        for part in parts:
            self.run(part, [*CELERY, part.partition("-")[0]], env or {})

    def start_web(self, **settings: str) -> int:
        """Start the portal's pages and API as the demo runs them; returns the port once it answers."""
        port = free_port()
        address = ("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port))
        manners = ("--workers", "1", "--blocking-threads", "8", "--log-level", "warning")
        command = [str(BIN / "granian"), *address, *manners, "portal.config.wsgi:application"]
        self.run("web", command, {"SALLYPORT_URL": f"http://localhost:{port}", **settings})
        wait_until(lambda: port_answers(port), seconds=60, what="the web process")
        return port

    def run(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        with (self.directory / f"{name}.log").open("ab") as log:
            self.running[name] = self._spawn(command, env, log)

    def kill(self, name: str) -> None:
        """End it as a power cut would: kill -9 of its whole process group."""
        process = self.running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def ask_to_end(self, name: str) -> "subprocess.Popen[bytes]":
        """SIGTERM, as a deployment sends; returns the process, which finishes what it does."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGTERM)
        return process

    def logs(self) -> str:
        found = sorted(self.directory.glob("*.log"))
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}" for path in found)

    def _spawn(
        self, command: Sequence[str], env: Mapping[str, str], log: IO[bytes]
    ) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            command,
            cwd=self.directory,
            env={**os.environ, **self.environment, "PYTHONPATH": str(ROOT), **env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@contextlib.contextmanager
def plant(directory: Path, database: str, *, little_room: bool = False) -> Iterator[Plant]:
    """Start everything but web, worker and beat. `database`: postgresql or sqlite; `little_room`: on a small disk."""
    with contextlib.ExitStack() as stack:
        aws = stack.enter_context(ministack(directory))
        proxy = stack.enter_context(holding_proxy(int(aws.url.rpartition(":")[2])))
        redis = stack.enter_context(valkey(directory))
        disk = stack.enter_context(small_disk(directory / "disk")) if little_room else None
        folder = disk.path if disk else directory
        postgres = stack.enter_context(_postgres()) if database == "postgresql" else None
        seed(aws)
        key = aws.root("iam", HUB).create_access_key(UserName=BROKER_USER)["AccessKey"]
        environment = {
            "SALLYPORT_DATABASE_URL": postgres.url if postgres else f"sqlite:///{folder / 'faults.sqlite3'}",
            "SALLYPORT_ALLOW_SQLITE": "1",
            "SALLYPORT_SECRET_KEY": secrets.token_urlsafe(48),
            "SALLYPORT_DATA_KEYS": secrets.token_urlsafe(48),
            "SALLYPORT_REDIS_URL": redis.url,
            "SALLYPORT_SIMULATION": "tests",
            "SALLYPORT_LOG_FORMAT": "plain",
            # Small batches, so that a sweep of hundreds can be caught midway.
            "SALLYPORT_SWEEP_BATCH": "50",
            "SALLYPORT_STATIC_ROOT": str(directory),
            "SALLYPORT_AWS_ENDPOINT_URL": proxy.url,
            "SALLYPORT_HUB_ACCESS_KEY_ID": key["AccessKeyId"],
            "SALLYPORT_HUB_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }
        made = Plant(directory, aws, proxy, redis, environment, postgres, disk)
        try:
            yield made
        finally:
            for process in made.running.values():
                process.send_signal(signal.SIGTERM)
            for process in made.running.values():
                stop(process)


@contextlib.contextmanager
def _postgres() -> Iterator[Postgres]:
    server = start_postgres(keeps_commits=True)
    try:
        yield server
    finally:
        server.remove()

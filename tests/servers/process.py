"""Real servers for tests: started on free ports of 127.0.0.1, ended by pid, missing ones named.

`REQUIRE_SERVICES=1` turns a missing server from a skip (with its reason) into a failure.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest


def require_services() -> bool:
    return os.environ.get("REQUIRE_SERVICES") == "1"


def missing(reason: str) -> None:
    """Skip, or fail when every real server is required."""
    if require_services():
        pytest.fail(f"REQUIRE_SERVICES=1, but {reason}", pytrace=False)
    pytest.skip(reason)


def need_command(name: str, *, package: str) -> str:
    """Return the path of the command `name`; without it skip or fail, naming the Debian package."""
    found = shutil.which(name)
    if found is None:
        missing(f"{name} is not installed (Debian package {package})")
    return str(found)


def need_path(path: str, *, package: str) -> Path:
    if not Path(path).exists():
        missing(f"{path} is not there (Debian package {package})")
    return Path(path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Poll `condition` every 50 ms; fail with `what` when it doesn't hold within `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


def stop(process: "subprocess.Popen[bytes]", *, seconds: float = 10) -> None:
    """End the process and the group it leads; kill what does not go."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    log: Path,
    port: int | None = None,
    ready: Callable[[], bool] | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float = 30,
    cwd: Path | None = None,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `command` in a process group of its own until the block ends; wait for `port` or `ready` first."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )
    try:

        def up() -> bool:
            if process.poll() is not None:
                tail = log.read_text(errors="replace")[-2000:]
                raise AssertionError(f"{command[0]} ended with {process.returncode}:\n{tail}")
            return (port is None or port_answers(port)) and (ready is None or ready())

        wait_until(up, seconds=seconds, what=f"{command[0]} to be ready")
        yield process
    finally:
        stop(process)

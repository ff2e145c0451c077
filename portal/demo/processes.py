"""The demo's processes: started in groups of their own, watched, started again when they die, ended together."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

READY_WITHIN = 60.0
STOP_WITHIN = 8.0
# A part that dies as soon as it starts would start for ever; after so many times in a row it stays down.
MOST_RESTARTS = 5
STEADY_AFTER = 30.0


class PartFailedError(Exception):
    """A part of the demo could not be started. The sentence names its log."""


@dataclass(frozen=True, slots=True)
class Part:
    """What to run. `ready` says when it serves; None: as soon as it runs."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    ready: Callable[[], bool] | None = None


@dataclass
class Running:
    part: Part
    process: "subprocess.Popen[bytes]"
    started_at: float = field(default_factory=time.monotonic)
    restarts: int = 0


def start(part: Part) -> Running:
    """Start the part; its output goes to a new log. It is not ready yet."""
    with part.log.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603  # our own programs by full path
            part.command,
            env={**os.environ, **part.env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C is ours alone: we end the parts in their order.
            start_new_session=True,
        )
    return Running(part, process)


def wait_ready(running: Running) -> None:
    """Wait until the part serves.

    Raises:
        PartFailedError: it ended, or did not serve within a minute.
    """
    part, end = running.part, time.monotonic() + READY_WITHIN
    while part.ready is not None and not part.ready():
        if running.process.poll() is not None:
            raise PartFailedError(f"{part.name} ended at its start:\n{_tail(part.log)}\nIts log: {part.log}")
        if time.monotonic() > end:
            raise PartFailedError(
                f"{part.name} did not answer within {READY_WITHIN:.0f} s. Its log: {part.log}"
            )
        time.sleep(0.03)


def run_to_end(part: Part) -> None:
    """Run a part that does its work and ends.

    Raises:
        PartFailedError: it ended with an error.
    """
    running = start(part)
    try:
        code = running.process.wait()
    except BaseException:
        stop([running])
        raise
    if code != 0:
        raise PartFailedError(f"{part.name} failed:\n{_tail(part.log)}\nIts log: {part.log}")


def restart_dead(parts: Sequence[Running], say: Callable[[str], None]) -> None:
    """Start again what has died: the database is the queue of record, so nothing was lost."""
    for running in parts:
        if running.process.poll() is None:
            continue
        if time.monotonic() - running.started_at > STEADY_AFTER:
            running.restarts = 0
        if running.restarts >= MOST_RESTARTS:
            raise PartFailedError(f"{running.part.name} keeps ending. Its log: {running.part.log}")
        say(f"{running.part.name} ended ({running.process.returncode}); starting it again")
        restarts = running.restarts + 1
        again = start(running.part)
        running.process, running.started_at, running.restarts = again.process, again.started_at, restarts


def stop(parts: Sequence[Running]) -> None:
    """End all, the last started first; kill what has not gone within 8 s."""
    for running in reversed(parts):
        _signal(running, signal.SIGTERM)
    end = time.monotonic() + STOP_WITHIN
    for running in reversed(parts):
        try:
            running.process.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            _signal(running, signal.SIGKILL)
            running.process.wait()


def _signal(running: Running, number: int) -> None:
    if running.process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.process.pid, number)


def _tail(log: Path, lines: int = 12) -> str:
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])

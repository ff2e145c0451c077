"""The demo as people run it: a taken port, a second start, a part that dies, and its end."""

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.demo import ROOT, running_demo
from tests.servers.process import free_port, port_answers, wait_until

pytestmark = pytest.mark.xdist_group("demo-gone")


@pytest.mark.thorough
def test_it_moves_from_a_taken_port_mends_itself_and_goes_on_where_it_was(tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    with taken(port), running_demo(home, portal_port=port) as demo:
        said = (home / "demo.log").read_text()
        assert f"Port {port} is taken; the portal uses " in said
        assert demo.portal in said
        assert f":{port}" not in demo.portal
        again = start_again(home)
        assert again.returncode == 1
        assert "A demo runs in" in again.stderr
        assert "Traceback" not in again.stderr

        os.killpg(demo.pids["worker"], signal.SIGKILL)
        wait_until(
            lambda: "worker ended" in (home / "demo.log").read_text(), seconds=10, what="the worker's mending"
        )
        first = grants(home)
        web = int(demo.portal.rpartition(":")[2])
    wait_until(lambda: not port_answers(web), seconds=5, what="the portal's end")
    assert not (home / "run.json").exists()
    assert [pid for pid in demo.pids.values() if runs(pid)] == []

    with running_demo(home) as demo:
        assert grants(home) == first
        assert "is taken" not in (home / "demo.log").read_text().rpartition("Starting the sandbox")[2]
    # Whoever may read the machine's other files can't read the demo's secrets.
    assert {oct(file.stat().st_mode & 0o077) for file in (home / "secrets").iterdir()} == {"0o0"}


def test_wrong_arguments_are_named(tmp_path: Path) -> None:
    wrong = start_again(tmp_path, "--portal-port", "many")
    assert wrong.returncode == 2
    assert "invalid int value: 'many'" in wrong.stderr


@contextlib.contextmanager
def taken(port: int) -> Iterator[None]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        yield


def start_again(home: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "portal.demo", "--directory", str(home), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def grants(home: Path) -> set[tuple[str, str]]:
    with contextlib.closing(
        sqlite3.connect(f"file:{home / 'sallyport.sqlite3'}?mode=ro", uri=True)
    ) as database:
        return set(database.execute("SELECT id, made_at FROM access_grant"))


def runs(pid: int) -> bool:
    """Whether the process lives (one that ended but was not waited for does not)."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False

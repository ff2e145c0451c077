"""The command line with the database down: a sentence and an exit code, no stack trace, no password."""

import os
import subprocess
import sys
from pathlib import Path

from tests.servers.process import free_port

ROOT = Path(__file__).resolve().parents[3]


def manage(url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "SALLYPORT_DATABASE_URL": url}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)


def test_a_database_that_is_down_is_named_without_a_stack_trace(tmp_path: Path) -> None:
    said = manage(f"postgres://portal:hidden-word@127.0.0.1:{free_port()}/portal", "apply_revocations")
    assert said.returncode == 1
    assert "The database can't be used" in said.stderr
    assert "Traceback" not in said.stderr
    assert "hidden-word" not in said.stderr
    assert manage(f"sqlite:///{tmp_path / 'there.sqlite3'}", "showmigrations").returncode == 0

"""A restored backup enters the hold, on either database; a restart and a crash do not."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def restoring(database: str, directory: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.integration.jobs.restoring", str(directory), database]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.xdist_group("restored")
@pytest.mark.thorough
def test_a_copy_of_a_postgresql_database_is_held_and_a_restart_is_not(tmp_path: Path) -> None:
    found = restoring("postgresql", tmp_path)
    assert found.pop("copied").startswith("this is another database (postgresql ")
    assert found == dict.fromkeys(
        ["first run", "restarted", "crashed", "released", "the old one untouched"], ""
    )


@pytest.mark.xdist_group("restored")
@pytest.mark.thorough
def test_a_sqlite_file_that_is_set_back_or_copied_is_held(tmp_path: Path) -> None:
    found = restoring("sqlite", tmp_path)
    assert "file beside the database remembers audit row 10, but the database ends at 0" in found.pop(
        "set back"
    )
    assert found.pop("copied").startswith("this is another database (sqlite ")
    assert found == dict.fromkeys(["first run", "restarted", "released"], "")

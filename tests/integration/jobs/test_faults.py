"""kill -9 of the worker in mid-revoke, Redis flushed with 50 grants due, Redis away: nothing lost, nothing twice.

Everything is real: Celery worker and beat, Valkey, MiniStack, PostgreSQL and SQLite, whatever TEST_DATABASE says.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.jobs.plant import ROOT
from tests.servers.process import require_services
from tests.servers.valkey import program

PROMISE = 60.0


@pytest.mark.xdist_group("faults")
@pytest.mark.timeout(280)
@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_nothing_is_lost_and_nothing_done_twice(database: str, tmp_path: Path) -> None:
    program()
    command = [sys.executable, "-m", "tests.integration.jobs.faults", str(tmp_path), database]
    if require_services():
        command.append("--real-lease")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-6000:]
    figures = json.loads(done.stdout.splitlines()[-1])
    sys.stdout.write(f"{database}: {json.dumps(figures)}\n")
    assert figures["killed_request_held"]["kill_to_applied_s"] < 2 * PROMISE
    assert figures["killed_answer_held"]["kill_to_applied_s"] < 2 * PROMISE
    assert figures["flushed"]["late_to_applied_s"] < PROMISE
    assert figures["redis_away"]["revoke_took_s"] < 3
    assert figures["redis_away"]["back_to_applied_s"] < PROMISE

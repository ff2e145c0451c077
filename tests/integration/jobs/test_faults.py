"""The faults of docs/reliability.md, injected for real: Celery, Valkey, MiniStack, granian, PostgreSQL and SQLite.

Whatever TEST_DATABASE says, both databases are tried: each run is a process with an installation of its own. They
take minutes, libfaketime, a disk of their own: they run with REQUIRE_SERVICES=1 alone, and what is tried on PostgreSQL,
too, and takes long, is left to `make soak` on SQLite.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.jobs.faults.figures import GROUPS
from tests.integration.jobs.plant import ROOT
from tests.servers.valkey import program

LONG = {("crash", "sqlite"), ("aws", "sqlite"), ("sweep", "sqlite")}
RUNS = [
    pytest.param(
        group,
        database,
        id=f"{group}-{database}",
        marks=pytest.mark.soak if (group, database) in LONG else (),
    )
    for group, databases in GROUPS.items()
    for database in databases
]


@pytest.mark.thorough
@pytest.mark.timeout(290)
@pytest.mark.parametrize(("group", "database"), RUNS)
def test_nothing_is_lost_and_nothing_done_twice(group: str, database: str, tmp_path: Path) -> None:
    program()
    command = [
        sys.executable,
        "-m",
        "tests.integration.jobs.faults",
        str(tmp_path),
        database,
        "--only",
        group,
    ]
    if database == "postgresql":
        command.append("--real-lease")  # waits out what is quicker moved on in the database
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        try:
            out, err = run.communicate(timeout=270)
        except subprocess.TimeoutExpired:
            run.terminate()  # it ends its servers, and says where it was
            out, err = run.communicate()
    assert run.returncode == 0, err[-6000:]
    sys.stdout.write(f"{err}\n{out}")

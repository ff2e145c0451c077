"""Inject faults: python -m tests.integration.jobs.faults DIRECTORY postgresql|sqlite [--only GROUP …] [--real-lease]

Prints one JSON list with what was measured. `both` instead of a database runs all on each and prints the rows
of docs/reliability.md. A process of its own for each database, because it works on one that real workers share.
Without --real-lease the leases of those killed, and the next look at AWS, are moved on in the database, for speed.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

from tests.integration.jobs.faults.figures import GROUPS
from tests.integration.jobs.faults.table import table
from tests.integration.jobs.plant import ROOT, plant


def main() -> int:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("database", choices=["postgresql", "sqlite", "both"])
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="groups or single faults")
    parser.add_argument("--real-lease", action="store_true")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)  # as an error: so that all servers end, and it is said where it was
    if asked.database == "both":
        return both(asked.directory)
    with plant(asked.directory, asked.database, little_room="disk" in asked.only) as made:
        os.environ.update(made.environment, DJANGO_SETTINGS_MODULE="portal.config.settings")
        import django  # noqa: PLC0415  # after its settings are chosen
        from django.core.management import call_command  # noqa: PLC0415

        django.setup()
        call_command("migrate", verbosity=0)
        from tests.integration.jobs.faults.run import run  # noqa: PLC0415  # after Django is set up

        figures = run(made, asked.only, real_lease=asked.real_lease)
    print(json.dumps(figures))  # noqa: T201  # the result
    return 0


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    raise TimeoutError(f"ended by signal {number}")


def both(home: Path) -> int:
    """Run every group on both databases side by side, each group in a plant of its own; print the table."""
    with ThreadPoolExecutor() as pool:
        runs = {database: pool.submit(every_group, home, database) for database in ("postgresql", "sqlite")}
        found = {database: run.result() for database, run in runs.items()}
    print(table(found))  # noqa: T201  # the result
    return 0


def every_group(home: Path, database: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for group in (name for name, databases in GROUPS.items() if database in databases):
        folder = home / f"{database}-{group}"
        folder.mkdir(parents=True)
        command = [sys.executable, "-m", "tests.integration.jobs.faults", str(folder), database]
        done = subprocess.run(
            [*command, "--only", group, "--real-lease"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found += json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    sys.exit(main())

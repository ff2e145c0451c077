"""What is measured. A bench is a module here with `run() -> list[Section]`; name it in BENCHES, and it is on the page.

It runs in a process of its own, with Django set up on an empty, migrated PostgreSQL that is its alone.
"""

import os
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Module, and after how many seconds its process is ended: some times what it takes on two idle cores.
BENCHES = {"sweep": 1200, "lifecycle": 7200, "sync": 900, "credentials": 900}


@dataclass(frozen=True)
class Section:
    """One table of the page. Cells are formatted by the bench; `text` says what was done, and against what."""

    title: str
    text: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        text = textwrap.fill(self.text, 120, break_long_words=False, break_on_hyphens=False)
        return f"## {self.title}\n\n{text}\n\n{table}\n"


def cpu_seconds() -> float:
    """Return the CPU that the bench's database, all its processes, and this one have used so far. Linux only."""
    from django.db import connection  # noqa: PLC0415  # after the settings are chosen

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [backend] = cursor.fetchone() or [0]
    postmaster = _stat(backend)[1]
    children = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    alive = [fields for pid in children if (fields := _stat(pid))[1] == postmaster]
    ended = _stat(postmaster)[13:15]
    ticks = sum(sum(fields[11:13]) for fields in alive) + sum(ended)
    return ticks / os.sysconf("SC_CLK_TCK") + time.process_time()


def _stat(pid: int) -> list[int]:
    """Return the numbers of /proc/PID/stat after the name and the state, its parent being the second; see proc(5)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return [0] * 50
    return [0, *map(int, text.rpartition(")")[2].split()[1:])]

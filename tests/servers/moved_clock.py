"""A clock that can be moved for whole processes, by libfaketime: they, what they start and what they sign follow it."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from tests.servers.process import need_path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = "/usr/lib/{}/faketime/libfaketimeMT.so.1"
# libfaketime 0.9.10 refuses clock_nanosleep by the monotonic clock (EINVAL), which time.sleep calls.
SITE = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\n"
# How long a process may go on by the old time after the clock was moved (the library reads the file once a second).
READ_WITHIN_S = 2


class MovedClock:
    """`environment` is for the processes that are to follow it; those that don't have it keep the real time."""

    def __init__(self, directory: Path) -> None:
        library = need_path(LIBRARY.format(f"{os.uname().machine}-linux-gnu"), package="faketime")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "sitecustomize.py").write_text(SITE, encoding="utf-8")
        self._file = directory / "clock"
        self.move(timedelta(0))
        self.environment: Mapping[str, str] = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            # What waits must wait as long as it means to: a real clock's jump leaves the monotonic one alone.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "PYTHONPATH": f"{directory}:{ROOT}",
        }

    def move(self, by: timedelta) -> None:
        """Set how far it is from the real time, in one step."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{by // timedelta(seconds=1):+d}\n", encoding="ascii")
        new.replace(self._file)

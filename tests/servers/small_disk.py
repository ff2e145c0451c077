"""A disk of a few megabytes that can be filled to the last byte: a tmpfs, mounted where the tests may (as root)."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import missing


@dataclass(frozen=True)
class SmallDisk:
    path: Path

    def fill(self) -> None:
        """Leave no byte: whatever is written next fails with ENOSPC."""
        with (self.path / "filler").open("ab", buffering=0) as filler, contextlib.suppress(OSError):
            for size in (1 << 20, 4096, 1):
                with contextlib.suppress(OSError):
                    while filler.write(b"\0" * size):
                        pass

    def make_room(self) -> None:
        (self.path / "filler").unlink()


@contextlib.contextmanager
def small_disk(path: Path, *, megabytes: int = 24) -> Iterator[SmallDisk]:
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode:
        missing("a disk of its own can't be mounted (that takes root)")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=False)

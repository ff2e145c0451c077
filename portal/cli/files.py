"""Files of the program's own: private, and replaced whole."""

import os
import stat
import tempfile
from pathlib import Path

from portal.cli.errors import CliError

PRIVATE = 0o600


def folder() -> Path:
    """Return where the program keeps its files; not made yet."""
    if os.name == "nt":
        return Path(os.environ.get("APPDATA") or Path.home()) / "sallyport"
    given = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(given) if given.startswith("/") else Path.home() / ".config"
    return base / "sallyport"


def write_private(path: Path, text: str, *, mode: int = PRIVATE) -> None:
    """Replace a file in one step. Nobody else can read it at any moment. Raises CliError."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(number, "w", encoding="utf-8", newline="") as written:
                written.write(text)
                written.flush()
                os.fsync(written.fileno())
            Path(name).chmod(mode)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise CliError(f"{path} can't be written: {problem.strerror or problem}.") from None


def read_text(path: Path) -> str | None:
    """Return a file's text, None where there is none. Raises CliError."""
    try:
        with path.open(encoding="utf-8", newline="") as opened:
            return opened.read()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise CliError(f"{path} is not UTF-8 text.") from None
    except OSError as problem:
        raise CliError(f"{path} can't be read: {problem.strerror or problem}.") from None


def read_private(path: Path) -> str | None:
    """Return the text of a file with secrets, None where there is none.

    Raises:
        CliError: others may read or write it, it is somebody else's, or not a plain file.
    """
    text = read_text(path)
    if text is None or os.name == "nt":  # Windows has no modes; a profile's folder is its user's
        return text
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise CliError(f"{path} is not a plain file: remove it, then run `sallyport login`.")
    if found.st_uid != os.geteuid():
        raise CliError(f"{path} is somebody else's: remove it, then run `sallyport login`.")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise CliError(f"{path} is open to others: run `chmod 600 {path}`, or remove it and sign in again.")
    return text

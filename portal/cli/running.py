"""Running a command with a grant's credentials, and nothing else of AWS's in its environment."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from portal.cli.aws_files import config_path, credentials_path, has_default, without_default_credentials
from portal.cli.errors import CliError
from portal.cli.files import read_text, write_private

# Each of these would be taken before a container's endpoint, or instead of what the grant gives.
REMOVED: Final = frozenset(
    {
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_ACCESS_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SECRET_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "SALLYPORT_TOKEN",
    }
)
NOT_FOUND, NOT_RUNNABLE, BY_SIGNAL = 127, 126, 128


def child_environment(environ: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what others left there, with `given`; a region that is set already stays."""
    kept = {name: value for name, value in environ.items() if name not in REMOVED}
    region = kept.get("AWS_REGION") or kept.get("AWS_DEFAULT_REGION") or given.get("AWS_REGION", "")
    regions = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region} if region else {}
    return kept | dict(given) | regions


@contextmanager
def shielded(environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Lend what keeps a default profile's own credentials from being taken before the endpoint's.

    Only where there are any: the files then are stand-ins, the credentials' an empty one, the configuration's a copy
    without them.
    """
    lent: dict[str, str] = {}
    if has_default(read_text(credentials_path(environ)) or ""):
        lent["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    copy = without_default_credentials(read_text(config_path(environ)) or "")
    if copy is None:
        yield lent
        return
    with tempfile.TemporaryDirectory(prefix="sallyport-") as place:
        stand_in = Path(place) / "config"
        write_private(stand_in, copy)
        yield lent | {"AWS_CONFIG_FILE": str(stand_in)}


def run(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command to its end and return its exit code; 128 and the signal's number where a signal ended it."""
    previous = {}
    process: subprocess.Popen[bytes] | None = None
    waiting: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        del frame
        if process is None:
            waiting.append(number)
        elif process.poll() is None and not _from_terminal(number):
            process.send_signal(number)

    # Handlers, not SIG_IGN: that the command would inherit.
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"):
        if (number := getattr(signal, name, None)) is not None:
            previous[number] = signal.signal(number, forward)
    try:
        process = _started(command, environ)
        for number in waiting:
            process.send_signal(number)
        code = process.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return BY_SIGNAL - code if code < 0 else code


def replace(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Become the command, where the system can do that."""
    if os.name == "nt":
        return run(command, environ)
    path = _found(command[0], environ)
    try:
        os.execve(path, list(command), dict(environ))  # noqa: S606  # no shell, on purpose
    except OSError as problem:
        raise _not_started(command[0], problem) from None


class NotStartedError(CliError):
    """The command isn't there, or can't be run: 127 and 126, as shells have it."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def _started(command: Sequence[str], environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    path = _found(command[0], environ)
    try:
        return subprocess.Popen(  # noqa: S603  # running what was typed is what it is for
            [path, *command[1:]] if os.name == "nt" else list(command), executable=path, env=dict(environ)
        )
    except OSError as problem:
        raise _not_started(command[0], problem) from None


def _found(name: str, environ: Mapping[str, str]) -> str:
    found = shutil.which(name, path=environ.get("PATH"))
    if found is not None:
        return found
    if Path(name).is_file() and os.sep in name:
        raise NotStartedError(f"{name} can't be run: it is not executable.", exit_code=NOT_RUNNABLE)
    raise NotStartedError(f"There is no command {name}.", exit_code=NOT_FOUND)


def _not_started(name: str, problem: OSError) -> NotStartedError:
    return NotStartedError(f"{name} can't be run: {problem.strerror}.", exit_code=NOT_RUNNABLE)


def _from_terminal(number: int) -> bool:
    """Whether the terminal has told the command as well: it belongs to the same group."""
    keys = {signal.SIGINT, getattr(signal, "SIGQUIT", None)}
    if number not in keys or os.name == "nt":
        return number in keys
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False

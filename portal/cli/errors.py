"""What can stop a command, each with the exit code that scripts may rely on. `str()` is one line fit for stderr."""

from typing import Final

INTERRUPTED: Final = 130


class CliError(Exception):
    """Something on this machine failed: a file, a keyring, a program."""

    exit_code: int = 1


class WrongInputError(CliError):
    """What was typed can't be meant."""

    exit_code = 2


class SignInNeededError(CliError):
    """There is no token, it is over, or the portal wants its person at a browser first."""

    exit_code = 3


class RefusedError(CliError):
    """The portal said no. `code` is its stable word for it."""

    exit_code = 4

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class UnavailableError(CliError):
    """No answer, or none that a portal gives."""

    exit_code = 5

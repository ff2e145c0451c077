"""The program `sallyport`: finds the command, and turns whatever stops it into one line and an exit code."""

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from portal.cli.errors import INTERRUPTED, CliError

if TYPE_CHECKING:
    import click


def main() -> None:
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Run one command and return its exit code (docs/adr/0026-the-command-line.md has them). Never raises."""
    try:
        import click

        from portal.cli.commands import sallyport
    except ModuleNotFoundError as problem:
        return _say(f"{problem.name} is not installed: run `pip install 'sallyport[cli]'`.", 1)
    try:
        code = sallyport.main(args=list(words), prog_name="sallyport", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
        return 1
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted.", INTERRUPTED)
    except (CliError, click.ClickException) as problem:
        line = str(problem) if isinstance(problem, CliError) else _usage(problem)
        return _say(line, problem.exit_code)
    except Exception as problem:  # noqa: BLE001  # people get a line to pass on, never a trace-back
        return _say(_unexpected(problem), 1)


def _usage(problem: "click.ClickException") -> str:
    context = getattr(problem, "ctx", None)
    asked = f" Try `{context.command_path} --help`." if context is not None else ""
    message = " ".join(problem.format_message().split())
    return f"{message}{'' if message.endswith(('.', '?')) else '.'}{asked}"


def _unexpected(problem: Exception) -> str:
    """Return what is told of an error that nobody foresaw: its kind alone, since its text could hold a secret."""
    place = problem.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" in {place.tb_frame.f_code.co_name}, line {place.tb_lineno}" if place is not None else ""
    return f"this is a fault of sallyport's own: {type(problem).__name__}{where}. Please report it."


def _say(line: str, code: int) -> int:
    with contextlib.suppress(OSError):
        print(f"sallyport: {line}", file=sys.stderr, flush=True)  # noqa: T201  # a terminal's program
    return code


if __name__ == "__main__":
    main()

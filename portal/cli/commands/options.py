"""What several commands take."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from portal.cli.app import App
from portal.cli.errors import CliError, WrongInputError

F = TypeVar("F", bound=Callable[..., Any])


def place(command: F) -> F:
    """Add --portal and --ca, before a command's name or after it."""
    command = click.option(
        "--ca",
        metavar="FILE",
        expose_value=False,
        callback=_ca,
        help="The authority that the portal's certificate is from (or SALLYPORT_CA).",
    )(command)
    return click.option(
        "--portal",
        metavar="URL",
        expose_value=False,
        callback=_portal,
        help="The portal (or SALLYPORT_PORTAL; else the one that was signed in to last).",
    )(command)


def grant_argument(command: F) -> F:
    return click.argument("grant", metavar="GRANT", shell_complete=complete_grant)(command)


def complete_grant(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names that fit; nothing when the portal can't be asked."""
    del parameter
    from portal.cli.grants import names

    app = ctx.find_object(App) or App()
    try:
        living = names(app.api().grants("active"))
    except CliError:
        return []
    return [
        CompletionItem(name, help=grant.role)
        for name, grant in sorted(living.items())
        if name.startswith(incomplete)
    ]


def _portal(ctx: click.Context, parameter: click.Parameter, given: str | None) -> None:
    del parameter
    if given is not None:
        ctx.ensure_object(App).portal = given


def _ca(ctx: click.Context, parameter: click.Parameter, given: str | None) -> None:
    del parameter
    if given is None:
        return
    from pathlib import Path

    path = Path(given).expanduser()
    if not path.is_file():
        raise WrongInputError(f"There is no file {given} for --ca.")
    ctx.ensure_object(App).ca = str(path.resolve())

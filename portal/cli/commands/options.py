"""What several commands take."""

from collections.abc import Callable, Mapping
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


def proof_options(command: F) -> F:
    """Add what hands over a role's own proof. None is an option's value: process lists show those."""
    command = click.option(
        "--assertion-file", metavar="FILE", help="A SAML assertion meant for AWS, for roles that need one."
    )(command)
    command = click.option(
        "--id-token-file", metavar="FILE", help="An ID token, for roles that need one; read at each renewal."
    )(command)
    return click.option(
        "--mfa", is_flag=True, help="Ask for a code of your MFA device, for roles that need one."
    )(command)


def proof_reader(
    *, mfa: bool, id_token_file: str | None, assertion_file: str | None
) -> Callable[[], Mapping[str, str]]:
    """Return what gives the proof for each fetch: a code the first time alone, a file as it is then.

    Raises:
        WrongInputError: more than one is given.
    """
    if sum(map(bool, (mfa, id_token_file, assertion_file))) > 1:
        raise WrongInputError("Give one of --mfa, --id-token-file and --assertion-file.")
    codes = [str(click.prompt("MFA code", hide_input=True, err=True)).strip()] if mfa else []

    def read() -> Mapping[str, str]:
        if id_token_file:
            return {"id_token": _file(id_token_file)}
        if assertion_file:
            return {"assertion": _file(assertion_file)}
        return {"mfa_code": codes.pop()} if codes else {}

    return read


def _file(name: str) -> str:
    from pathlib import Path

    from portal.cli.files import read_text

    text = read_text(Path(name).expanduser())
    if text is None:
        raise CliError(f"There is no file {name}.")
    return text.strip()


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

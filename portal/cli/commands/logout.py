import click

from portal.cli import device
from portal.cli.app import App
from portal.cli.commands.options import place
from portal.cli.errors import CliError, RefusedError
from portal.cli.remembered import remember
from portal.cli.tokens import forget_token, read_token


@click.command()
@place
@click.pass_obj
def command(app: App) -> None:
    """Sign out: the token is revoked at the portal, then forgotten here.

    Where the portal can't be reached the token is forgotten all the same, and that is said: it is good until its end.
    """
    where = str(app.address)
    known = app.known
    token = read_token(where, known.kept) if known.kept else None
    if token is None:
        click.echo(f"You were not signed in at {where}.")
    problem = _revoked(app, token) if token else None
    if known.kept:
        forget_token(where, known.kept)
    told = app.recalled
    if told.portals.pop(where, None) is not None:
        remember(told)
    if problem is not None:
        raise type(problem)(
            f"{problem} The token is forgotten here, but not revoked: do that on the tokens page."
        )
    if token:
        click.echo(f"Signed out at {where}.")


def _revoked(app: App, token: str) -> CliError | None:
    try:
        device.revoke(app.web(), token)
    except RefusedError as problem:
        return problem
    except CliError as problem:
        return problem
    return None

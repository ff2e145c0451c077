from contextlib import suppress
from datetime import UTC, datetime, timedelta

import click

from portal.cli import device
from portal.cli.app import App
from portal.cli.browsing import is_headless, open_in_browser
from portal.cli.commands.options import place
from portal.cli.errors import CliError
from portal.cli.remembered import Known, remember
from portal.cli.texts import clock, plain
from portal.cli.tokens import FILE, forget_token, keep_token, path, read_token


@click.command()
@place
@click.option("--no-browser", is_flag=True, help="Only print the address, to open it on any device.")
@click.option("--file", "in_file", is_flag=True, help="Keep the token in a private file, not in the keyring.")
@click.pass_obj
def command(app: App, *, no_browser: bool, in_file: bool) -> None:
    """Sign in, by a browser here or on another device."""
    web = app.web()
    asked = device.ask(web)
    click.echo(f"Open {asked.where} and enter the code\n\n    {asked.user_code}\n")
    is_ours = web.address.holds(asked.where_complete)
    if is_ours and not no_browser and not is_headless() and open_in_browser(asked.where_complete):
        click.echo("Your browser shows it: compare the code. ", nl=False)
    elif asked.where_complete != asked.where:
        click.echo(f"Or, with the code filled in: {asked.where_complete}")
    click.echo("Waiting for you to confirm it…")
    signed = device.wait(web, asked)
    _forget_former(app)
    _keep(app, signed, in_file=in_file)


def _keep(app: App, signed: device.Signed, *, in_file: bool) -> None:
    where = str(app.address)
    kept = keep_token(where, signed.token, in_file=in_file)
    until = datetime.now(UTC) + timedelta(seconds=signed.seconds) if signed.seconds else None
    told = app.recalled
    told.portals[where] = Known(app.authority, kept, until.isoformat() if until else "")
    told.portal = where
    remember(told)
    place_of_it = f"the file {path()}" if kept == FILE else f"the keyring ({kept})"
    with suppress(CliError):
        name = plain(app.api().me()["name"], limit=200)
        click.echo(f"Signed in at {where} as {name}.")
    click.echo(f"The token is in {place_of_it}{f', until {clock(until)}' if until else ''}.")


def _forget_former(app: App) -> None:
    """Have the token of an earlier sign-in revoked, rather than left lying at the portal. If it can't be, it ends."""
    known = app.known
    with suppress(CliError):
        former = read_token(str(app.address), known.kept)
        if former:
            device.revoke(app.web(), former)
            forget_token(str(app.address), known.kept)

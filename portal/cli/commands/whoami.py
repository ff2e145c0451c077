import json
import os

import click

from portal.cli.app import App
from portal.cli.commands.options import place
from portal.cli.texts import clock, plain, read_time


@click.command()
@place
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def command(app: App, *, as_json: bool) -> None:
    me = app.api().me()
    if as_json:
        click.echo(json.dumps({"portal": str(app.address), **me}, indent=2))
        return
    partner = f", of {plain(me['partner'], limit=200)}" if me.get("partner") else ""
    email = f" <{plain(me['email'], limit=300)}>" if me.get("email") else ""
    click.echo(f"{plain(me['name'], limit=200)}{email}{partner}")
    click.echo(f"at {app.address}, by {_token(app)}")
    click.echo(f"may: {', '.join(plain(each, limit=80) for each in me['scopes'] or [])}")


def _token(app: App) -> str:
    if os.environ.get("SALLYPORT_TOKEN"):
        return "the token in SALLYPORT_TOKEN"
    known = app.known
    place_of_it = "a private file" if known.kept == "file" else f"the keyring ({known.kept})"
    until = f", until {clock(read_time(known.expires_at))}" if known.expires_at else ""
    return f"the token in {place_of_it}{until}"

import signal
import threading

import click

from portal.cli.app import App
from portal.cli.commands.options import grant_argument, place, proof_options, proof_reader
from portal.cli.formats import shell_lines, stand_in


@click.command()
@place
@grant_argument
@proof_options
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port (usually any that is free).")
@click.pass_obj
def command(
    app: App,
    *,
    grant: str,
    port: int,
    mfa: bool,
    id_token_file: str | None,
    assertion_file: str | None,
) -> None:
    """Serve a grant's credentials on this machine, as SDKs read them, until Ctrl-C.

    Prints what to paste into the shell where you work. SDKs there renew them by themselves, also where they don't trust
    the portal's own authority. Whoever can read that shell's environment can use it.
    """
    from portal.cli.loopback import Keeper, serving

    proof = proof_reader(mfa=mfa, id_token_file=id_token_file, assertion_file=assertion_file)
    api = app.api()
    found = app.find(grant, api)
    keeper = Keeper(lambda: api.credentials(found, proof()))
    keeper.credentials()
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    with serving(keeper, port=port) as endpoint:
        click.echo(shell_lines(endpoint.environment | stand_in(found)), nl=False)
        click.echo(f"Serving {found.name}. Ctrl-C ends it.", err=True)
        done.wait()

import click

from portal.cli.app import App
from portal.cli.commands.options import grant_argument, place
from portal.cli.formats import FORMATS, formatted


@click.command()
@place
@grant_argument
@click.option("--format", "kind", type=click.Choice(FORMATS), default="env", show_default=True)
@click.pass_obj
def command(app: App, *, grant: str, kind: str) -> None:
    """Print temporary credentials of a grant.

    env is for bash and zsh: eval "$(sallyport credentials GRANT)". process is what a credential_process prints.
    """
    api = app.api()
    found = app.find(grant, api)
    click.echo(formatted(kind, api.credentials(found), found), nl=False)

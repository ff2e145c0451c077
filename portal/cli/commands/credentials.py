import click

from portal.cli.app import App
from portal.cli.commands.options import grant_argument, place, proof_options, proof_reader
from portal.cli.formats import FORMATS, formatted


@click.command()
@place
@grant_argument
@proof_options
@click.option(
    "--fresh",
    is_flag=True,
    help="Have AWS asked for new ones, such as after a change of the role. Those of the last 5 seconds count as new.",
)
@click.option("--format", "kind", type=click.Choice(FORMATS), default="env", show_default=True)
@click.pass_obj
def command(
    app: App,
    *,
    grant: str,
    kind: str,
    fresh: bool,
    mfa: bool,
    id_token_file: str | None,
    assertion_file: str | None,
) -> None:
    """Print temporary credentials of a grant.

    They are the same while they last; --fresh gets new ones. env is for bash and zsh: eval "$(sallyport credentials
    GRANT)". process is what a credential_process prints.
    """
    proof = proof_reader(mfa=mfa, id_token_file=id_token_file, assertion_file=assertion_file)
    api = app.api()
    found = app.find(grant, api)
    click.echo(formatted(kind, api.credentials(found, proof(), fresh=fresh), found), nl=False)

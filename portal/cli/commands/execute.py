import os

import click

from portal.cli.app import App
from portal.cli.commands.options import grant_argument, place, proof_options, proof_reader
from portal.cli.errors import WrongInputError
from portal.cli.formats import environment, stand_in
from portal.cli.running import child_environment, replace, run, shielded


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@place
@grant_argument
@proof_options
@click.argument("words", metavar="-- COMMAND", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--env", "plain_env", is_flag=True, help="Plain variables: not renewed, for what knows no endpoint."
)
@click.option("--region", metavar="NAME", help="The AWS region to work in.")
@click.pass_obj
def command(
    app: App,
    *,
    grant: str,
    words: tuple[str, ...],
    plain_env: bool,
    region: str | None,
    mfa: bool,
    id_token_file: str | None,
    assertion_file: str | None,
) -> int:
    """Run a command with a grant's credentials; they are renewed as it runs.

    It gets no other credentials. SDKs and the AWS CLI renew them by themselves. Options come before GRANT. The
    command's signals, output and exit code are its own.
    """
    words = words[1:] if words[:1] == ("--",) else words
    if not words:
        raise WrongInputError("Which command? Such as: sallyport exec GRANT -- aws s3 ls")
    proof = proof_reader(mfa=mfa, id_token_file=id_token_file, assertion_file=assertion_file)
    api = app.api()
    found = app.find(grant, api)
    more = stand_in(found) | ({"AWS_REGION": region} if region else {})
    base = {
        name: value for name, value in os.environ.items() if not (region and name == "AWS_DEFAULT_REGION")
    }
    if region:
        base.pop("AWS_REGION", None)
    if plain_env:
        return replace(words, child_environment(base, environment(api.credentials(found, proof())) | more))

    from portal.cli.loopback import Keeper, serving

    keeper = Keeper(lambda: api.credentials(found, proof()))
    keeper.credentials()  # a refusal is told before the command starts, and its first call finds them there
    with serving(keeper) as endpoint, shielded(base) as lent:
        return run(words, child_environment(base, endpoint.environment | more | lent))

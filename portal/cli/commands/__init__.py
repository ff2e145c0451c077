"""The commands, each imported when it is called: a start with all of them would be waited for."""

from importlib import import_module
from typing import Any, Final

import click

from portal.cli.app import App
from portal.cli.commands.options import place

# In the order of the help.
COMMANDS: Final = {
    "login": "Sign in, by a browser here or on another device.",
    "logout": "Sign out: the token is revoked and forgotten.",
    "whoami": "Say who is signed in, where, and until when.",
    "list": "List the grants, and until when they are.",
    "request": "Take what your groups may take, or say where to ask.",
    "credentials": "Print temporary credentials of a grant.",
    "exec": "Run a command with a grant's credentials; they are renewed as it runs.",
    "console": "Open the AWS console under a grant.",
    "configure": "Write a profile for each grant into ~/.aws/config.",
    "serve": "Serve a grant's credentials on this machine, as SDKs read them.",
    "doctor": "Find out what is in the way.",
    "completion": "Print the completion for bash, zsh or fish.",
}


class Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"portal.cli.commands.{cmd_name if cmd_name != 'exec' else 'execute'}")
        found: click.Command = module.command
        found.help = found.help or COMMANDS[cmd_name]
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show them without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _version(ctx: click.Context, parameter: click.Parameter, asked: Any) -> None:
    del parameter
    if asked and not ctx.resilient_parsing:
        from portal.cli.version import VERSION

        click.echo(f"sallyport {VERSION}")
        ctx.exit()


@click.command(
    cls=Commands,
    help="Temporary AWS credentials and consoles from your company's Sallyport portal.",
    epilog="Exit codes: 0 done, 1 something here failed, 2 wrong usage, 3 sign-in needed, 4 refused, "
    "5 unavailable, 130 interrupted.",
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
    no_args_is_help=False,
)
@place
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Say which."
)
@click.pass_context
def sallyport(ctx: click.Context) -> None:
    ctx.ensure_object(App)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())

import click

from portal.cli.app import App
from portal.cli.checkup import Step, walk
from portal.cli.commands.options import complete_grant, place

WORDS = {"ok": "ok     ", "stopped": "FAILED ", "maybe": "maybe  ", "unknown": "?      "}


@click.command()
@place
@click.argument("grant", required=False, metavar="[GRANT]", shell_complete=complete_grant)
@click.pass_obj
def command(app: App, *, grant: str | None) -> int:
    """Find out what is in the way, step by step; with GRANT also what the portal says of that grant."""
    worst = 0
    for step in walk(app, grant):
        _show(step)
        worst = worst or step.exit_code
    return worst


def _show(step: Step) -> None:
    click.echo(f"{WORDS.get(step.verdict, WORDS['unknown'])} {step.name}: {step.detail}")
    if step.advice:
        click.echo(f"        {step.advice}")

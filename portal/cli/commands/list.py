import json
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from portal.cli.app import LIVING, App
from portal.cli.commands.options import place
from portal.cli.grants import Grant, names
from portal.cli.texts import aws_time, clock, left


@click.command()
@place
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--all", "ended_too", is_flag=True, help="Also what is over.")
@click.pass_obj
def command(app: App, *, as_json: bool, ended_too: bool) -> None:
    """List the grants, and until when they are.

    GRANT in other commands is a name of this list, the role alone where it is one's only one, or an id.
    """
    api = app.api()
    found = api.grants() if ended_too else api.grants(*LIVING)
    if as_json:
        click.echo(json.dumps([_told(name, grant) for name, grant in names(found).items()], indent=2))
    elif found:
        click.echo(_table(found))
    else:
        click.echo(f"You have no grants now. `sallyport request` shows what you may take at {app.address}.")


def _table(grants: Sequence[Grant]) -> str:
    now = datetime.now(UTC)
    rows = [("GRANT", "ACCOUNT", "ROLE", "STATE", "UNTIL")]
    rows += [
        (name, f"{grant.account} ({grant.account_id})", grant.role, _state(grant), _until(grant, now))
        for name, grant in names(grants).items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _state(grant: Grant) -> str:
    return "closed now" if grant.state == "active" and grant.open_until is None else grant.state


def _until(grant: Grant, now: datetime) -> str:
    if grant.open_until is not None:
        return f"{clock(grant.open_until)}, in {left(grant.open_until, now=now)}"
    if grant.opens_at is not None:
        return f"opens {clock(grant.opens_at)}, in {left(grant.opens_at, now=now)}"
    return clock(grant.ends_at)


def _told(name: str, grant: Grant) -> dict[str, object]:
    return {
        "name": name,
        "id": grant.id,
        "account": grant.account,
        "account_id": grant.account_id,
        "role": grant.role,
        "scope": grant.scope,
        "state": grant.state,
        "is_open": grant.open_until is not None,
        "open_until": aws_time(grant.open_until) if grant.open_until else None,
        "ends_at": aws_time(grant.ends_at),
        "allows_console": grant.allows_console,
        "allows_credentials": grant.allows_credentials,
    }

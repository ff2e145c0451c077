import re
import sys
from collections.abc import Mapping
from typing import Any, Final

import click

from portal.cli.app import App
from portal.cli.commands.options import place
from portal.cli.errors import RefusedError, WrongInputError
from portal.cli.grants import slug
from portal.cli.texts import clock, plain

LINK: Final = re.compile(r"[\w-]+/[\w-]+")
SPAN: Final = re.compile(r"(?:(\d{1,4})\s*h)?\s*(?:(\d{1,5})\s*(?:m|min)?)?")


@click.command()
@place
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--for", "span", metavar="TIME", help="How long, such as 45m or 2h (usually the longest).")
@click.option("--reason", metavar="TEXT", help="Why; it stands in the audit trail.")
@click.pass_obj
def command(app: App, *, name: str | None, span: str | None, reason: str | None) -> None:
    """Take what your groups may take, or say where to ask.

    Without NAME: lists it. What none of them may take is asked for in the portal: its address is printed.
    """
    api = app.api()
    offers = {_name(each): each for each in api.offers()}
    if name is None:
        _list(app, offers)
        return
    offer = _chosen(app, name, offers)
    longest = int(offer["longest_minutes"])
    minutes = _minutes(span) if span else longest
    taken = api.take(str(offer["id"]), minutes=minutes, reason=reason or _asked_reason())
    click.echo(f"{taken.name} is yours until {clock(taken.ends_at)}.")


def _list(app: App, offers: Mapping[str, Mapping[str, Any]]) -> None:
    for name, offer in offers.items():
        held = "  (you have it)" if offer.get("held") else ""
        scope = plain(offer.get("scope_summary", ""))
        click.echo(f"{name}  up to {offer['longest_minutes']} min  {scope}{held}")
    if not offers:
        click.echo("Your groups may take nothing by themselves.")
    click.echo(f"Anything else is asked for at {app.address}/")


def _chosen(app: App, name: str, offers: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    asked = name.strip().lower()
    meant = [each for each in offers if asked in {each, each.partition("/")[2], str(offers[each]["id"])}]
    if len(meant) == 1:
        return offers[meant[0]]
    if meant:
        raise WrongInputError(f"{plain(name, limit=80)} could be each of: {', '.join(meant)}. Say which.")
    there = f"go/{asked}" if LINK.fullmatch(asked) else ""
    raise RefusedError(
        f"None of your groups may take {plain(name, limit=80)}. Ask for it at {app.address}/{there}",
        code="not_offered",
    )


def _name(offer: Mapping[str, Any]) -> str:
    role = offer["role"]
    account = role["account"]
    return f"{slug(str(account['name'])) or account['account_id']}/{slug(str(role['title']))}"


def _minutes(span: str) -> int:
    found = SPAN.fullmatch(span.strip().lower())
    minutes = 60 * int(found[1] or 0) + int(found[2] or 0) if found else 0
    if not minutes:
        raise WrongInputError(f"{plain(span, limit=40)} is no time: give 45m, 2h or 1h30m.")
    return minutes


def _asked_reason() -> str:
    if not sys.stdin.isatty():
        raise WrongInputError("Say why with --reason.")
    return str(click.prompt("Why"))

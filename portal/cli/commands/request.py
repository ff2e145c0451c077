import re
import sys
from collections.abc import Sequence
from typing import Final

import click

from portal.cli.app import App
from portal.cli.commands.options import place
from portal.cli.errors import RefusedError, WrongInputError
from portal.cli.grants import Offer
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
    offers = api.offers()
    if name is None:
        _list(app, offers)
        return
    offer = _chosen(app, name, offers)
    minutes = _minutes(span) if span else offer.minutes
    taken = api.take(offer, minutes=minutes, reason=reason or _asked_reason())
    click.echo(f"{taken.name} is yours until {clock(taken.ends_at)}.")


def _list(app: App, offers: Sequence[Offer]) -> None:
    for offer in offers:
        held = "  (you have it)" if offer.is_held else ""
        click.echo(f"{offer.name}  up to {offer.minutes} min  {offer.scope}{held}")
    if not offers:
        click.echo("Your groups may take nothing by themselves.")
    click.echo(f"Anything else is asked for at {app.address}/")


def _chosen(app: App, name: str, offers: Sequence[Offer]) -> Offer:
    asked = name.strip().lower()
    meant = [each for each in offers if asked in {each.name, each.name.partition("/")[2], each.id}]
    if len(meant) == 1:
        return meant[0]
    shown = plain(name, limit=80)
    if meant:
        choices = ", ".join(f"{each.name} ({each.id})" for each in meant)
        raise WrongInputError(f"{shown} could be each of: {choices}. Say which.")
    there = f"go/{asked}" if LINK.fullmatch(asked) else ""
    told = f"None of your groups may take {shown}. Ask for it at {app.address}/{there}"
    raise RefusedError(told, code="not_offered")


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

"""manage.py hold show | enter | release: stop issuing and revoking, and let it go on."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.access.models import Hold
from portal.access.operations.drift.reconcile import not_compared, not_taken_over
from portal.access.operations.running.hold import enter_hold, open_hold, release_hold
from portal.kernel.actor import Actor
from portal.kernel.errors import DomainError
from portal.kernel.periods import utc_clock

ACTOR = Actor.command("manage.py hold")


class Command(BaseCommand):
    help = "Show, enter or release the hold, in which nothing is issued or revoked. show: exit code 1 while in hold."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="show|enter|release")
        acts.add_parser("show", help="say whether the portal is in hold, since when and why")
        enter = acts.add_parser("enter", help="stop issuing and revoking")
        release = acts.add_parser(
            "release", help="go on, once somebody has looked at the difference with AWS"
        )
        for act in (enter, release):
            act.add_argument("--reason", required=True, help="why, for the audit trail")
        release.add_argument(
            "--lift-denies",
            action="store_true",
            help="also when AWS denies, or may deny, what is not known here, and the first writing lets it in again",
        )

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        del args
        try:
            if act == "enter":
                told = _told(enter_hold(reason=options["reason"], actor=ACTOR))
            elif act == "release":
                self._check_nothing_is_lifted(knowingly=options["lift_denies"])
                release_hold(reason=options["reason"], actor=ACTOR)
                told = "Released: the portal issues and revokes again."
            else:
                told = self._show()
        except DomainError as refusal:
            raise CommandError(f"{refusal}") from None
        self.stdout.write(told)

    @staticmethod
    def _check_nothing_is_lifted(*, knowingly: bool) -> None:
        left, unknown = len(not_taken_over()), not_compared()
        if unknown and not knowingly:
            raise CommandError(
                "What AWS denies there is not known, and the first writing lets in again whatever it is: "
                f"{'; '.join(unknown[:5])}. Compare again (manage.py reconcile), or give --lift-denies."
            )
        if left and not knowingly:
            raise CommandError(
                f"AWS denies {left} that are not known here, and the first writing there lets them in again. "
                "Take them over first (manage.py reconcile --repair), or give --lift-denies."
            )

    def _show(self) -> str:
        hold = open_hold()
        if hold is not None:
            raise CommandError(_told(hold))
        return "Not in hold: the portal issues and revokes."


def _told(hold: Hold) -> str:
    looked = (
        f"Somebody looked at the difference at {utc_clock(hold.looked_at)}; it can be released."
        if hold.looked_at
        else "Nobody has looked at the difference with AWS yet: that comes before a release."
    )
    return (
        f"In hold since {utc_clock(hold.entered_at)}: {hold.reason}. Nothing is issued or revoked. {looked}"
    )

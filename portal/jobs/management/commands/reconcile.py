"""manage.py reconcile: what AWS has against what the portal believes; with --repair, mend it.

Exit codes: 0 nothing differs (any more), 3 something does, 1 it could not be found out.
"""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Collection
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from brokers.errors import BrokerError
from portal.access.differences import Difference, Kind, Report
from portal.access.models import Reconciliation
from portal.access.operations.drift.reconcile import compare_now, not_taken_over, repair_chosen, report_of
from portal.access.operations.drift.repair_differences import Repaired
from portal.access.operations.running.hold import is_held
from portal.kernel.actor import Actor
from portal.kernel.errors import DomainError
from portal.wiring import aws_ports

ACTOR = Actor.command("manage.py reconcile")
DIFFERENT = 3


class Command(BaseCommand):
    help = (
        "Compare every role and user that the portal manages with AWS. Changes nothing without --repair. "
        "Exit code 0: nothing differs; 3: something does; 1: it could not be found out."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--repair", action="store_true", help="repair what differs and can be repaired")
        parser.add_argument(
            "--only",
            action="append",
            choices=[kind.value for kind in Kind],
            metavar="KIND",
            help=f"with --repair: this kind alone; may be given more than once. One of {', '.join(Kind)}",
        )
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *args: Any, repair: bool, only: list[str] | None, **options: Any) -> None:
        del args
        if only and not repair:
            raise CommandError("--only says what to repair: give --repair as well.")
        try:
            aws = aws_ports()
            made = compare_now(aws=aws, actor=ACTOR, progress=self._tell)
            report = report_of(made)
            chosen = [each for each in report.differences if not only or each.kind in only] if repair else []
            keys = [each.key for each in chosen]
            repaired = repair_chosen(made=made, keys=keys, actor=ACTOR, aws=aws) if repair else None
        except (BrokerError, DomainError) as problem:
            raise CommandError(f"AWS could not be asked: {problem}") from None
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(made, report, repaired), indent=2))
        else:
            self._print(report, repaired)
        self._end(report, repaired)

    def _tell(self, done: int, total: int) -> None:
        self.stderr.write(f"{done} of {total} roles and users")

    def _print(self, report: Report, repaired: Repaired | None) -> None:
        for kind, differences in report.grouped().items():
            self.stdout.write(f"{kind} ({len(differences)})")
            for each in differences:
                self.stdout.write(f"  {each.principal}: {each.words}")
                self.stdout.write(f"    {_outcome(each, repaired)}")
        for what, why in report.unasked.items():
            self.stdout.write(f"not asked: {what}: {why}")
        for what in report.unsettled:
            self.stdout.write(f"being written at each look: {what}")
        if report.is_clean:
            self.stdout.write(f"{report.looked_at} roles and users compared: AWS and the portal agree.")

    def _end(self, report: Report, repaired: Repaired | None) -> None:
        """Warn of what would be lost, and leave by the exit code that tells how it stands."""
        left = not_taken_over()
        if is_held() and left:
            self.stderr.write(
                f"DO NOT RELEASE THE HOLD YET: AWS denies {len(left)} that are not known here, and the first "
                "writing there lets them in again. Take them over first: manage.py reconcile --repair"
            )
        if report.unasked or report.unsettled:
            raise CommandError("Not all could be compared: see above.")
        done: Collection[str] = () if repaired is None else repaired.done
        if any(each.key not in done for each in report.differences):
            sys.exit(DIFFERENT)


def _outcome(found: Difference, repaired: Repaired | None) -> str:
    if repaired is None:
        return f"repair: {found.repair}"
    if found.key in repaired.done:
        later = " Once the hold is released." if found.remedy.writes_aws and is_held() else ""
        return f"done: {found.repair}{later}"
    return f"not repaired: {repaired.refused.get(found.key, 'not asked for')}"


def _as_json(made: Reconciliation, report: Report, repaired: Repaired | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "made_at": made.made_at.isoformat() if made.made_at else None,
        **report.to_json(),
    }
    if repaired is not None:
        found |= {"repaired": list(repaired.done), "refused": dict(repaired.refused)}
    return found

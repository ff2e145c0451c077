"""manage.py check_drift: what differs in AWS from the roles that were made for partners.

Exit codes: 0 nothing differs, 3 something does, 1 it could not be found out.
"""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from brokers.errors import BrokerError
from portal.access.models import RoleDrift
from portal.access.operations.drift.find_drift import Checked, check_account_roles
from portal.catalog.models import AwsAccount
from portal.kernel.actor import Actor
from portal.kernel.errors import DomainError
from portal.wiring import aws_ports

ACTOR = Actor.command("manage.py check_drift")
DIFFERENT = 3


class Command(BaseCommand):
    help = (
        "Compare the roles that were made for partners with AWS, orphans included; repairs nothing. "
        "Exit code 0: nothing differs; 3: something does; 1: it could not be found out."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "account", nargs="*", help="numbers of our accounts (12 digits); none: all that make such roles"
        )
        parser.add_argument("--json", action="store_true", help="print what was found as JSON")

    def handle(self, *args: Any, account: list[str], **options: Any) -> None:
        del args
        accounts = _accounts(account)
        try:
            aws = aws_ports()
            found = {each: check_account_roles(account_id=each.pk, aws=aws, actor=ACTOR) for each in accounts}
        except (BrokerError, DomainError) as problem:
            raise CommandError(f"AWS could not be asked: {problem}") from None
        if options["json"]:
            self.stdout.write(json.dumps([_as_json(each, found[each]) for each in accounts], indent=2))
        else:
            self._print(found)
        if silent := [f"{each}: {checked.problem}" for each, checked in found.items() if checked.problem]:
            raise CommandError(f"Not all could be looked at: {'; '.join(silent)}")
        if any(checked.drifts for checked in found.values()):
            sys.exit(DIFFERENT)

    def _print(self, found: dict[AwsAccount, Checked]) -> None:
        for account, checked in found.items():
            self.stdout.write(
                f"{account}: roles compared: {checked.looked_at}, differences: {len(checked.drifts)}"
            )
            for drift in checked.drifts:
                self.stdout.write(
                    f"  {drift.kind} ({drift.state}) {drift.role_name}, {drift.part}: {drift.why}"
                )


def _accounts(numbers: list[str]) -> list[AwsAccount]:
    wanted = {number.replace("-", "") for number in numbers}
    accounts = AwsAccount.objects.exclude(provisioner_role_arn="").order_by("account_id")
    found = list(accounts.filter(account_id__in=wanted) if wanted else accounts)
    if unknown := wanted - {each.account_id for each in found}:
        raise CommandError(f"No account in which roles are made for partners: {', '.join(sorted(unknown))}.")
    return found


def _as_json(account: AwsAccount, checked: Checked) -> dict[str, Any]:
    return {
        "account": account.account_id,
        "looked_at": checked.looked_at,
        "problem": checked.problem,
        "drifts": [_drift(each) for each in checked.drifts],
    }


def _drift(drift: RoleDrift) -> dict[str, Any]:
    told = ("role_name", "part", "kind", "state", "why", "wanted", "found")
    return {"id": str(drift.pk), **{name: getattr(drift, name) for name in told}}

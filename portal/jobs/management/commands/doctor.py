"""manage.py doctor: what stopped a partner's call, and what to do.

Exit codes: 0 nothing here stops it, 3 something does or may, 1 it could not be found out.
"""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from brokers.errors import BrokerError
from portal.access.doctor import Verdict
from portal.access.operations.doctor.diagnose import Diagnosis, DoctorOrder, diagnose
from portal.kernel.actor import Actor
from portal.kernel.errors import DomainError
from portal.wiring import aws_ports

ACTOR = Actor.command("manage.py doctor")
FOUND = 3
MARKS = {Verdict.OK: "ok", Verdict.STOPPED: "STOPPED", Verdict.MAYBE: "MAYBE", Verdict.UNKNOWN: "not known"}
FIELDS = (
    *("role_arn", "grant_id", "partner_account_number", "principal_arn", "external_id", "sends_external_id"),
    *("at", "action", "resource", "duration_seconds", "sends_tags", "sends_source_identity"),
)


class Command(BaseCommand):
    help = (
        "Find out what stopped a partner's call. Asks AWS how the role stands; changes nothing. "
        "Exit code 0: nothing here stops it; 3: something does or may; 1: it could not be found out."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("role_arn", nargs="?", default="", help="the role's ARN, as the partner uses it")
        add("--grant", dest="grant_id", type=_grant_id, default=None, help="the grant's id instead (a UUID)")
        add("--account", dest="partner_account_number", default="", help="the account that they call from")
        add("--principal", dest="principal_arn", default="", help="the ARN of the role or user that calls")
        sent = parser.add_mutually_exclusive_group()
        sent.add_argument("--external-id", default="", help="the ExternalId that they send")
        sent.add_argument(
            "--no-external-id", dest="sends_external_id", action="store_false", help="they send none"
        )
        add("--at", type=_moment, default=None, help="when it failed, with its zone: 2026-05-06T18:00:00Z")
        add("--error", dest="error_text", default="", help="what they saw, or - to read it from stdin")
        add("--error-file", type=Path, default=None, help="a file with what they saw")
        add("--action", default="", help="the action that was refused, such as s3:GetObject")
        add("--resource", default="", help="the resource that it was refused on")
        add("--duration", dest="duration_seconds", type=int, default=None, help="seconds that they ask for")
        add("--tags", dest="sends_tags", action="store_true", help="they send session tags")
        add("--source-identity", dest="sends_source_identity", action="store_true", help="they send one")
        add("--json", action="store_true", help="print what was found as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        order = DoctorOrder(
            error_text=_error(options["error_text"], options["error_file"]),
            **{name: options[name] for name in FIELDS},
        )
        try:
            found = diagnose(order=order, aws=aws_ports(), actor=ACTOR)
        except (BrokerError, DomainError) as refusal:
            raise CommandError(f"{refusal}") from None
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(found), indent=2))
        else:
            self._print(found)
        if found.stopped_by:
            sys.exit(FOUND)

    def _print(self, found: Diagnosis) -> None:
        self.stdout.write(found.sentence)
        for step in found.steps:
            self.stdout.write(f"{MARKS[step.verdict]:>10}  {step.name}: {step.detail}")
            if step.advice and step.verdict in {Verdict.STOPPED, Verdict.MAYBE}:
                self.stdout.write(f"{'':>10}  -> {step.advice}")
                for line in step.paste.splitlines():
                    self.stdout.write(f"{'':>15}{line}")


def _error(text: str, file: Path | None) -> str:
    try:
        if file is not None:
            return file.read_text(encoding="utf-8")
        return sys.stdin.read() if text == "-" else text
    except (OSError, UnicodeDecodeError) as problem:
        raise CommandError(f"{file or 'stdin'} can't be read: {problem}") from None


def _as_json(found: Diagnosis) -> dict[str, Any]:
    return {
        "sentence": found.sentence,
        "stopped_by": found.stopped_by,
        "grant": str(found.grant.pk) if found.grant else None,
        "at": found.at.isoformat(),
        "steps": [asdict(step) for step in found.steps],
    }


def _grant_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a grant's id (a UUID)") from None


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no time, such as 2026-05-06T18:00:00Z") from None

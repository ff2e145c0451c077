"""manage.py revoke_grant GRANT --reason WHY: the kill switch from the shell, worker or no worker."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from brokers.errors import BrokerError
from portal.access.lifecycle import RevocationState
from portal.access.models import Grant, Revocation
from portal.access.operations.cutting.apply_revocations import apply_revocations
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.running.hold import is_held
from portal.access.run_out import run_out
from portal.access.telling import end_words
from portal.jobs.tasks import holder
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import DomainError
from portal.kernel.periods import utc_clock
from portal.wiring import aws_ports

GOES_ON = "The worker goes on trying."


class Command(BaseCommand):
    help = "Revoke one grant at once, its live AWS sessions included, and say how far it came."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("grant", type=_grant_id, help="the grant's id (a UUID)")
        parser.add_argument("--reason", required=True, help="why, for the audit trail")
        parser.add_argument(
            "--let-run-out",
            action="store_true",
            help="issue nothing more, but let live sessions run to their own end",
        )

    def handle(self, *args: Any, grant: UUID, reason: str, let_run_out: bool, **options: Any) -> None:
        del args, options
        actor = Actor.command("manage.py revoke_grant")
        try:
            ended = revoke_grant(grant_id=grant, reason=reason, cut=not let_run_out, actor=actor)
        except DomainError as refusal:
            raise CommandError(f"{refusal}") from None
        self.stdout.write(f"Revoked: {ended}. Nothing is issued under it from now on.")
        revocation = Revocation.objects.filter(grant=ended).first()
        if revocation is not None:
            _apply(revocation)
            revocation.refresh_from_db()
        self.stdout.write(_words(ended, revocation))


def _apply(revocation: Revocation) -> None:
    """Bring the deny to AWS here and now, rather than wait for a worker."""
    if is_held():
        raise CommandError(
            "Not cut off in AWS: the portal is in hold. The deny goes there once that is released."
        )
    try:
        apply_revocations(document_id=revocation.document_id, aws=aws_ports(), holder=holder())
    except BrokerError as problem:
        raise CommandError(f"AWS was not reached ({problem}). {GOES_ON}") from None


def _words(ended: Grant, revocation: Revocation | None) -> str:
    if revocation is not None and revocation.state == RevocationState.FAILING:
        raise CommandError(f"Not yet cut off in AWS: {revocation.last_error}. {GOES_ON}")
    if revocation is not None and revocation.state == RevocationState.PENDING:
        return "A worker is bringing the deny to AWS at this moment."
    return end_words(ended, revocation, run_out(ended, at=database_now()), utc_clock)


def _grant_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a grant's id (a UUID)") from None

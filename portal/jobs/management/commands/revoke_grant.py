"""manage.py revoke_grant GRANT --reason WHY: the kill switch from the shell, worker or no worker."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from brokers.errors import BrokerError
from portal.access.lifecycle import RevocationState
from portal.access.models import Revocation
from portal.access.operations.apply_revocations import apply_revocations
from portal.access.operations.revoke_grant import revoke_grant
from portal.jobs.tasks import holder
from portal.kernel.actor import Actor
from portal.kernel.errors import DomainError
from portal.wiring import aws_ports


class Command(BaseCommand):
    help = "Revoke one grant at once, its live AWS sessions included, and say how far it came."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("grant", type=_grant_id, help="the grant's id (a UUID)")
        parser.add_argument("--reason", required=True, help="why, for the audit trail")

    def handle(self, *args: Any, grant: UUID, reason: str, **options: Any) -> None:
        del args, options
        try:
            ended = revoke_grant(grant_id=grant, reason=reason, actor=Actor.command("manage.py revoke_grant"))
        except DomainError as refusal:
            raise CommandError(f"{refusal}") from None
        self.stdout.write(f"Revoked: {ended}. Nothing is issued under it from now on.")
        revocation = Revocation.objects.filter(grant=ended).first()
        if revocation is None:
            self.stdout.write("No session that could still be alive: there is nothing to cut off in AWS.")
            return
        try:
            apply_revocations(document_id=revocation.document_id, aws=aws_ports(), holder=holder())
        except BrokerError as problem:
            raise CommandError(f"AWS was not reached ({problem}); the worker goes on trying.") from None
        revocation.refresh_from_db()
        if revocation.state == RevocationState.APPLIED:
            self.stdout.write("The deny stands in AWS: its live sessions are cut off.")
        elif revocation.state == RevocationState.FAILING:
            raise CommandError(f"Not yet cut off in AWS: {revocation.last_error}. The worker goes on trying.")
        else:
            self.stdout.write("A worker is bringing the deny to AWS at this moment.")


def _grant_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a grant's id (a UUID)") from None

"""manage.py apply_revocations: bring every waiting deny to AWS now, worker and Redis or not."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from brokers.errors import BrokerError
from portal.access.lifecycle import WAITING, stored
from portal.access.models import Revocation
from portal.access.operations.cutting.apply_revocations import apply_revocations
from portal.jobs.tasks import holder
from portal.wiring import aws_ports


class Command(BaseCommand):
    help = "Bring every revocation that waits, failing ones too, to AWS at once, and say what is left."

    def handle(self, *args: Any, **options: Any) -> None:
        del args, options
        waiting = Revocation.objects.filter(state__in=stored(WAITING))
        total = waiting.count()
        documents = sorted(set(waiting.values_list("document_id", flat=True)))
        for number, document_id in enumerate(documents, start=1):
            self.stdout.write(f"AWS document {number} of {len(documents)}")
            try:
                apply_revocations(document_id=document_id, aws=aws_ports(), holder=holder())
            except BrokerError as problem:
                raise CommandError(f"AWS was not reached: {problem}. The worker goes on trying.") from None
        left = list(waiting.select_related("grant__person", "grant__role"))
        for row in left:
            self.stderr.write(f"{row.grant}: {row.last_error or 'another worker is at it'}")
        if left:
            raise CommandError(f"{len(left)} of {total} still wait. The worker goes on trying.")
        self.stdout.write("Every revocation stands in AWS.")

"""The comparison with AWS that a page asked for, made by a worker: the row in the database says what is to be done."""

from celery import current_app, shared_task

from brokers.errors import BrokerError
from portal.access.operations.drift.reconcile import ASKED, fail_comparison, make_comparison
from portal.jobs.capacity import free_slot
from portal.kernel import outbox
from portal.kernel.models import OutboxMessage
from portal.wiring import aws_ports

# Who asked has given up waiting by then, and can ask again.
STALE = 300


@shared_task(name="portal.jobs.compare")
def compare() -> None:
    """Make the comparison that waits, if one does."""
    with free_slot() as is_free:
        if not is_free:
            # Raised, so that it is seen: the page offers to ask again.
            raise RuntimeError(
                "every thread that may talk to AWS is busy: the comparison waits to be asked again"
            )
        try:
            aws = aws_ports()
        except BrokerError as problem:
            fail_comparison(problem=problem)
            return
        make_comparison(aws=aws)


def deliver(message: OutboxMessage) -> None:
    """Wake a worker. Where Redis is not reached this raises, so that the message comes again."""
    del message
    current_app.send_task("portal.jobs.compare", expires=STALE, retry=False, ignore_result=True, queue="aws")


def subscribe() -> None:
    outbox.subscribe(ASKED, deliver)

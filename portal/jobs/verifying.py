"""The verification of AWS accounts that a page asked for, made by a worker: the rows say which."""

from celery import current_app, shared_task

from brokers.errors import BrokerError
from portal.access.operations.accounts.verify_account import ASKED, fail_verifications, verify_asked
from portal.jobs.capacity import free_slot
from portal.kernel import outbox
from portal.kernel.models import OutboxMessage
from portal.wiring import aws_ports

# Who asked has given up waiting by then, and can ask again.
STALE = 120
TASK = "portal.jobs.verify_accounts"


@shared_task(name=TASK)
def verify_accounts() -> int:
    """Verify what waits for it."""
    with free_slot() as is_free:
        if not is_free:
            # Raised, so that it is seen: the page offers to ask again.
            raise RuntimeError(
                "every thread that may talk to AWS is busy: the verification waits to be asked again"
            )
        try:
            aws = aws_ports()
        except BrokerError as problem:
            fail_verifications(problem=problem)
            return 0
        return verify_asked(aws=aws)


def deliver(message: OutboxMessage) -> None:
    """Wake a worker. Where Redis is not reached this raises, so that the message comes again."""
    del message
    current_app.send_task(TASK, expires=STALE, retry=False, ignore_result=True, queue="aws")


def subscribe() -> None:
    outbox.subscribe(ASKED, deliver)

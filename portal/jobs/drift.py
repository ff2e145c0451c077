"""Proofs of ExternalIds, and the look at partners' roles in AWS, by a worker: what is due is found in the database.

The sweep wakes for what is due; beat asks each minute besides, for the roles that no row here knows of.
"""

from uuid import UUID

from celery import current_app, shared_task

from brokers.errors import BrokerError
from portal.access.operations.drift.decide_drift import CHECK_ASKED, REPAIR_ASKED
from portal.access.operations.drift.find_drift import check_account_roles, check_due_roles, due_for_a_look
from portal.access.operations.drift.record_drift import WATCHER
from portal.access.operations.drift.remove_orphans import remove_orphans
from portal.access.operations.partners.proof_leases import due_proofs
from portal.access.operations.partners.prove_external_ids import fail_due_proofs, prove_due
from portal.jobs.capacity import free_slot
from portal.jobs.waking import send
from portal.kernel import outbox
from portal.kernel.clock import database_now
from portal.kernel.errors import NotFoundError
from portal.kernel.models import OutboxMessage
from portal.wiring import aws_ports

PROVE = "portal.jobs.prove_external_ids"
CHECK = "portal.jobs.check_drift"
CHECK_ONE = "portal.jobs.check_account"
# Who asked has given up waiting by then, and can ask again.
STALE = 300


@shared_task(name=PROVE)
def prove_external_ids() -> int:
    """Make the proofs that are due. Several at once are harmless: each takes another one."""
    with free_slot() as is_free:
        if not is_free:
            return 0
        try:
            aws = aws_ports()
        except BrokerError as problem:
            fail_due_proofs(problem=problem)
            return 0
        return prove_due(aws=aws)


@shared_task(name=CHECK)
def check_drift() -> int:
    """Look at the roles whose turn it is, and take away what somebody decided is nobody's."""
    with free_slot() as is_free:
        if not is_free:
            return 0
        aws = aws_ports()
        remove_orphans(aws=aws)
        return check_due_roles(aws=aws)


@shared_task(name=CHECK_ONE)
def check_account(account: str) -> None:
    """Look at all roles for partners in one account of ours, because somebody asked."""
    with free_slot() as is_free:
        if not is_free:
            # Raised, so that it is seen: the page offers to ask again.
            raise RuntimeError("every thread that may talk to AWS is busy: the look waits to be asked again")
        try:
            check_account_roles(account_id=UUID(account), aws=aws_ports(), actor=WATCHER)
        except NotFoundError:
            return


def wake_for_proofs_and_looks() -> None:
    """Wake a worker for the proofs that are due, and one for the looks."""
    now = database_now()
    if due_proofs(at=now).exists():
        send(PROVE)
    if due_for_a_look(at=now).exists():
        send(CHECK)


def deliver_check(message: OutboxMessage) -> None:
    """Wake a worker for one account. Where Redis is not reached this raises, so that the message comes again."""
    arguments = [message.payload["account"]]
    current_app.send_task(CHECK_ONE, arguments, expires=STALE, retry=False, ignore_result=True)


def deliver_repair(message: OutboxMessage) -> None:
    """As `deliver_check`, for what is to be taken away."""
    del message
    current_app.send_task(CHECK, expires=STALE, retry=False, ignore_result=True)


def subscribe() -> None:
    outbox.subscribe(CHECK_ASKED, deliver_check)
    outbox.subscribe(REPAIR_ASKED, deliver_repair)

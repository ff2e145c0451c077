"""Partners' roles brought to AWS by a worker: what is due is found in the database. The sweep asks each second."""

import os
import socket

from celery import shared_task

from brokers.errors import BrokerError
from portal.access.operations.partners.work_partner_roles import (
    due_partner_roles,
    fail_due_partner_roles,
    work_partner_roles,
)
from portal.jobs.capacity import free_slot
from portal.jobs.waking import send
from portal.kernel.clock import database_now
from portal.wiring import aws_ports

TASK = "portal.jobs.partner_roles"
# How many workers a round of the sweep wakes at most: each goes on until nothing is due.
WORKERS = 6


@shared_task(name=TASK)
def partner_roles() -> int:
    """Make and take away what is due. Several at once are harmless: each takes another role.

    As with revocations, some of a worker's threads are kept free of it: where none is left the run is dropped, and
    the next round of the sweep asks again.
    """
    with free_slot() as is_free:
        if not is_free:
            return 0
        holder = f"{socket.gethostname()}:{os.getpid()}"
        try:
            aws = aws_ports()
        except BrokerError as problem:
            fail_due_partner_roles(problem=problem, holder=holder)
            return 0
        return work_partner_roles(aws=aws, holder=holder)


def wake_for_roles() -> None:
    """Wake as many workers as there are roles with work due, up to a few."""
    for _ in due_partner_roles(at=database_now(), limit=WORKERS):
        send(TASK)

"""Celery's side of the schedule: thin. What is due is found in the database; a task's arguments are ids at most."""

import os
import socket
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from kombu.exceptions import OperationalError

from portal.access.operations.apply_revocations import apply_revocations, due_documents
from portal.access.operations.sweep_grants import activate_due_grants, expire_due_grants
from portal.access.operations.tidy import tidy_access
from portal.directory.operations.tidy import tidy_sign_ins
from portal.kernel import outbox
from portal.kernel.clock import database_now
from portal.wiring import aws_ports

# A run that still waits in the queue after this is dropped: the next tick does the same work.
STALE = timedelta(seconds=10)


@shared_task(name="portal.jobs.sweep")
def sweep() -> None:
    """Do all that is due: activate, expire, then hand each AWS document with a revocation due to a worker."""
    while activate_due_grants() == settings.SWEEP_BATCH:
        pass
    while expire_due_grants() == settings.SWEEP_BATCH:
        pass
    outbox.relay()
    for document_id in due_documents(at=database_now()):
        revoke.apply_async((document_id,), expires=STALE.total_seconds(), retry=False)


@shared_task(name="portal.jobs.revoke")
def revoke(document_id: int) -> int:
    """Apply one AWS document's revocations. Several at once are harmless: the document's lease lets one write."""
    return apply_revocations(document_id=document_id, aws=aws_ports(), holder=holder())


@shared_task(name="portal.jobs.tidy")
def tidy() -> None:
    """Remove what has served: old console links, sign-ins, delivered messages."""
    now = database_now()
    tidy_access(at=now)
    tidy_sign_ins(at=now)
    outbox.drop_delivered(before=now - timedelta(days=7))


def holder() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def wake() -> None:
    """Ask for a sweep now. A lost wake-up loses nothing: the next tick is a second away."""
    try:
        sweep.apply_async(expires=STALE.total_seconds(), retry=False, ignore_result=True)
    except (OperationalError, OSError):
        outbox.log.warning("Redis can't be reached: the wake-up is dropped, the schedule does the work")

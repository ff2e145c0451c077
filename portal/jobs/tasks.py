"""Celery's side of the schedule: thin. What is due is found in the database; a task's arguments are ids at most."""

import os
import socket
from datetime import timedelta

from celery import shared_task
from django.contrib.sessions.backends.db import SessionStore

from brokers.errors import BrokerError
from portal.access.operations.cutting.prove_revocations import is_probe_due, prove_revocations
from portal.access.operations.cutting.work_off import due_documents, fail_due, work_off
from portal.access.operations.running.tidy import tidy_access
from portal.identity.operations.tidy import tidy_sign_ins
from portal.jobs import metadata as _metadata  # noqa: F401  # Celery finds its task here
from portal.jobs import sponsors as _sponsors  # noqa: F401  # as above
from portal.jobs.capacity import free_slot
from portal.jobs.drift import wake_for_proofs_and_looks
from portal.jobs.partner_roles import wake_for_roles
from portal.jobs.sweep_loop import sweep_here
from portal.jobs.waking import quietly, send
from portal.kernel import outbox
from portal.kernel.attempts import tidy_attempts
from portal.kernel.clock import database_now
from portal.wiring import aws_ports

# How many workers a round of the sweep wakes at most: each goes on until nothing is due.
WORKERS = 8


@shared_task(name="portal.jobs.sweep", acks_late=False)
def sweep() -> None:
    """Sweep for a turn, unless somebody does. Beat asks each second, so that whatever dies is followed."""
    with quietly():
        follows = sweep_here(holder=holder(), dispatch=dispatch)
    if follows:
        send("portal.jobs.sweep")


@shared_task(name="portal.jobs.revoke")
def revoke() -> int:
    """Bring to AWS what is due, and prove what is applied. Several at once are harmless: each takes another document.

    Some of a worker's threads are kept free of it, so that an AWS that does not answer can't hold up the sweep:
    where none is left the run is dropped, and the next tick asks again.
    """
    with free_slot() as is_free:
        if not is_free:
            return 0
        try:
            aws = aws_ports()
        except BrokerError as problem:
            fail_due(problem=problem, holder=holder())
            return 0
        applied = work_off(aws=aws, holder=holder())
        if is_probe_due(at=database_now()):
            prove_revocations(aws=aws)
        return applied


@shared_task(name="portal.jobs.tidy")
def tidy() -> None:
    """Remove what has served: old console links, sign-ins, browser sessions, delivered messages."""
    now = database_now()
    tidy_access(at=now)
    tidy_sign_ins(at=now)
    tidy_attempts(at=now)
    SessionStore.clear_expired()
    outbox.drop_delivered(before=now - timedelta(days=7))


def holder() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def dispatch() -> None:
    """Wake as many workers as there are AWS documents, and partners' roles, with work due, up to a few."""
    now = database_now()
    work = len(due_documents(at=now)) + is_probe_due(at=now)
    for _ in range(min(work, WORKERS)):
        send("portal.jobs.revoke")
    wake_for_roles()
    wake_for_proofs_and_looks()

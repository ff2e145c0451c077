"""Celery's side of the schedule: thin. What is due is found in the database; a task's arguments are ids at most."""

import logging
import os
import socket
import time
from collections.abc import Callable
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from kombu.exceptions import KombuError

from brokers.errors import BrokerError
from portal.access.operations.sweep_grants import activate_due_grants, expire_due_grants
from portal.access.operations.tidy import tidy_access
from portal.access.operations.work_off import due_documents, fail_due, work_off
from portal.directory.operations.tidy import tidy_sign_ins
from portal.jobs.capacity import free_slot
from portal.kernel import outbox
from portal.kernel.clock import database_now
from portal.wiring import aws_ports

log = logging.getLogger(__name__)
# A run that still waits in the queue after this is dropped: the next tick does the same work.
STALE = timedelta(seconds=10)
# After Redis was not reached, no wake-up is tried for a while: a page must not wait for it click by click.
REDIS_REST = 5.0
# How many workers one tick wakes: each goes on until nothing is due.
WORKERS = 8
_rest = {"until": 0.0}


@shared_task(name="portal.jobs.sweep")
def sweep() -> None:
    """Do all that is due: end, start, hand each AWS document with work due to a worker, deliver the outbox.

    What fails in one step keeps nothing of the others from being done; it is raised at the end, for the log.
    """
    faults: list[Exception] = []
    for step in (_expire, _activate, _dispatch, outbox.relay):
        try:
            step()
        except Exception as fault:  # noqa: BLE001  # told below, once the other steps are done
            faults.append(fault)
    if faults:
        raise ExceptionGroup("the sweep", faults)


@shared_task(name="portal.jobs.revoke")
def revoke() -> int:
    """Bring to AWS what is due. Several at once are harmless: each takes the lease of another document.

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
        return work_off(aws=aws, holder=holder())


@shared_task(name="portal.jobs.tidy")
def tidy() -> None:
    """Remove what has served: old console links, sign-ins, browser sessions, delivered messages."""
    now = database_now()
    tidy_access(at=now)
    tidy_sign_ins(at=now)
    SessionStore.clear_expired()
    outbox.drop_delivered(before=now - timedelta(days=7))


def holder() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def wake() -> None:
    """Ask for a sweep now. A lost wake-up loses nothing: the next tick is a second away."""
    if time.monotonic() < _rest["until"]:
        return
    try:
        sweep.apply_async(expires=STALE.total_seconds(), retry=False, ignore_result=True)
    except (KombuError, OSError):
        _rest["until"] = time.monotonic() + REDIS_REST
        log.warning("Redis can't be reached: the wake-up is dropped, the schedule does the work")


def _expire() -> None:
    _until_done(expire_due_grants)


def _activate() -> None:
    _until_done(activate_due_grants)


def _until_done(one_batch: Callable[[], int]) -> None:
    while one_batch() >= settings.SWEEP_BATCH:
        pass


def _dispatch() -> None:
    for _ in due_documents(at=database_now())[:WORKERS]:
        revoke.apply_async(expires=STALE.total_seconds(), retry=False, ignore_result=True)

"""Directories read by a worker: by the schedule, and when the outbox says so. The database has what is to be done."""

import logging
from uuid import UUID

from celery import current_app, shared_task

from brokers.errors import IdentityUnavailable
from portal.identity.operations.ask_anew import DOUBTED, settle_doubt
from portal.identity.operations.ask_sync import ASKED, ask_due_syncs
from portal.identity.operations.sync_people import run_sync
from portal.jobs.capacity import free_slot
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.models import OutboxMessage
from portal.wiring import ldap_ports

log = logging.getLogger(__name__)
# The next tick finds in the database what a message that waited longer was about.
STALE = 60


@shared_task(name="portal.jobs.sync_people")
def sync_people() -> None:
    """Ask for the syncs that are due, and run those that wait. Several at once are harmless: each takes another."""
    ask_due_syncs()
    with free_slot() as is_free:
        while is_free and run_sync(ldap=ldap_ports()) is not None:
            pass


@shared_task(name="portal.jobs.settle_doubt")
def settle(identity: str) -> None:
    """Ask a directory about somebody whose sign-in failed in a way that says they may be gone."""
    with free_slot() as is_free:
        if not is_free:
            return  # the next sync finds it
        try:
            settle_doubt(
                identity_id=UUID(identity), ldap=ldap_ports(), actor=Actor.system("after a failed sign-in")
            )
        except IdentityUnavailable as problem:
            log.warning("%s could not be asked about: %s", identity, problem)


def deliver(message: OutboxMessage) -> None:
    """Wake a worker. Where Redis is not reached this raises, so that the message comes again."""
    if message.topic == DOUBTED:
        _send("portal.jobs.settle_doubt", str(message.payload["identity"]))
    else:
        _send("portal.jobs.sync_people")


def subscribe() -> None:
    outbox.subscribe(ASKED, deliver)
    outbox.subscribe(DOUBTED, deliver)


def _send(task: str, *arguments: str) -> None:
    current_app.send_task(task, arguments, expires=STALE, retry=False, ignore_result=True, queue="aws")

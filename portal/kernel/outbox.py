"""Post into the outbox in the change's own transaction, wake whoever empties it after the commit, and relay.

Messages are delivered at least once, in order of their ids, to those who subscribed to their topic's beginning.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from django.db import connection, transaction

from portal.kernel.clock import database_now
from portal.kernel.models import OutboxMessage

log = logging.getLogger(__name__)
BATCH = 500
_wakers: list[Callable[[], None]] = []
_subscribers: list[tuple[str, Callable[[OutboxMessage], None]]] = []


def on_post(waker: Callable[[], None]) -> None:
    """Register what to call after a commit that posted. It carries a wake-up only: losing it loses nothing."""
    _wakers.append(waker)


def subscribe(prefix: str, deliver: Callable[[OutboxMessage], None]) -> None:
    """Register who gets the messages whose topic begins with `prefix`."""
    _subscribers.append((prefix, deliver))


def post(topic: str, *, at: datetime, **ids: str) -> None:
    """Write one message into the running transaction. Raises outside of one: it would not be atomic."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("an outbox message belongs to the change's transaction")
    OutboxMessage.objects.create(topic=topic, payload=ids, created_at=at)
    transaction.on_commit(_wake, robust=True)


def relay() -> int:
    """Deliver what waits, a batch at a time, and mark it in the same transaction. Returns how many."""
    with transaction.atomic():
        waiting = OutboxMessage.objects.filter(delivered_at=None).order_by("id")
        if connection.features.has_select_for_update_skip_locked:
            waiting = waiting.select_for_update(skip_locked=True)
        messages = list(waiting[:BATCH])
        for message in messages:
            for prefix, deliver in _subscribers:
                if message.topic.startswith(prefix):
                    deliver(message)
        OutboxMessage.objects.filter(pk__in=[message.pk for message in messages]).update(
            delivered_at=database_now()
        )
    return len(messages)


def drop_delivered(*, before: datetime) -> int:
    deleted, _ = OutboxMessage.objects.filter(delivered_at__lt=before).delete()
    return deleted


def _wake() -> None:
    for waker in _wakers:
        waker()

"""Post into the outbox in the change's own transaction, wake whoever empties it after the commit, and relay.

Messages are delivered at least once to those who subscribed to their topic's beginning: in order of their ids,
but for one whose delivery failed, which comes again later and holds nobody else up.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F

from portal.kernel.clock import database_now
from portal.kernel.models import OutboxMessage

log = logging.getLogger(__name__)
BATCH = 500
LONGEST_WAIT = timedelta(minutes=5)
_wakers: list[Callable[[], None]] = []
_subscribers: list[tuple[str, Callable[[OutboxMessage], None]]] = []


def on_post(waker: Callable[[], None]) -> None:
    """Register what to call after a commit that posted. It carries a wake-up only: losing it loses nothing."""
    _wakers.append(waker)


def subscribe(prefix: str, deliver: Callable[[OutboxMessage], None]) -> None:
    """Register who gets the messages whose topic begins with `prefix`.

    `deliver` runs inside the relay's transaction: it writes rows or sends a wake-up, and never waits for a network.
    """
    _subscribers.append((prefix, deliver))


def post(topic: str, *, at: datetime, **ids: str) -> None:
    """Write one message into the running transaction. Raises outside of one: it would not be atomic."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("an outbox message belongs to the change's transaction")
    OutboxMessage.objects.create(topic=topic, payload=ids, created_at=at, next_try_at=at)
    transaction.on_commit(_wake, robust=True)


def relay() -> int:
    """Deliver one batch of what is due, each message in a savepoint of its own. Returns how many were delivered."""
    with transaction.atomic():
        due = OutboxMessage.objects.filter(delivered_at=None, next_try_at__lte=database_now()).order_by("id")
        messages = list(due.select_for_update(skip_locked=True)[:BATCH])
        if not messages:
            return 0
        delivered = [message.pk for message in messages if _delivered(message)]
        now = database_now()
        OutboxMessage.objects.filter(pk__in=delivered).update(delivered_at=now)
        for message in messages:
            if message.pk not in delivered:
                wait = min(LONGEST_WAIT, timedelta(seconds=2 ** min(message.attempts, 10)))
                OutboxMessage.objects.filter(pk=message.pk).update(
                    attempts=F("attempts") + 1, next_try_at=now + wait
                )
    return len(delivered)


def drop_delivered(*, before: datetime) -> int:
    deleted, _ = OutboxMessage.objects.filter(delivered_at__lt=before).delete()
    return deleted


def _delivered(message: OutboxMessage) -> bool:
    try:
        with transaction.atomic():
            for prefix, deliver in _subscribers:
                if message.topic.startswith(prefix):
                    deliver(message)
    except Exception:  # whatever a subscriber does wrong, the other messages go out
        log.exception("outbox message %s (%s) was not delivered; it comes again", message.pk, message.topic)
        return False
    return True


def _wake() -> None:
    for waker in _wakers:
        waker()

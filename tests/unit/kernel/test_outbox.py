"""The outbox: at least once, in order, and nobody's bad subscriber holds the others up."""

from datetime import timedelta

import pytest
from django.db import transaction

from portal.kernel import outbox
from portal.kernel.clock import database_now
from portal.kernel.models import OutboxMessage


@pytest.fixture
def got(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    topics: list[str] = []
    monkeypatch.setattr(outbox, "_subscribers", [])
    monkeypatch.setattr(outbox, "_wakers", [])

    def deliver(message: OutboxMessage) -> None:
        topics.append(message.topic)
        if message.topic == "access.bad":
            raise RuntimeError("bad")

    outbox.subscribe("access.", deliver)
    return topics


@pytest.mark.django_db
def test_a_subscriber_that_raises_delays_its_own_message_alone(got: list[str]) -> None:
    now = database_now()
    for topic in ("access.first", "access.bad", "other.topic", "access.last"):
        outbox.post(topic, at=now)
    assert outbox.relay() == 3
    assert got == ["access.first", "access.bad", "access.last"]
    assert outbox.relay() == 0
    bad = OutboxMessage.objects.get(delivered_at=None)
    assert (bad.topic, bad.attempts) == ("access.bad", 1)
    OutboxMessage.objects.update(next_try_at=now)
    assert outbox.relay() == 0
    assert got.count("access.bad") == 2
    assert got.count("access.first") == 1
    assert outbox.drop_delivered(before=database_now() + timedelta(seconds=1)) == 3
    assert OutboxMessage.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_posting_belongs_to_a_transaction_and_wakes_after_its_commit(got: list[str]) -> None:
    woken: list[bool] = []

    def wake() -> None:
        woken.append(True)
        raise RuntimeError("Redis is gone")  # must not undo, nor break, what was committed

    outbox.on_post(wake)
    with pytest.raises(transaction.TransactionManagementError):
        outbox.post("access.x", at=database_now())
    with transaction.atomic():
        outbox.post("access.x", at=database_now())
        assert woken == []
    assert woken == [True]
    assert str(OutboxMessage.objects.get()).startswith("access.x")

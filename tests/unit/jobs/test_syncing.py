"""Syncs by the schedule and by the outbox: the task asks what is due, runs what waits, and is woken by a message."""

from typing import Any

import pytest
from celery import current_app
from kombu.exceptions import OperationalError

from brokers.types import AccountState
from portal.directory.models import ExternalIdentity, IdentityProvider, Person, SyncRun
from portal.identity.operations.ask_sync import ask_sync
from portal.jobs import capacity, syncing
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.models import OutboxMessage
from tests.fake_ldap import DOWN, FakeLdap, make_directory

pytestmark = pytest.mark.django_db
SHELL = Actor.command("tests")


@pytest.fixture(autouse=True)
def ldap(monkeypatch: pytest.MonkeyPatch) -> FakeLdap:
    fake = FakeLdap()
    fake.add("ann")
    monkeypatch.setattr(syncing, "ldap_ports", lambda: fake)
    return fake


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[Any, ...]]]:
    seen: list[tuple[str, tuple[Any, ...]]] = []
    monkeypatch.setattr(
        current_app, "send_task", lambda name, arguments=(), **_: seen.append((name, tuple(arguments)))
    )
    return seen


@pytest.fixture
def ann(person: Any) -> ExternalIdentity:
    made: Person = person("Ann", vouched=False)
    return ExternalIdentity.objects.create(
        provider=make_directory(), person=made, subject="id-ann", subject_format="ldap", login="ann"
    )


def test_what_is_due_is_read_and_what_is_not_is_left(ann: ExternalIdentity, ldap: FakeLdap) -> None:
    make_directory("second")
    syncing.sync_people()
    assert {run.provider.slug: run.state for run in SyncRun.objects.all()} == {
        "office": "done",
        "second": "done",
    }
    syncing.sync_people()
    assert SyncRun.objects.count() == 2


def test_without_a_free_thread_it_waits(
    ann: ExternalIdentity, ldap: FakeLdap, monkeypatch: pytest.MonkeyPatch
) -> None:
    capacity.set_concurrency(3)
    monkeypatch.setattr(capacity, "KEPT_FREE", 2)
    with capacity.free_slot():
        syncing.sync_people()
        syncing.settle(str(ann.pk))
    assert SyncRun.objects.get().state == "asked"
    assert ldap.calls == []
    capacity.set_concurrency(64)


def test_asking_wakes_a_worker_through_the_outbox(
    ann: ExternalIdentity, sent: list[tuple[str, tuple[Any, ...]]]
) -> None:
    ask_sync(provider_id=ann.provider_id, actor=SHELL)
    outbox.relay()
    assert sent == [("portal.jobs.sync_people", ())]
    assert not OutboxMessage.objects.filter(delivered_at=None).exists()


def test_a_lost_wake_up_comes_again(ann: ExternalIdentity, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(*_: object, **__: object) -> None:
        raise OperationalError("Redis is away")

    monkeypatch.setattr(current_app, "send_task", lose)
    ask_sync(provider_id=ann.provider_id, actor=SHELL)
    outbox.relay()
    assert OutboxMessage.objects.get(topic="directory.sync.asked").delivered_at is None


def test_a_doubt_is_settled_by_its_id_alone(
    ann: ExternalIdentity, ldap: FakeLdap, sent: list[tuple[str, tuple[Any, ...]]]
) -> None:
    message = OutboxMessage(topic="directory.identity.doubted", payload={"identity": str(ann.pk)})
    syncing.deliver(message)
    assert sent == [("portal.jobs.settle_doubt", (str(ann.pk),))]
    ldap.fail["find_person"] = DOWN
    syncing.settle(str(ann.pk))
    assert Person.objects.get(pk=ann.person_id).is_active
    ldap.fail.clear()
    ldap.change("ann", AccountState.DISABLED)
    syncing.settle(str(ann.pk))
    assert not Person.objects.get(pk=ann.person_id).is_active
    asked = len(ldap.calls)
    # Gone already, or its provider switched off: there is nothing to ask.
    syncing.settle(str(ann.pk))
    IdentityProvider.objects.update(is_enabled=False)
    syncing.settle(str(ann.pk))
    assert len(ldap.calls) == asked


def test_beat_asks_each_minute() -> None:
    from django.conf import settings  # noqa: PLC0415  # as the settings have it

    entry = settings.CELERY_BEAT_SCHEDULE["sync"]
    assert entry == {"task": "portal.jobs.sync_people", "schedule": 60.0}

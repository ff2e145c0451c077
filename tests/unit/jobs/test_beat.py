"""Beat's ticks: they carry no time of beat's clock, and no more of them wait than are of use."""

from collections.abc import Iterator
from typing import Any

import pytest

from portal.jobs.beat import MOST_WAITING, SteadyScheduler


@pytest.fixture
def beat() -> Iterator[SteadyScheduler]:
    from portal.config.celery import app  # noqa: PLC0415  # after the settings are chosen

    made = SteadyScheduler(app=app, lazy=True)
    made.setup_schedule()
    for queue in ("sweep", "aws"):
        waiting(made, queue).purge()
    yield made
    for queue in ("sweep", "aws"):
        waiting(made, queue).purge()


def waiting(beat: SteadyScheduler, queue: str = "sweep") -> Any:
    channel: Any = beat.producer.channel
    return beat.app.amqp.queues[queue](channel)


def test_no_more_ticks_wait_than_are_of_use(beat: SteadyScheduler) -> None:
    entry = beat.schedule["sweep"]
    for _ in range(MOST_WAITING + 3):
        beat.apply_entry(entry, producer=beat.producer)
    queue = waiting(beat)
    assert queue.queue_declare(passive=True).message_count == MOST_WAITING
    queue.get(no_ack=True)  # a worker took one
    beat.apply_entry(entry, producer=beat.producer)
    beat.apply_entry(entry, producer=beat.producer)
    assert queue.queue_declare(passive=True).message_count == MOST_WAITING


def test_a_tick_carries_no_time_of_beats_clock(beat: SteadyScheduler) -> None:
    for name in beat.schedule:
        beat.apply_entry(beat.schedule[name], producer=beat.producer)
        routed = beat.app.conf.task_routes.get(beat.schedule[name].task, {"queue": "sweep"})
        message = waiting(beat, routed["queue"]).get(no_ack=True)
        assert (message.headers["expires"], message.headers["eta"]) == (None, None)

"""Worker and beat are dead: the watchdog in the web process says so, and closes issuing where a setting has it."""

from collections.abc import Iterator

from portal.access.lifecycle import AlarmKind
from portal.access.models import Alarm, Grant
from tests.integration.jobs.faults.by_web import Told, ask
from tests.integration.jobs.faults.figures import PROMISE, Figure
from tests.integration.jobs.faults.installation import Installation

LIMIT = 5


def noticed(made: Installation) -> Iterator[Figure]:
    settings = {
        "SALLYPORT_SWEEP_STOPPED_AFTER": str(LIMIT),
        "SALLYPORT_CLOSE_ISSUING_WHEN_SWEEP_STOPPED": "1",
    }
    port = made.plant.start_web(**settings)
    grant = made.grant()
    _let_in(made, grant, ask(made, port, grant))
    made.plant.kill("beat")
    made.plant.kill("worker")
    alarms = Alarm.objects.filter(kind=AlarmKind.SWEEP_STOPPED, cleared_at=None)
    seconds = made.wait(alarms.exists, PROMISE, "the alarm")
    refused = ask(made, port, grant)
    assert refused is not None
    assert refused.status == 409, refused  # conflict
    yield Figure(f"from the kill to the alarm, at a limit of {LIMIT} s; issuing is closed", seconds, PROMISE)
    made.skip_leases()
    made.plant.start("worker", "beat")
    seconds = made.wait(lambda: not alarms.exists(), PROMISE, "the alarm's end")
    made.wait(lambda: _is_let_in(made, port, grant), PROMISE, "issuing")
    yield Figure("from their start to the alarm's end; issuing is open", seconds, PROMISE)
    made.plant.kill("web")


def _is_let_in(made: Installation, port: int, grant: Grant) -> bool:
    """A busy machine's sweep may be late once more."""
    told = ask(made, port, grant)
    if told is not None and told.status == 409:  # conflict
        return False
    _let_in(made, grant, told)
    return True


def _let_in(made: Installation, grant: Grant, told: Told | None) -> None:
    assert told is not None
    assert told.status == 201, told.body  # created
    given = told.body
    works = made.call(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    assert not made.watch(grant, works).is_denied()

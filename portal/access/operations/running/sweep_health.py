"""Whether the sweep runs: asked by the watchdog, by monitoring and, where a setting says so, before each issue."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from portal.access.lifecycle import AlarmKind
from portal.access.models import Sweep
from portal.access.operations.cutting.alarms import clear_alarm, raise_alarm
from portal.kernel.clock import database_now

SUBJECT = "sweep"


@dataclass(frozen=True, slots=True)
class SweepHealth:
    """`age`: seconds of the database's clock since all that was due was done; None where that never was."""

    age: float | None
    limit: float

    @property
    def runs(self) -> bool:
        # A heartbeat from the future is of before the database's clock was set back: it says nothing of now.
        return self.age is not None and abs(self.age) <= self.limit

    def __str__(self) -> str:
        if self.age is None:
            return "The sweep has never run: are worker, beat and Redis up?"
        if self.age < -self.limit:
            return "The sweep's last heartbeat lies in the future: was the database's clock set back?"
        when = f"The sweep last did all that was due {max(0.0, self.age):.0f} s ago"
        return (
            f"{when}."
            if self.runs
            else f"{when}, more than {self.limit:.0f} s: are worker, beat and Redis up?"
        )


def sweep_health(*, at: datetime) -> SweepHealth:
    """Return it by one query."""
    return health_of(Sweep.objects.filter(pk=1).values_list("ran_at", flat=True).first(), at=at)


def health_of(ran_at: datetime | None, *, at: datetime) -> SweepHealth:
    """Return it by the heartbeat that was read; None: there is none."""
    age = None if ran_at is None else (at - ran_at).total_seconds()
    return SweepHealth(age, float(settings.SWEEP_STOPPED_AFTER))


def watch_sweep(*, may_be_new: bool = False) -> SweepHealth:
    """Raise the alarm, once, while the sweep is stopped; clear it when it runs. Returns what was seen.

    `may_be_new`: that it never ran is no reason yet.
    """
    now = database_now()
    health = sweep_health(at=now)
    if health.runs:
        clear_alarm(kind=AlarmKind.SWEEP_STOPPED, subject=SUBJECT, at=now)
    elif health.age is not None or not may_be_new:
        raise_alarm(kind=AlarmKind.SWEEP_STOPPED, subject=SUBJECT, text=str(health), at=now)
    return health

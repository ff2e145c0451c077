"""The row of a sync while it runs: who has it in hand, how far it is, how it ended.

A worker holds the row by `started_at`, and shows by `beat_at` that it lives. What shows nothing for five minutes is
dead: another worker begins it anew, and the first, if it lives after all, finds out before it changes anything more.
"""

import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from portal.access.lifecycle import AlarmKind
from portal.access.operations.cutting.alarms import clear_alarm, raise_alarm
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.directory.models import SyncRun
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now

log = logging.getLogger(__name__)
# Longer than a page of a slow directory takes with all its servers tried; a killed worker's run is taken over after it.
STALE = timedelta(minutes=5)
KEPT = timedelta(days=90)
MOST_CHANGES = 200
ALARM_AFTER = 3
BEAT_EACH = 1.0
COUNTS = ("people_seen", "groups_seen", "changed", "gone", "back", "joined", "left")


class OvertakenError(Exception):
    """Another worker has the run now: nothing may be changed any more."""


@dataclass
class Running:
    """A run in hand, with what it counted so far. `actor`: who does what it does."""

    run: SyncRun
    started_at: datetime
    actor: Actor
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    changes: list[dict[str, str]] = field(default_factory=list)
    beaten: float = 0.0

    def add(self, **numbers: int) -> None:
        for name, number in numbers.items():
            self.counts[name] += number

    def note(self, what: str, who: str, **more: str) -> None:
        """Keep a change for the provider's page, if there is room; the audit trail has all."""
        if len(self.changes) < MOST_CHANGES:
            self.changes.append({"what": what, "who": who, **more})

    def beat(self, step: str = "") -> None:
        """Show that it lives and how far it is, once a second at most, or at a new step.

        Raises:
            OvertakenError.
        """
        if not step and time.monotonic() - self.beaten < BEAT_EACH:
            return
        told: dict[str, Any] = {**self.counts, "beat_at": database_now()}
        if step:
            told["step"] = step
        if not self._held().update(**told):
            raise OvertakenError(f"sync {self.run.pk} is another worker's by now")
        self.beaten = time.monotonic()

    def finish(self, state: SyncRun.State, *, problem: str = "") -> None:
        """Write down how it ended, with its row in the trail, and raise or clear the alarms."""
        with transaction.atomic():
            now = database_now()
            ended = self._held().update(
                **self.counts,
                state=state,
                finished_at=now,
                beat_at=now,
                step="",
                changes=self.changes,
                problem=problem[:500],
            )
            if not ended:
                raise OvertakenError(f"sync {self.run.pk} is another worker's by now")
            record(
                Entry(
                    type=_EVENTS[state],
                    at=now,
                    actor=self.actor,
                    outcome=Outcome.DONE if state == SyncRun.State.DONE else Outcome.FAILED,
                    details={"provider": self.run.provider.slug, "problem": problem[:300], **self.counts},
                )
            )
            SyncRun.objects.filter(provider=self.run.provider, finished_at__lt=now - KEPT).delete()
        _see_to_alarms(self.run, state, problem, now)

    def _held(self) -> Any:
        return SyncRun.objects.filter(pk=self.run.pk, state=SyncRun.State.RUNNING, started_at=self.started_at)


_EVENTS = {
    SyncRun.State.DONE: EventType.SYNC_DONE,
    SyncRun.State.FAILED: EventType.SYNC_FAILED,
    SyncRun.State.STOPPED: EventType.SYNC_STOPPED,
}


def take_run() -> Running | None:
    """Take the oldest run that waits, or whose worker died; None where there is none, or another worker was first."""
    with transaction.atomic():
        now = database_now()
        free = Q(state=SyncRun.State.ASKED) | Q(state=SyncRun.State.RUNNING, beat_at__lte=now - STALE)
        found = SyncRun.objects.filter(free).order_by("asked_at")
        ids = list(found.select_for_update(no_key=True, skip_locked=True).values_list("pk", flat=True)[:1])
        if not ids:
            return None
        return _take(ids[0], database_now())


def _take(run_id: UUID, now: datetime) -> Running:
    run = SyncRun.objects.select_related("provider__ldap").get(pk=run_id)
    if run.state == SyncRun.State.RUNNING:
        log.warning("the worker of the sync of %s is dead: it begins anew", run.provider.slug)
    run.state, run.started_at, run.beat_at = SyncRun.State.RUNNING, now, now
    run.save(update_fields=["state", "started_at", "beat_at"])
    return Running(run, now, Actor.system(f"sync of {run.provider.slug}"))


def _see_to_alarms(run: SyncRun, state: SyncRun.State, problem: str, now: datetime) -> None:
    provider = run.provider
    if state == SyncRun.State.STOPPED:
        raise_alarm(
            kind=AlarmKind.SYNC_STOPPED,
            subject=provider.slug,
            text=f"The sync of {provider.name} stopped and asks: {problem}",
            at=now,
        )
    elif state == SyncRun.State.DONE:
        clear_alarm(kind=AlarmKind.SYNC_STOPPED, subject=provider.slug, at=now)
    if state != SyncRun.State.FAILED:
        clear_alarm(kind=AlarmKind.SYNC_FAILED, subject=provider.slug, at=now)
        return
    ended = SyncRun.objects.filter(provider=provider, finished_at__isnull=False).order_by("-finished_at")
    last = list(ended.values_list("state", flat=True)[:ALARM_AFTER])
    if last == [SyncRun.State.FAILED] * ALARM_AFTER:
        raise_alarm(
            kind=AlarmKind.SYNC_FAILED,
            subject=provider.slug,
            text=f"{provider.name} could not be read {ALARM_AFTER} times in a row: {problem}",
            at=now,
        )

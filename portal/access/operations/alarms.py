"""What an operator must see: raised once for its subject, logged, audited, open until it is over."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from portal.access.lifecycle import WAITING, AlarmKind, stored
from portal.access.models import Alarm, Revocation
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.kernel import outbox
from portal.kernel.actor import Actor

log = logging.getLogger(__name__)
# The alarm has to be out within five minutes; the sweep looks each second.
LATE = timedelta(seconds=270)
# Each is a transaction of its own in the sweep's thread; the next come a second later.
AT_ONCE = 50
WATCH = Actor.system("watch")
_waiting = Q(state__in=stored(WAITING))


def raise_alarm(
    *, kind: AlarmKind, subject: str, text: str, at: datetime, grant_id: UUID | None = None
) -> bool:
    """Raise it unless it is open already; returns whether it was raised now."""
    with transaction.atomic():
        alarm, is_new = Alarm.objects.get_or_create(
            kind=kind.value, subject=subject, cleared_at=None, defaults={"text": text[:500], "raised_at": at}
        )
        if is_new:
            _record(EventType.ALARM_RAISED, alarm, at, grant_id)
    if is_new:
        log.error("alarm %s: %s", kind.value, alarm.text)
    return is_new


def clear_alarm(
    *, kind: AlarmKind, subject: str, at: datetime, raised_before: datetime | None = None
) -> bool:
    """Clear it where it is open (and was raised before a moment, if that is given); returns whether it was."""
    with transaction.atomic():
        alarms = Alarm.objects.select_for_update(no_key=True)
        alarm = alarms.filter(
            kind=kind.value, subject=subject, cleared_at=None, raised_at__lte=raised_before or at
        ).first()
        if alarm is None:
            return False
        Alarm.objects.filter(pk=alarm.pk).update(cleared_at=at)
        _record(EventType.ALARM_CLEARED, alarm, at, None)
    log.warning("alarm %s is over: %s", kind.value, alarm.text)
    return True


def alarm_late_revocations(*, at: datetime) -> int:
    """Raise an alarm for each revocation that AWS has not taken in time, and clear those that are over.

    Returns how many were raised.
    """
    kind = AlarmKind.REVOCATION_LATE
    open_alarms = set(
        Alarm.objects.filter(kind=kind.value, cleared_at=None).values_list("subject", flat=True)
    )
    late = list(
        Revocation.objects.filter(_waiting, asked_at__lte=at - LATE, applied_at=None, cleaned_at=None)
        .exclude(pk__in=open_alarms)
        .select_related("grant__person", "grant__role__account")[:AT_ONCE]
    )
    for row in late:
        why = row.last_error or "no worker has taken it yet"
        raise_alarm(
            kind=kind,
            subject=str(row.pk),
            text=f"The sessions of {row.grant} are not cut off yet: {why}",
            at=at,
            grant_id=row.grant_id,
        )
    _clear_over(kind, open_alarms, at)
    return len(late)


def _clear_over(kind: AlarmKind, subjects: Iterable[str], at: datetime) -> None:
    still = set(map(str, Revocation.objects.filter(_waiting, pk__in=subjects).values_list("pk", flat=True)))
    for subject in sorted(set(subjects) - still):
        clear_alarm(kind=kind, subject=subject, at=at)


def _record(event: EventType, alarm: Alarm, at: datetime, grant_id: UUID | None) -> None:
    record(
        Entry(
            type=event,
            at=at,
            actor=WATCH,
            outcome=Outcome.FAILED if event == EventType.ALARM_RAISED else Outcome.DONE,
            grant_id=grant_id,
            details={"kind": alarm.kind, "subject": alarm.subject, "text": alarm.text},
        )
    )
    outbox.post(event.value, at=at, kind=alarm.kind, subject=alarm.subject)

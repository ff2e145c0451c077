"""What an operator must see: raised once for its subject, logged, audited, open until it is over."""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from portal.access.lifecycle import WAITING, AlarmKind, PartnerRoleState, RevocationState, stored
from portal.access.models import Alarm, DenyDocument, PartnerRole, Revocation
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.kernel import outbox
from portal.kernel.actor import Actor

log = logging.getLogger(__name__)
# The alarm has to be out within five minutes; the sweep looks each second.
LATE = timedelta(seconds=270)
# Each is a transaction of its own in the sweep's thread; the next come a second later.
AT_ONCE = 50
# How long the alarm of a change in AWS is out after it was mended, so that it is seen.
CHANGE_STAYS = timedelta(hours=1)
# How long the use of an emergency account is out: nobody says that it is over.
BREAK_GLASS_STAYS = timedelta(hours=24)
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
    open_alarms = _open(kind)
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
    still = Revocation.objects.filter(_waiting, pk__in=open_alarms).values_list("pk", flat=True)
    _clear(kind, open_alarms - set(map(str, still)), at)
    return len(late)


def alarm_late_roles(*, at: datetime) -> int:
    """Raise an alarm for each partner's role that AWS has not been brought to in time, and clear those that are over.

    Returns how many were raised.
    """
    kind = AlarmKind.ROLE_LATE
    open_alarms = _open(kind)
    behind = PartnerRole.objects.filter(behind_since__isnull=False)
    late = list(
        behind.filter(behind_since__lte=at - LATE)
        .exclude(pk__in=open_alarms)
        .select_related("role__account", "grant__partner_account__partner")
        .order_by("behind_since")[:AT_ONCE]
    )
    for row in late:
        what = "taken away" if row.state == PartnerRoleState.CLOSING else "as it should be"
        raise_alarm(
            kind=kind,
            subject=str(row.pk),
            text=f"The role of {row.grant.subject_name} in {row.role.account} is not {what} yet: "
            f"{row.last_error or 'no worker has taken it yet'}",
            at=at,
            grant_id=row.grant_id,
        )
    _clear(
        kind, open_alarms - set(map(str, behind.filter(pk__in=open_alarms).values_list("pk", flat=True))), at
    )
    return len(late)


def clear_past_alarms(*, at: datetime) -> None:
    """Clear what nobody else will: alarms of what is cut off or cleaned up by now, and is not looked at any more."""
    proofs = _open(AlarmKind.PROOF_FAILED)
    applied = Revocation.objects.filter(pk__in=proofs, state=RevocationState.APPLIED.value)
    _clear(AlarmKind.PROOF_FAILED, proofs - set(map(str, applied.values_list("pk", flat=True))), at)
    used = AlarmKind.BREAK_GLASS_USED
    _clear(used, _open(used, raised_at__lte=at - BREAK_GLASS_STAYS), at)
    changes = _open(AlarmKind.DENY_CHANGED, raised_at__lte=at - CHANGE_STAYS)
    again = DenyDocument.objects.exclude(recheck_at=None, leased_until=None).filter(pk__in=changes)
    _clear(AlarmKind.DENY_CHANGED, changes - set(map(str, again.values_list("pk", flat=True))), at)


def _open(kind: AlarmKind, **more: datetime) -> set[str]:
    """Return the subjects of the open alarms of a kind."""
    found = Alarm.objects.filter(kind=kind.value, cleared_at=None, **more)
    return set(found.values_list("subject", flat=True))


def _clear(kind: AlarmKind, subjects: Collection[str], at: datetime) -> None:
    for subject in sorted(subjects)[:AT_ONCE]:
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

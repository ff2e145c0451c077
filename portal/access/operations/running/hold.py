"""The hold: nothing is issued or revoked until an operator has looked at the difference with AWS.

It is entered by an operator, or by the portal itself where it finds itself on a restored database
(`restored.py`). While it lasts the sweep ends nothing either: which grants are over, and which were, is exactly what
is in doubt. What was issued ends on time all the same, by its session policy in AWS.
"""

from datetime import datetime

from django.db import IntegrityError, transaction

from portal.access.lifecycle import AlarmKind
from portal.access.models import Hold
from portal.access.operations.cutting.alarms import clear_alarm, raise_alarm
from portal.access.operations.permissions import check_may_revoke_any
from portal.access.operations.reasons import checked_reason
from portal.access.operations.running.database_mark import accept_database
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError

REASON_LIMIT = 300
REFUSAL = "Only who may revoke grants can enter or release the hold."


def is_held() -> bool:
    return Hold.objects.filter(released_at=None).exists()


def open_hold() -> Hold | None:
    return Hold.objects.filter(released_at=None).first()


def enter_hold(*, reason: str, actor: Actor) -> Hold:
    """Stop issuing and revoking until somebody releases it.

    Raises:
        ForbiddenError: the actor may not revoke grants.
        InvalidError: no reason, or a longer one than 300 characters.
        ConflictError: it is in hold already.
    """
    check_may_revoke_any(actor, REFUSAL)
    reason = checked_reason(reason, most=REASON_LIMIT)
    already = "The portal is in hold already."
    if is_held():
        raise ConflictError(already)
    try:
        with transaction.atomic():
            now = database_now()
            hold = Hold.objects.create(entered_at=now, reason=reason)
            _record(EventType.HOLD_ENTERED, actor, now, hold=hold.pk, reason=reason)
            raise_alarm(kind=AlarmKind.HELD, subject=str(hold.pk), text=f"In hold: {reason}", at=now)
    except IntegrityError:  # two entered it at once
        raise ConflictError(already) from None
    return hold


def note_looked(*, at: datetime) -> bool:
    """Note that the difference with AWS was made and shown to an operator; False where nothing is in hold."""
    return bool(Hold.objects.filter(released_at=None, entered_at__lte=at).update(looked_at=at))


def release_hold(*, reason: str, actor: Actor) -> Hold:
    """Let the portal issue and revoke again, on the database that it is on now.

    Raises:
        ForbiddenError: the actor may not revoke grants.
        InvalidError: no reason, or a longer one than 300 characters.
        ConflictError: it is not in hold, or nobody has looked at the difference since it began.
    """
    check_may_revoke_any(actor, REFUSAL)
    reason = checked_reason(reason, most=REASON_LIMIT)
    with transaction.atomic():
        hold = Hold.objects.select_for_update(no_key=True).filter(released_at=None).first()
        now = database_now()
        if hold is None:
            raise ConflictError("The portal is not in hold.")
        if hold.looked_at is None or hold.looked_at < hold.entered_at:
            raise ConflictError(
                "Nobody has looked at the difference between AWS and the portal since the hold began: look first."
            )
        hold.released_at, hold.released_by_id, hold.release_reason = now, actor.person_id, reason
        hold.save(update_fields=["released_at", "released_by", "release_reason"])
        _record(EventType.HOLD_RELEASED, actor, now, hold=hold.pk, reason=reason)
        clear_alarm(kind=AlarmKind.HELD, subject=str(hold.pk), at=now)
        accept_database()
        outbox.post("access.hold.released", at=now, hold=str(hold.pk))
    return hold


def _record(event: EventType, actor: Actor, at: datetime, **details: object) -> None:
    record(Entry(type=event, at=at, actor=actor, details=details))

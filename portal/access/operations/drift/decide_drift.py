"""Decide what becomes of a role in AWS that is not as it should be: it is put right, or stays as it is, with a reason.

Nothing is written to AWS here: workers do that.
"""

from collections.abc import Callable
from uuid import UUID

from django.db import transaction

from brokers.types import DriftKind
from portal.access.lifecycle import AlarmKind, DriftState, PartnerRoleState
from portal.access.models import PartnerRole, RoleDrift
from portal.access.operations.cutting.alarms import clear_alarm
from portal.access.operations.drift.record_drift import WITH, entry
from portal.access.operations.partners.partner_role_leases import bring_up
from portal.access.operations.permissions import check_may_revoke_any, may
from portal.access.operations.reasons import checked_reason
from portal.audit.events import EventType
from portal.audit.operations import record
from portal.catalog.models import AwsAccount
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, NotFoundError

# What is posted for the worker that looks, and takes away what is nobody's.
CHECK_ASKED = "access.drift.check_asked"
REPAIR_ASKED = "access.drift.repair_asked"
OVER = "It is as it should be by now."


def repair_drift(*, drift_id: UUID, reason: str, actor: Actor) -> RoleDrift:
    """Have it put right: the role is brought to what it should be, all of it; one that is nobody's is taken away.

    Raises:
        NotFoundError: there is none.
        ForbiddenError: the actor may not revoke.
        InvalidError: no reason, or a longer one than 500 characters.
        ConflictError: it is over; it is being put right already; the role is to go.
    """
    check_may_revoke_any(actor, "Only somebody who may revoke can have a role in AWS put right.")
    reason = checked_reason(reason)
    with transaction.atomic():
        drift = _lock(drift_id)
        if drift.state == DriftState.REPAIRING:
            raise ConflictError("It is being put right already.")
        row = drift.partner_role
        if drift.kind != DriftKind.ORPHANED:
            _bring_up(row)
        _decide(drift, DriftState.REPAIRING, EventType.DRIFT_REPAIR_ASKED, reason, actor)
        outbox.post(REPAIR_ASKED, at=database_now(), drift=str(drift.pk))
    return drift


def accept_drift(*, drift_id: UUID, reason: str, actor: Actor) -> RoleDrift:
    """Leave it as it is. It stays accepted as long as the same is found; the next writing of the role undoes it.

    Raises:
        NotFoundError: there is none.
        ForbiddenError: the actor may not change partners; or it lets in more than was granted, and they may not grant.
        InvalidError: no reason, or a longer one than 500 characters.
        ConflictError: it is over, accepted already, or being put right.
    """
    if not may(actor, "directory.change_partner"):
        raise ForbiddenError("Only somebody who may change partners can accept that a role in AWS differs.")
    reason = checked_reason(reason)
    with transaction.atomic():
        drift = _lock(drift_id)
        if not may_accept(drift, lambda permission: may(actor, permission)):
            raise ForbiddenError(
                "It lets in more than was granted: only somebody who may grant can accept that."
            )
        if drift.state != DriftState.OPEN:
            raise ConflictError(f"Somebody decided already: {drift.reason}")
        _decide(drift, DriftState.ACCEPTED, EventType.DRIFT_ACCEPTED, reason, actor)
        clear_alarm(kind=AlarmKind.ROLE_WIDENED, subject=str(drift.pk), at=database_now())
    return drift


def may_accept(drift: RoleDrift, has: Callable[[str], bool]) -> bool:
    """Say whether somebody with these permissions may leave it as it is: where it is wider, that is granting it."""
    needed = {"directory.change_partner"}
    if drift.kind == DriftKind.WIDENED:
        needed.add("access.make_grant")
    return all(has(permission) for permission in needed)


def ask_check(*, account_id: UUID, actor: Actor) -> None:
    """Have a worker look at all roles for partners in one account of ours, now.

    Raises:
        NotFoundError: there is no such account, or the actor may not see partners.
    """
    if not may(actor, "directory.view_partner") or not AwsAccount.objects.filter(pk=account_id).exists():
        raise NotFoundError("There is no such account.")
    with transaction.atomic():
        outbox.post(CHECK_ASKED, at=database_now(), account=str(account_id))


def _lock(drift_id: UUID) -> RoleDrift:
    """Return the drift, locked after its role's row, as where a look is recorded."""
    rows = PartnerRole.objects.filter(drifts=drift_id)
    list(rows.select_for_update(no_key=True, of=("self",)).values_list("pk"))
    list(RoleDrift.objects.select_for_update(no_key=True).filter(pk=drift_id).values_list("pk"))
    drift = RoleDrift.objects.select_related(*WITH).filter(pk=drift_id).first()
    if drift is None:
        raise NotFoundError("There is no such difference.")
    if drift.over_at is not None:
        raise ConflictError(OVER)
    return drift


def _bring_up(row: PartnerRole | None) -> None:
    if row is None or row.state not in {PartnerRoleState.MAKING, PartnerRoleState.STANDING}:
        raise ConflictError("The role is to go anyway: it is being taken away.")
    bring_up(PartnerRole.objects.filter(pk=row.pk), at=database_now())


def _decide(drift: RoleDrift, state: DriftState, event: EventType, reason: str, actor: Actor) -> None:
    now = database_now()
    drift.state, drift.reason, drift.decided_at = state.value, reason, now
    drift.decided_by_id = actor.person_id
    drift.save(update_fields=["state", "reason", "decided_at", "decided_by"])
    record(entry(event, drift, now, actor, reason=reason))

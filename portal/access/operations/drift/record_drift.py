"""What of the roles for partners is not in AWS as it should be: written down, alarmed of, and over again."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from brokers.types import DriftKind, RoleDifference
from portal.access.lifecycle import AlarmKind, DriftState, PartnerRoleState
from portal.access.models import PartnerRole, RoleDrift
from portal.access.operations.cutting.alarms import clear_alarm, raise_alarm
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.catalog.models import AwsAccount
from portal.kernel import outbox
from portal.kernel.actor import Actor

WATCHER = Actor.system("drift")
# By these somebody may be in, or get in, who should not.
ALARMING = frozenset({DriftKind.WIDENED, DriftKind.REMADE, DriftKind.PRINCIPAL_REMADE, DriftKind.ORPHANED})
# The part of what is about the role as a whole: it is missing, another one, or nobody's.
WHOLE = "role"
# What an audit row of a drift takes.
WITH = ("account", "partner_role__grant__partner_account__partner", "partner_role__grant__person__partner")


def digest_of(difference: RoleDifference) -> str:
    """Return what stays the same as long as the same is found."""
    told = json.dumps([difference.kind.value, difference.found], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()


def open_drifts(account: AwsAccount, name: str) -> QuerySet[RoleDrift]:
    drifts = RoleDrift.objects.filter(account=account, role_name=name, over_at=None)
    return drifts.select_related(*WITH)


def write_drifts(
    account: AwsAccount,
    name: str,
    row: PartnerRole | None,
    differences: Sequence[RoleDifference],
    *,
    at: datetime,
) -> Sequence[RoleDrift]:
    """In the caller's transaction, which has locked the role's row, or without one the account: write what was found.

    What is not found any more is over. Returns what is open then, accepted or not.
    """
    known = {
        drift.part: drift
        for drift in open_drifts(account, name).select_for_update(no_key=True, of=("self",)).order_by("pk")
    }
    found = {difference.part: difference for difference in differences}
    end_drifts((drift for part, drift in known.items() if part not in found), at=at)
    return [
        _begin(account, name, row, each, at) if part not in known else _go_on(known[part], row, each, at)
        for part, each in found.items()
    ]


def end_drifts(drifts: Iterable[RoleDrift], *, at: datetime, actor: Actor = WATCHER) -> int:
    """In the caller's transaction, which has locked them: it is as it should be again, or concerns nobody."""
    number = 0
    for drift in drifts:
        drift.state, drift.over_at = DriftState.OVER.value, at
        drift.save(update_fields=["state", "over_at"])
        record(entry(EventType.DRIFT_OVER, drift, at, actor))
        clear_alarm(kind=AlarmKind.ROLE_WIDENED, subject=str(drift.pk), at=at)
        number += 1
    return number


def end_moot_drifts(*, at: datetime) -> int:
    """End what was found of roles that are to go: they go as a whole."""
    going = [PartnerRoleState.CLOSING.value, PartnerRoleState.GONE.value]
    moot = RoleDrift.objects.filter(over_at=None, partner_role__state__in=going)
    moot = moot.exclude(kind=DriftKind.ORPHANED.value).select_related(*WITH)
    return end_drifts(moot.select_for_update(no_key=True, of=("self",)).order_by("pk"), at=at)


def entry(event: EventType, drift: RoleDrift, at: datetime, actor: Actor = WATCHER, **details: Any) -> Entry:
    """Return the audit row. What stands in the policies is in the drift's own row alone."""
    row = drift.partner_role
    grant = row.grant if row else None
    return Entry(
        type=event,
        at=at,
        actor=actor,
        outcome=Outcome.FAILED if event == EventType.DRIFT_FOUND else Outcome.DONE,
        grant_id=grant.pk if grant else None,
        role_id=row.role_id if row else None,
        partner_id=grant.partner.pk if grant and grant.partner else None,
        details={
            "drift": str(drift.pk),
            "account": drift.account.account_id,
            "role": drift.role_name,
            "part": drift.part,
            "kind": drift.kind,
            "why": drift.why,
            **details,
        },
    )


def _begin(
    account: AwsAccount, name: str, row: PartnerRole | None, found: RoleDifference, at: datetime
) -> RoleDrift:
    drift = RoleDrift(account=account, role_name=name, part=found.part, found_at=at)
    _tell(drift, row, found, at)
    drift.save(force_insert=True)
    _announce(drift, at)
    return drift


def _go_on(drift: RoleDrift, row: PartnerRole | None, found: RoleDifference, at: datetime) -> RoleDrift:
    is_same = drift.digest == digest_of(found)
    # What is taken away by a worker is found until it is; of a standing role the look counts only after the repair.
    is_waited_for = drift.state == DriftState.REPAIRING and found.kind == DriftKind.ORPHANED
    if is_same and (drift.state in {DriftState.OPEN, DriftState.ACCEPTED} or is_waited_for):
        drift.seen_at, drift.wanted = at, found.wanted
        drift.save(update_fields=["seen_at", "wanted"])
        return drift
    # Something else by now, or the same after it was repaired: somebody must decide anew.
    _tell(drift, row, found, at)
    drift.save()
    _announce(drift, at)
    return drift


def _tell(drift: RoleDrift, row: PartnerRole | None, found: RoleDifference, at: datetime) -> None:
    drift.partner_role, drift.kind, drift.why = row, found.kind.value, found.why[:500]
    drift.wanted, drift.found, drift.digest = found.wanted, found.found, digest_of(found)
    drift.state, drift.seen_at = DriftState.OPEN.value, at
    drift.decided_at, drift.decided_by, drift.reason = None, None, ""


def _announce(drift: RoleDrift, at: datetime) -> None:
    record(entry(EventType.DRIFT_FOUND, drift, at))
    if DriftKind(drift.kind) in ALARMING:
        raise_alarm(
            kind=AlarmKind.ROLE_WIDENED,
            subject=str(drift.pk),
            text=f"{drift.role_name} in {drift.account}: {drift.why}",
            at=at,
            grant_id=drift.partner_role.grant_id if drift.partner_role else None,
        )
    outbox.post("access.drift.found", at=at, drift=str(drift.pk))

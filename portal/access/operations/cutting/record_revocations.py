"""What became of an attempt to bring denies to AWS: recorded under the document's lock, while the fence is ours."""

import random
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from brokers.errors import BrokerError
from brokers.types import StandingDeny
from portal.access.lifecycle import STANDING, WAITING, AlarmKind, RevocationState, stored
from portal.access.models import DenyDocument, KeptDeny, Revocation
from portal.access.operations.cutting.alarms import CHANGE_STAYS, clear_alarm, raise_alarm
from portal.access.operations.cutting.deny_entries import why_not_probed
from portal.access.operations.cutting.leases import Lease, give_back, renew
from portal.access.operations.cutting.wanted_denies import CLOCKS, Wanted, denied_rows
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record, record_all
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.tallies import observe

FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
# What was removed behind the portal's back is back within a minute: this, a call that hangs, and the put.
LOOK_AGAIN = 40.0
# A probe's session is newer than the cut, so that it could prove nothing.
BY_CUT = "Denied with everybody who was in before the whole role was cut; there is no room for its own entry."
REVOKER = Actor.system("revoke")


@dataclass(frozen=True, slots=True)
class Seen:
    """What AWS showed at the end, and before anything was written. `changed`: what somebody else had done to it."""

    now: StandingDeny
    before: StandingDeny
    changed: str | None = None


def record_applied(lease: Lease, wanted: Wanted, seen: Seen) -> int:
    """Record what AWS was seen to have, what it has no room for, and whose sessions are all dead.

    Returns how many revocations were recorded as applied.
    """
    with transaction.atomic():
        now = database_now()
        if not give_back(
            lease,
            applied_at=now,
            checked_at=now,
            entries=len(seen.now.entries),
            policies=[asdict(policy) for policy in seen.now.policies],
            recheck_at=now + _jitter(LOOK_AGAIN) if _has_more_to_do(wanted, seen) else None,
            **({"write_anew": False} if lease.document.write_anew else {}),
        ):
            return 0
        # By its own end, not by what was read: an operator may have cut everybody since the lease was taken.
        DenyDocument.objects.filter(pk=lease.document.pk, issued_before_until__lte=now - CLOCKS).update(
            issued_before=None, issued_before_until=None
        )
        waiting = [row for row in wanted.rows if row.state in WAITING]
        applied = 0
        for why in {why_not_probed(row.grant.role) for row in waiting}:
            alike = [row for row in waiting if why_not_probed(row.grant.role) == why]
            applied += _write_applied(lease, alike, no_probe=why)
        applied += _write_applied(
            lease, [row for row in wanted.by_cut if row.state in WAITING], no_probe=BY_CUT
        )
        _write_failures(lease, {**wanted.unfit, **wanted.crowded_out})
        _write_cleaned(lease, wanted.over)
        KeptDeny.objects.filter(document=lease.document, covers_until__lte=now - CLOCKS).delete()
        if seen.changed is not None:
            _write_put_back(lease, wanted, seen, seen.changed)
        else:
            _clear_old_alarm(lease, now)
    return applied


def record_failure(
    lease: Lease, failed: Mapping[Revocation, BrokerError], changed: str | None = None
) -> None:
    """Record why it did not work, and when it is tried again.

    `changed`: what somebody else had done to it, and could not be mended: what they took away fails from here on.
    """
    with transaction.atomic():
        now = database_now()
        if not give_back(lease, recheck_at=now + _jitter(LONGEST_WAIT)):
            return
        _write_failures(lease, failed)
        if changed is not None:
            where = f"What the portal wrote on {lease.document}"
            text = f"{where} was changed in AWS ({changed}), and can't be put back yet."
            raise_alarm(kind=AlarmKind.DENY_CHANGED, subject=str(lease.document.pk), text=text, at=now)


def record_crowded_out(lease: Lease, wanted: Wanted) -> bool:
    """Call failing what stands and has no room any more, before it is taken out of AWS; the lease is kept.

    False when the lease was overtaken: nothing is recorded then, and nothing may be put any more.
    """
    going = {row: why for row, why in wanted.crowded_out.items() if row.state in STANDING}
    if not going:
        return True
    with transaction.atomic():
        if not renew(lease):
            return False
        _write_failures(lease, going)
    return True


def record_overtaken(lease: Lease) -> None:
    with transaction.atomic():
        give_back(lease)


def _has_more_to_do(wanted: Wanted, seen: Seen) -> bool:
    return bool(seen.now.entries or seen.now.issued_before or wanted.crowded_out)


def _write_applied(lease: Lease, waiting: Collection[Revocation], *, no_probe: str = "") -> int:
    rows = _unchanged(waiting)
    now = database_now()
    Revocation.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=RevocationState.APPLIED.value,
        applied_at=now,
        last_error="",
        attempts=F("attempts") + 1,
        probe_at=None if no_probe else now,
        proof_note=no_probe,
    )
    for row in rows:
        observe("cutoff_applied", (now - row.asked_at).total_seconds())
    record_all(
        _entry(
            EventType.REVOCATION_APPLIED,
            row,
            lease,
            now,
            seconds=round((now - row.asked_at).total_seconds(), 3),
            attempts=row.attempts + 1,
        )
        for row in rows
    )
    return len(rows)


def _write_cleaned(lease: Lease, over: Collection[Revocation]) -> None:
    """Every session that they concern is dead by now, also where AWS never took the deny.

    Judged again under the lock: a session that came late, under the same name, may live longer than was read.
    """
    locked, now = _unchanged(over), database_now()
    rows = [row for row in locked if row.covers_until <= now - CLOCKS]
    Revocation.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=RevocationState.CLEANED.value, cleaned_at=now, probe_at=None
    )
    record_all(
        _entry(EventType.REVOCATION_CLEANED, row, lease, now, was=row.state, proven=row.proven_at is not None)
        for row in rows
    )


def _write_put_back(lease: Lease, wanted: Wanted, seen: Seen, changed: str) -> None:
    """Report what was changed in AWS; what had been missing there is to be proven anew."""
    now = database_now()
    denied = denied_rows(wanted.rows, seen.before.entries)
    missing = [row.pk for row in wanted.rows if row.state in STANDING and row not in denied]
    Revocation.objects.filter(pk__in=missing, state__in=stored(STANDING)).update(
        state=RevocationState.APPLIED.value, proven_at=None, probe_at=now, proof_note=""
    )
    text = f"What the portal wrote on {lease.document} was changed in AWS ({changed}); it was put back."
    record(
        Entry(
            type=EventType.DENY_PUT_BACK,
            at=now,
            actor=REVOKER,
            details={"document": str(lease.document), "changed": changed, "revocations": len(missing)},
        )
    )
    raise_alarm(kind=AlarmKind.DENY_CHANGED, subject=str(lease.document.pk), text=text, at=now)


def _clear_old_alarm(lease: Lease, now: datetime) -> None:
    """It stood unchanged at this look: the alarm of an earlier change has been out long enough to be seen."""
    clear_alarm(
        kind=AlarmKind.DENY_CHANGED, subject=str(lease.document.pk), at=now, raised_before=now - CHANGE_STAYS
    )


def _write_failures(lease: Lease, failed: Mapping[Revocation, BrokerError]) -> None:
    rows = _unchanged(failed.keys())
    now = database_now()
    problems = {row.pk: problem for row, problem in failed.items()}
    alike: dict[tuple[int, str], list[Revocation]] = {}
    for row in rows:
        alike.setdefault((row.attempts, str(problems[row.pk])[:500]), []).append(row)
    for (attempts, why), group in alike.items():
        Revocation.objects.filter(pk__in=[row.pk for row in group]).update(
            state=RevocationState.FAILING.value,
            applied_at=None,
            proven_at=None,
            probe_at=None,
            last_error=why,
            attempts=attempts + 1,
            next_try_at=now + _wait(attempts + 1),
        )
    record_all(
        _entry(
            EventType.REVOCATION_FAILING,
            row,
            lease,
            now,
            outcome=Outcome.FAILED,
            code=problems[row.pk].code,
            detail=str(problems[row.pk])[:300],
        )
        for row in rows
        if row.state != RevocationState.FAILING
    )


def _unchanged(judged: Collection[Revocation]) -> list[Revocation]:
    """Lock the rows anew; one that got another entry meanwhile stays for the next round."""
    written = {row.pk: row.userids for row in judged}
    if not written:
        return []
    locked = Revocation.objects.select_for_update(no_key=True, of=("self",)).select_related("grant")
    return [row for row in locked.filter(pk__in=written).order_by("pk") if row.userids == written[row.pk]]


def _wait(attempts: int) -> timedelta:
    """Back off with jitter, capped, for ever."""
    return _jitter(min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempts, 10)))


def _jitter(longest: float) -> timedelta:
    return timedelta(seconds=longest * random.uniform(0.5, 1.0))  # noqa: S311  # jitter, not a secret


def _entry(
    event: EventType,
    row: Revocation,
    lease: Lease,
    now: datetime,
    *,
    outcome: Outcome = Outcome.DONE,
    **details: Any,
) -> Entry:
    return Entry(
        type=event,
        at=now,
        actor=REVOKER,
        outcome=outcome,
        grant_id=row.grant_id,
        person_id=row.grant.person_id,
        role_id=row.grant.role_id,
        details={"document": str(lease.document), "entries": row.userids, **details},
    )

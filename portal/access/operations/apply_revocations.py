"""Bring the denies to AWS: repeated until AWS took them, then recorded.

1. Take the document's lease: a compare-and-swap that raises its fencing number. One writer per AWS document.
2. With no transaction open: make the whole document from the database, put it, read it back, put it again.
3. Under the row's lock, and only while the fence is still ours, record what AWS was seen to have.

Whatever goes wrong leaves the rows as they were, with the reason and the next try: a revocation is never dropped.
"""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Min, Q

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from brokers.types import DenyTarget, Partition, PrincipalKind
from portal.access.lifecycle import RevocationState
from portal.access.models import DenyDocument, Revocation
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record_all
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now

# Longer than one round of calls may take by their time-outs; a killed worker's lease runs out within a minute.
LEASE = timedelta(seconds=45)
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
READ_BACK_TRIES = 3
READ_BACK_WAIT = 0.3
REVOKER = Actor.system("revoke")


@dataclass(frozen=True, slots=True)
class Lease:
    document: DenyDocument
    fence: int


class NotShownYetError(BrokerError):
    """AWS took the document, but does not show it yet."""

    code = "aws.not_shown_yet"

    @property
    def retryable(self) -> bool:
        return True

    def __str__(self) -> str:
        return "AWS took the deny policy, but does not show it yet"


def due_documents(*, at: datetime, limit: int = 500) -> list[int]:
    """Return the documents that have a revocation due, the one that waits longest first."""
    due = Revocation.objects.filter(~Q(state=RevocationState.APPLIED.value), next_try_at__lte=at)
    rows = due.values("document_id").annotate(oldest=Min("next_try_at")).order_by("oldest")[:limit]
    return [row["document_id"] for row in rows]


def apply_revocations(*, document_id: int, aws: AwsPorts, holder: str) -> int:
    """Apply every revocation of one AWS document. Returns how many were recorded as applied.

    0 too when another worker holds the lease, or AWS refused: the rows then say so and when the next try is.
    """
    lease = _take_lease(document_id, holder)
    if lease is None:
        return 0
    now = database_now()
    rows = list(_standing(document_id, now))
    waiting = [row for row in rows if row.state != RevocationState.APPLIED]
    try:
        entries = sorted({userid for row in rows for userid in row.userids})
        _make_it_stand(_target(lease.document), entries, aws)
    except BrokerError as problem:
        _record_failure(lease, waiting, problem)
        return 0
    return _record_applied(lease, waiting, len(entries))


def _take_lease(document_id: int, holder: str) -> Lease | None:
    now = database_now()
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    if not DenyDocument.objects.filter(free, pk=document_id).update(
        fence=F("fence") + 1, holder=holder[:80], leased_until=now + LEASE
    ):
        return None
    document = DenyDocument.objects.select_related("account").get(pk=document_id)
    return Lease(document, document.fence)


def _standing(document_id: int, now: datetime) -> Sequence[Revocation]:
    """All that the document must name: what may still live, and what AWS has not taken yet."""
    return list(
        Revocation.objects.select_related("grant").filter(
            Q(covers_until__gt=now) | ~Q(state=RevocationState.APPLIED.value), document_id=document_id
        )
    )


def _target(document: DenyDocument) -> DenyTarget:
    account = document.account
    return DenyTarget(
        partition=Partition(account.partition),
        account_id=account.account_id,
        kind=PrincipalKind(document.kind),
        name=document.name,
        via_role_arn=account.revoker_role_arn or None,
    )


def _make_it_stand(target: DenyTarget, entries: Sequence[str], aws: AwsPorts) -> None:
    wanted = aws.deny_document(entries) if entries else None
    for attempt in range(READ_BACK_TRIES):
        if aws.deny.read(target) == wanted:
            return
        if attempt:
            time.sleep(READ_BACK_WAIT * attempt)
        _put(target, wanted, aws)
    if aws.deny.read(target) != wanted:
        raise NotShownYetError


def _put(target: DenyTarget, wanted: Mapping[str, Any] | None, aws: AwsPorts) -> None:
    if wanted is None:
        aws.deny.remove(target)
    else:
        aws.deny.write(target, wanted)


def _record_applied(lease: Lease, waiting: Sequence[Revocation], entries: int) -> int:
    with transaction.atomic():
        if not _still_ours(lease):
            return 0  # a newer writer has read the database since, and answers for all of these rows
        now = database_now()
        rows = _unchanged(waiting)
        for row in rows:
            row.state, row.applied_at, row.last_error = RevocationState.APPLIED.value, now, ""
            row.attempts += 1
        Revocation.objects.bulk_update(rows, ["state", "applied_at", "last_error", "attempts"])
        _release(lease, applied_at=now, entries=entries)
        record_all(
            _entry(
                EventType.REVOCATION_APPLIED,
                row,
                lease,
                now,
                seconds=round((now - row.asked_at).total_seconds(), 3),
                attempts=row.attempts,
            )
            for row in rows
        )
    return len(rows)


def _record_failure(lease: Lease, waiting: Sequence[Revocation], problem: BrokerError) -> None:
    with transaction.atomic():
        if not _still_ours(lease):
            return
        now = database_now()
        rows = _unchanged(waiting)
        fresh = [row for row in rows if row.state == RevocationState.PENDING]
        for row in rows:
            row.attempts += 1
            row.state, row.last_error = RevocationState.FAILING.value, str(problem)[:500]
            row.next_try_at = now + _wait(row.attempts)
        Revocation.objects.bulk_update(rows, ["state", "last_error", "attempts", "next_try_at"])
        _release(lease)
        record_all(
            _entry(
                EventType.REVOCATION_FAILING,
                row,
                lease,
                now,
                outcome=Outcome.FAILED,
                code=problem.code,
                detail=str(problem)[:300],
            )
            for row in fresh
        )


def _unchanged(waiting: Sequence[Revocation]) -> list[Revocation]:
    """Lock the rows anew; one that got another entry meanwhile stays for the next round."""
    written = {row.pk: row.userids for row in waiting}
    locked = Revocation.objects.select_for_update(of=("self",)).select_related("grant").filter(pk__in=written)
    return [row for row in locked.order_by("pk") if row.userids == written[row.pk]]


def _still_ours(lease: Lease) -> bool:
    current = DenyDocument.objects.select_for_update().get(pk=lease.document.pk)
    return current.fence == lease.fence


def _release(lease: Lease, **facts: datetime | int) -> None:
    DenyDocument.objects.filter(pk=lease.document.pk).update(leased_until=None, holder="", **facts)


def _wait(attempts: int) -> timedelta:
    """Back off with jitter, capped, for ever."""
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempts, 10))
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


def retry_now(*, revocation_ids: Sequence[UUID], at: datetime) -> int:
    """Make failing revocations due at once, for an operator who has mended the cause."""
    waiting = Revocation.objects.filter(~Q(state=RevocationState.APPLIED.value), pk__in=revocation_ids)
    return waiting.update(next_try_at=at)

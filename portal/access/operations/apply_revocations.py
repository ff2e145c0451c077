"""Bring the denies to AWS: repeated until AWS took them, then recorded.

1. Take the document's lease, which raises its fencing number. One writer per AWS document.
2. With no transaction open: make the whole document from the database, put it, read it back, put it again.
3. Under the row's lock, and only while the fence is still ours, record what AWS was seen to have.

Whatever goes wrong leaves the rows as they were, with the reason and the next try: a revocation is never dropped.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Min, Q

from brokers.errors import BrokerError, LimitExceeded
from brokers.ports import AwsPorts
from brokers.types import DenyTarget, Partition, PrincipalKind
from portal.access.lifecycle import RevocationState
from portal.access.models import DenyDocument, Revocation
from portal.access.operations.leases import Lease, renew, take_lease
from portal.access.operations.record_revocations import record_applied, record_failure, record_overtaken
from portal.kernel.clock import database_now

READ_BACK_TRIES = 3
READ_BACK_WAIT = 0.3


class NotShownYetError(BrokerError):
    """AWS took the document, but does not show it yet."""

    code = "aws.not_shown_yet"

    @property
    def retryable(self) -> bool:
        return True

    def __str__(self) -> str:
        return "AWS took the deny policy, but does not show it yet"


class UnexpectedError(BrokerError):
    """A fault of the portal's own. Its text may hold anything, so that only its type is told."""

    code = "portal.fault"

    def __str__(self) -> str:
        return f"a fault of the portal itself ({self.args[0]}): see the worker's log"


class OvertakenError(BrokerError):
    """Another worker holds the lease by now: nothing more may be put."""

    code = "portal.overtaken"


def due_documents(*, at: datetime, limit: int = 500) -> list[int]:
    """Return the documents that have work due and no holder, the one that waits longest first."""
    free = Q(document__leased_until=None) | Q(document__leased_until__lte=at)
    due = Revocation.objects.filter(free, ~Q(state=RevocationState.APPLIED.value), next_try_at__lte=at)
    rows = due.values("document_id").annotate(oldest=Min("next_try_at")).order_by("oldest")[:limit]
    found = [row["document_id"] for row in rows]
    again = DenyDocument.objects.filter(Q(leased_until=None) | Q(leased_until__lte=at), recheck_at__lte=at)
    return [*found, *again.exclude(pk__in=found).order_by("recheck_at").values_list("pk", flat=True)[:limit]]


def apply_revocations(*, document_id: int, aws: AwsPorts, holder: str) -> int:
    """Apply every revocation of one AWS document. Returns how many were recorded as applied.

    0 too when another worker holds the lease, or AWS refused: the rows then say so and when the next try is.
    """
    lease = take_lease(document_id, holder)
    if lease is None:
        return 0
    rows, unfit = _fit(_standing(document_id, database_now()), aws)
    waiting = [row for row in rows if row.state != RevocationState.APPLIED]
    try:
        standing, crowded_out = _make_most_stand(lease, rows, aws)
    except OvertakenError:
        record_overtaken(lease)
    except BrokerError as problem:
        record_failure(lease, {**unfit, **dict.fromkeys(waiting, problem)})
    except Exception as fault:
        record_failure(lease, {**unfit, **dict.fromkeys(waiting, UnexpectedError(type(fault).__name__))})
        raise
    else:
        unfit |= {row: problem for row, problem in crowded_out.items() if row in waiting}
        done = [row for row in waiting if row not in crowded_out]
        return record_applied(lease, done, unfit, len(_entries(standing)))
    return 0


def fail_revocations(*, document_id: int, problem: BrokerError, holder: str) -> None:
    """Write down that AWS can't even be asked (no hub credentials, say): shown and tried again like any other."""
    lease = take_lease(document_id, holder)
    if lease is not None:
        rows = _standing(document_id, database_now())
        record_failure(
            lease, dict.fromkeys((row for row in rows if row.state != RevocationState.APPLIED), problem)
        )


def retry_now(*, revocation_ids: Sequence[UUID], at: datetime) -> int:
    """Make failing revocations due at once, for an operator who has mended the cause."""
    waiting = Revocation.objects.filter(~Q(state=RevocationState.APPLIED.value), pk__in=revocation_ids)
    return waiting.update(next_try_at=at)


def _standing(document_id: int, now: datetime) -> Sequence[Revocation]:
    """All that the document must name: what may still live, and what AWS has not taken yet."""
    return list(
        Revocation.objects.select_related("grant").filter(
            Q(covers_until__gt=now) | ~Q(state=RevocationState.APPLIED.value), document_id=document_id
        )
    )


def _fit(rows: Sequence[Revocation], aws: AwsPorts) -> tuple[list[Revocation], dict[Revocation, BrokerError]]:
    """Part the rows whose entries no document can name: one poisoned row must not starve the others."""
    fit, unfit = [], {}
    for row in rows:
        try:
            aws.deny_document(row.userids)
        except BrokerError as problem:
            unfit[row] = problem
        else:
            fit.append(row)
    return fit, unfit


def _make_most_stand(
    lease: Lease, rows: Sequence[Revocation], aws: AwsPorts
) -> tuple[Sequence[Revocation], Mapping[Revocation, BrokerError]]:
    """Return the rows that stand in AWS, and those that it has no room for with why.

    Where not all fit, those whose grant is over by its own end make room: their sessions' policies refuse them
    already. A grant that was revoked before its end has nothing but its entry here.
    """
    try:
        _make_it_stand(lease, _entries(rows), aws)
    except LimitExceeded as problem:
        now = database_now()
        over = [row for row in rows if row.grant.ends_at <= now]
        urgent = [row for row in rows if row.grant.ends_at > now]
        if not over or not urgent:
            raise
        _make_it_stand(lease, _entries(urgent), aws)
        return urgent, dict.fromkeys(over, problem)
    return rows, {}


def _entries(rows: Sequence[Revocation]) -> Sequence[str]:
    return sorted({userid for row in rows for userid in row.userids})


def _make_it_stand(lease: Lease, entries: Sequence[str], aws: AwsPorts) -> None:
    target = _target(lease.document)
    wanted = aws.deny_document(entries) if entries else None
    for attempt in range(READ_BACK_TRIES):
        if aws.deny.read(target) == wanted:
            return
        time.sleep(READ_BACK_WAIT * attempt)
        if not renew(lease):
            raise OvertakenError
        _put(target, wanted, aws)
    if aws.deny.read(target) != wanted:
        raise NotShownYetError


def _put(target: DenyTarget, wanted: Mapping[str, Any] | None, aws: AwsPorts) -> None:
    if wanted is None:
        aws.deny.remove(target)
    else:
        aws.deny.write(target, wanted)


def _target(document: DenyDocument) -> DenyTarget:
    account = document.account
    return DenyTarget(
        partition=Partition(account.partition),
        account_id=account.account_id,
        kind=PrincipalKind(document.kind),
        name=document.name,
        via_role_arn=account.revoker_role_arn or None,
    )

"""Bring one AWS document's denies to AWS, and see that they stand there.

1. Whoever holds the document's lease, and nobody else, writes it: one writer per AWS document.
2. With no transaction open: make the whole of it from the database, put it, read it back, put it again.
3. Under the row's lock, and only while the fence is still ours, record what AWS was seen to have.

Whatever goes wrong leaves the rows as they were, with the reason and the next try: a revocation is never dropped.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from brokers.errors import AwsRefused, BrokerError, LimitExceeded
from brokers.ports import AwsPorts
from brokers.types import DenyTarget, StandingDeny
from portal.access.lifecycle import STANDING, WAITING, RevocationState, stored
from portal.access.models import DenyDocument, Revocation
from portal.access.operations.cutting.leases import Lease, renew, take_lease
from portal.access.operations.cutting.record_revocations import (
    Seen,
    record_applied,
    record_crowded_out,
    record_failure,
    record_overtaken,
)
from portal.access.operations.cutting.wanted_denies import (
    Wanted,
    changed_behind_our_back,
    denied_rows,
    taken_away,
    wanted_denies,
)
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


def apply_revocations(*, document_id: int, aws: AwsPorts, holder: str) -> int:
    """Apply every revocation of one AWS document. Returns how many were recorded as applied.

    0 too when another worker holds the lease, or AWS refused: the rows then say so and when the next try is.
    """
    lease = take_lease(document_id, holder)
    return 0 if lease is None else apply_leased(lease, aws)


def apply_leased(lease: Lease, aws: AwsPorts) -> int:
    """Do it for a document whose lease is held; gives it back. Returns as `apply_revocations`."""
    wanted = wanted_denies(lease.document, aws, database_now())
    failing = [row for row in wanted.rows if RevocationState(row.state) in WAITING]
    changed: str | None = None
    try:
        found, changed = _look(lease.document, wanted, aws)
        failing += taken_away(wanted, found)
        wanted, shown = _make_most_stand(lease, wanted, found, aws)
    except OvertakenError:
        record_overtaken(lease)
    except BrokerError as problem:
        record_failure(lease, {**wanted.unfit, **dict.fromkeys(failing, problem)}, changed)
    except Exception as fault:
        unexpected = UnexpectedError(type(fault).__name__)
        record_failure(lease, {**wanted.unfit, **dict.fromkeys(failing, unexpected)}, changed)
        raise
    else:
        return record_applied(lease, wanted, Seen(now=shown, before=found, changed=changed))
    return 0


def fail_revocations(*, document_id: int, problem: BrokerError, holder: str) -> None:
    """Write down that AWS can't even be asked (no hub credentials, say): shown and tried again like any other."""
    lease = take_lease(document_id, holder)
    if lease is not None:
        rows = Revocation.objects.filter(document_id=document_id, state__in=stored(WAITING))
        record_failure(lease, dict.fromkeys(rows.select_related("grant"), problem))


def _make_most_stand(
    lease: Lease, wanted: Wanted, found: StandingDeny, aws: AwsPorts
) -> tuple[Wanted, StandingDeny]:
    """Return what of it stands in AWS then, and what AWS shows. Where not all fit, as many as do."""
    problem: LimitExceeded | None = None
    for fewer in _ever_fewer(wanted, found, database_now()):
        attempt = _with_covered(fewer, wanted)
        tried = {*attempt.rows, *attempt.by_cut}
        crowded_out = [row for row in wanted.rows if row not in tried]
        trial = replace(attempt, crowded_out=dict.fromkeys(crowded_out, problem) if problem else {})
        # What stands and is to go is called failing before it goes: a worker may die between its put and its record.
        if not record_crowded_out(lease, trial):
            raise OvertakenError
        try:
            shown = _make_it_stand(lease, trial, found, aws)
        except LimitExceeded as no_room:
            problem = no_room
        else:
            return trial, shown
    if problem is None:  # pragma: no cover - the first attempt is always made
        raise AssertionError("nothing was tried")
    raise problem


def _with_covered(attempt: Wanted, wanted: Wanted) -> Wanted:
    """Return it with those rows too that take no room: what they name is denied by what is tried already."""
    tried, covered = {*attempt.rows, *attempt.by_cut}, denied_rows(wanted.rows, attempt.entries)
    also = [row for row in wanted.rows if row in covered and row not in tried]
    return replace(attempt, rows=[*attempt.rows, *also])


def _ever_fewer(wanted: Wanted, found: StandingDeny, now: datetime) -> Iterator[Wanted]:
    """Make room in this order, and never at the cost of an entry that stands and is needed more.

    First those go whom an operator's cut of everybody reaches as well; then those whose grant is over by its own
    end, as their sessions' policies refuse them already. A grant that was revoked before its end has nothing but
    its entry: of these, those that stand stay, and as many more as fit come beside them, oldest first.
    """
    yield wanted
    reached = wanted.reached_by_cut
    if reached:
        wanted = replace(wanted, rows=[row for row in wanted.rows if row not in reached], by_cut=reached)
        yield wanted
    urgent = sorted((row for row in wanted.rows if row.grant.ends_at > now), key=lambda row: row.asked_at)
    if urgent and len(urgent) < len(wanted.rows):
        yield replace(wanted, rows=urgent)
    # AWS may have shown a copy that is behind: what it was seen to have before counts as standing, too.
    denied = denied_rows(urgent, found.entries)
    seen = [row for row in urgent if row in denied]
    standing = [row for row in urgent if row in denied or RevocationState(row.state) in STANDING]
    stays = set(standing)
    more = [row for row in urgent if row not in stays]
    while more:
        more = more[: len(more) // 2]
        if standing or more:
            yield replace(wanted, rows=[*standing, *more])
    if seen and len(seen) < len(standing):
        yield replace(wanted, rows=seen)


def _look(document: DenyDocument, wanted: Wanted, aws: AwsPorts) -> tuple[StandingDeny, str | None]:
    """Return what stands in AWS, and what somebody else has done to it."""
    target = document.target
    found = _read(target, wanted, aws)
    if changed_behind_our_back(document, wanted, found) is None:
        return found, None
    # IAM may have answered from a copy that is behind: what is reported was seen twice.
    time.sleep(READ_BACK_WAIT)
    found = _read(target, wanted, aws)
    return found, changed_behind_our_back(document, wanted, found)


def _make_it_stand(lease: Lease, wanted: Wanted, found: StandingDeny, aws: AwsPorts) -> StandingDeny:
    target = lease.document.target
    for attempt in range(READ_BACK_TRIES):
        left_behind = lease.document.write_anew and attempt == 0
        if wanted.stands_in(found) and not left_behind:
            return found
        time.sleep(READ_BACK_WAIT * attempt)
        if not renew(lease):
            raise OvertakenError
        _write(target, wanted, aws)
        found = _read(target, wanted, aws)
    if wanted.stands_in(found):
        return found
    raise NotShownYetError


def _read(target: DenyTarget, wanted: Wanted, aws: AwsPorts) -> StandingDeny:
    try:
        return aws.deny.read(target)
    except AwsRefused as refused:
        if not _is_gone_anyway(refused, wanted):
            raise
    return StandingDeny()


def _write(target: DenyTarget, wanted: Wanted, aws: AwsPorts) -> None:
    try:
        aws.deny.write(target, wanted.entries, issued_before=wanted.issued_before)
    except AwsRefused as refused:
        if not _is_gone_anyway(refused, wanted):
            raise


def _is_gone_anyway(refused: AwsRefused, wanted: Wanted) -> bool:
    """A principal that is gone has no sessions and no denies: what is over is cleaned, what isn't fails."""
    return refused.aws_code == "NoSuchEntity" and not wanted.entries and wanted.issued_before is None

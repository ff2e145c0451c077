"""Workers pull: each takes the lease of one AWS document with work due, does it, and takes the next.

In order of age, so that what fails again and again goes to the end of the row; and by turns among AWS accounts,
so that one that answers nothing holds a few workers at most.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db.models import Min, Q

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from portal.access.lifecycle import WAITING, stored
from portal.access.models import DenyDocument, Revocation
from portal.access.operations.cutting.apply_revocations import apply_leased, fail_revocations
from portal.access.operations.cutting.leases import Lease, take_lease
from portal.access.operations.running.hold import is_held
from portal.kernel.clock import database_now

log = logging.getLogger(__name__)
# How many documents of one account may be worked on at once, by all workers together.
ACCOUNT_SHARE = 3
LOOKED_AT = 200
_waiting = Q(state__in=stored(WAITING))


def work_off(*, aws: AwsPorts, holder: str, at_most: int = 1000) -> int:
    """Work off what is due until nothing is left. Returns how many revocations were recorded as applied.

    In hold nothing is written to AWS: 0.
    """
    applied = 0
    for _ in range(at_most):
        lease = None if is_held() else _next_lease(holder)
        if lease is None:
            break
        try:
            applied += apply_leased(lease, aws)
        except Exception:  # the row says that it failed; the other documents go on
            log.exception("the denies of %s were not written", lease.document)
    return applied


def fail_due(*, problem: BrokerError, holder: str) -> None:
    """Write down for all that is due that AWS can't even be asked, such as without hub credentials."""
    for document_id in due_documents(at=database_now()):
        fail_revocations(document_id=document_id, problem=problem, holder=holder)


def due_documents(*, at: datetime, limit: int = LOOKED_AT) -> list[int]:
    """Return the documents that have work due and no holder, within each account's share, oldest first."""
    at_work = _at_work(at)
    # Before the rows are cut off at `limit`: an account that answers nothing must not take all the places.
    full = [account for account, number in at_work.items() if number >= ACCOUNT_SHARE]
    free = Q(document__leased_until=None) | Q(document__leased_until__lte=at)
    waiting = (
        Revocation.objects.filter(free, _waiting, applied_at=None, cleaned_at=None, next_try_at__lte=at)
        .exclude(document__account__in=full)
        .order_by()
    )
    by_age = waiting.values("document_id", "document__account_id").annotate(oldest=Min("next_try_at"))
    again = DenyDocument.objects.filter(Q(leased_until=None) | Q(leased_until__lte=at), recheck_at__lte=at)
    again = again.exclude(account__in=full)
    rows: Iterable[Mapping[str, Any]] = by_age.order_by("oldest")[:limit]
    found: dict[int, UUID] = {row["document_id"]: row["document__account_id"] for row in rows}
    for document in again.order_by("recheck_at").only("pk", "account_id")[:limit]:
        found.setdefault(document.pk, document.account_id)
    return _by_turns(found, at_work)


def _at_work(at: datetime) -> Counter[UUID]:
    held = DenyDocument.objects.filter(leased_until__gt=at)
    return Counter(held.values_list("account_id", flat=True))


def _by_turns(found: Mapping[int, UUID], at_work: Counter[UUID]) -> list[int]:
    """Sort by how many of the same account come before, those at work included; those past the share wait."""
    places = []
    for document, account in found.items():
        if at_work[account] < ACCOUNT_SHARE:
            places.append((at_work[account], document))
        at_work[account] += 1
    return [document for _, document in sorted(places, key=itemgetter(0))]


def _next_lease(holder: str) -> Lease | None:
    for document_id in due_documents(at=database_now()):
        lease = take_lease(document_id, holder)
        if lease is not None:
            return lease
    return None

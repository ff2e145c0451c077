"""The lease of one AWS document, so that one worker writes it at a time, and the fencing number that goes with it.

AWS knows no fence: a put of a holder that was overtaken can land late, over a newer document. So whoever takes
over a lease that was never given back, and whoever finds that it was overtaken, has the document looked at again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from portal.access.models import DenyDocument
from portal.kernel.clock import database_now

# Longer than one call to AWS may take by its time-outs (3 tries of 3 s to connect and 10 s to answer); it is
# renewed before each put. A killed worker's lease runs out within it.
LEASE = timedelta(seconds=45)
# How long after it was overtaken a holder's put may still land.
LATE_PUT = timedelta(seconds=45)


@dataclass(frozen=True, slots=True)
class Lease:
    """Held while the document's fence is still this one."""

    document: DenyDocument
    fence: int


def take_lease(document_id: int, holder: str) -> Lease | None:
    """Return the lease, or None while another holds it, or is about to."""
    with transaction.atomic():
        free = DenyDocument.objects.select_for_update(skip_locked=True, no_key=True)
        if not list(free.filter(pk=document_id).values_list("pk")):
            return None
        document = DenyDocument.objects.select_related("account").get(pk=document_id)
        now = database_now()
        if document.leased_until is not None and document.leased_until > now:
            return None
        if document.leased_until is not None:
            document.recheck_at = now + LATE_PUT
        document.fence += 1
        document.holder, document.leased_until = holder[:80], now + LEASE
        document.save(update_fields=["fence", "holder", "leased_until", "recheck_at"])
    return Lease(document, document.fence)


def renew(lease: Lease) -> bool:
    """Hold it for another while; False when it was overtaken, and nothing may be put any more."""
    held = DenyDocument.objects.filter(pk=lease.document.pk, fence=lease.fence)
    return bool(held.update(leased_until=database_now() + LEASE))


def give_back(lease: Lease, *, recheck_at: datetime | None = None, **facts: Any) -> bool:
    """In the caller's transaction: lock the document and free it. False when the lease was overtaken.

    Then nothing may be recorded: a newer writer has read the database since and answers for it; yet what was put
    may have landed over the newer document, so that AWS is looked at again. `recheck_at`: when AWS is looked at
    next; sooner where a late put is waited for, or where somebody asked for a look since the lease was taken; None:
    not before there is something to write.
    """
    document = _locked(lease.document.pk)
    now = database_now()
    if document.fence != lease.fence:
        DenyDocument.objects.filter(pk=document.pk).update(recheck_at=now)
        return False
    waited_for = document.recheck_at if document.recheck_at and document.recheck_at > now else None
    asked_for = document.recheck_at if document.recheck_at != lease.document.recheck_at else None
    moments = [moment for moment in (waited_for, asked_for, recheck_at) if moment is not None]
    DenyDocument.objects.filter(pk=document.pk).update(
        leased_until=None, holder="", recheck_at=min(moments, default=None), **facts
    )
    return True


def _locked(document_id: int) -> DenyDocument:
    list(DenyDocument.objects.select_for_update(no_key=True).filter(pk=document_id).values_list("pk"))
    return DenyDocument.objects.get(pk=document_id)

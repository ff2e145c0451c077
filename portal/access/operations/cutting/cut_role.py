"""An operator's cut of a whole role: every session that AWS issued on it until now is denied, whosever it is.

Never automatic: it ends other people's consoles too, so whoever does it is shown them by name before. Their grants
go on; they can open new sessions at once, which are issued later than the cut.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max

from brokers.types import PrincipalKind
from portal.access.found_in_aws import LONGEST
from portal.access.models import AwsSession, DenyDocument, Grant
from portal.access.operations.credentials.credential_slots import empty_slots
from portal.access.operations.cutting.cut_preview import CutPreview, preview_cut
from portal.access.operations.permissions import check_may_revoke_any
from portal.access.operations.reasons import checked_reason
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.catalog.models import AwsRole
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now


def cut_role(*, document_id: int, reason: str, actor: Actor) -> DenyDocument:
    """Have AWS deny every session of the role or user that was issued before now, rounded up to a whole second.

    A worker brings it to AWS within seconds; it stays until the longest of those sessions is dead.

    Raises:
        ForbiddenError: the actor may not revoke.
        NotFoundError: there is no such document.
        InvalidError: no reason, or a longer one than 500 characters.
        ConflictError: the role has no kill switch.
    """
    check_may_revoke_any(actor, "Only somebody who may revoke can cut off everybody on a role.")
    reason = checked_reason(reason)
    with transaction.atomic():
        list(DenyDocument.objects.select_for_update(no_key=True).filter(pk=document_id).values_list("pk"))
        preview = preview_cut(document_id)
        document, now = preview.document, database_now()
        # Never earlier than one that stands: the database's clock may have been set back since.
        document.issued_before = max(_whole_second(now), document.issued_before or _whole_second(now))
        document.issued_before_until = _dead_at(preview.roles, document, now)
        document.recheck_at = now
        document.save(update_fields=["issued_before", "issued_before_until", "recheck_at"])
        empty_slots(Grant.objects.filter(role__in=preview.roles, ended_at=None).values_list("pk", flat=True))
        _record(preview, reason, actor, now)
        outbox.post("access.role.cut", at=now, document=str(document.pk))
    return document


def _dead_at(roles: Sequence[AwsRole], document: DenyDocument, now: datetime) -> datetime:
    """Return when the last session issued until now is dead, of those too that the portal did not issue."""
    last = AwsSession.objects.filter(grant__role__in=roles).aggregate(last=Max("expires_at"))
    longest = now + LONGEST[PrincipalKind(document.kind)]
    moments: list[datetime | None] = [longest, document.issued_before_until, last["last"]]
    return max(moment for moment in moments if moment is not None)


def _whole_second(at: datetime) -> datetime:
    """Rounded up: AWS tells when it issued a session in whole seconds."""
    return at.replace(microsecond=0) + timedelta(seconds=1) if at.microsecond else at


def _record(preview: CutPreview, reason: str, actor: Actor, now: datetime) -> None:
    document = preview.document
    record(
        Entry(
            type=EventType.ROLE_CUT,
            at=now,
            actor=actor,
            role_id=preview.roles[0].pk if len(preview.roles) == 1 else None,
            details={
                "document": str(document),
                "reason": reason,
                "people_in": preview.number_in,
                "people": len(preview.victims),
                "issued_before": document.issued_before.isoformat() if document.issued_before else "",
            },
        )
    )

from uuid import UUID

from portal.audit.models import AuditEvent


def events_of_grant(grant_id: UUID, *, limit: int = 200) -> list[AuditEvent]:
    """Return the grant's events, oldest first; the newest `limit` when there are more."""
    newest = AuditEvent.objects.filter(grant_id=grant_id).order_by("-id")[:limit]
    return list(reversed(newest))


def newest_event() -> int:
    """Return the number of the trail's newest row; 0 where it has none."""
    return AuditEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0

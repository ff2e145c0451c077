from datetime import datetime, timedelta

from portal.access.models import ConsoleLink

KEEP_USED_LINKS = timedelta(days=1)


def tidy_access(*, at: datetime) -> int:
    """Remove console links that are over; used ones stay a day. Their making and use stay in the audit trail."""
    deleted, _ = ConsoleLink.objects.filter(expires_at__lt=at - KEEP_USED_LINKS).delete()
    return deleted

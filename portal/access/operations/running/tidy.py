from datetime import datetime, timedelta

from portal.access.models import ConsoleLink, UsedProof

KEEP_USED_LINKS = timedelta(days=1)
# An assertion is judged by AWS's clock and its provider's as well as by ours.
KEEP_USED_PROOFS = timedelta(hours=1)


def tidy_access(*, at: datetime) -> int:
    """Remove console links that are over (used ones stay a day), and assertions that could not count again anyway.

    Their making and use stay in the audit trail.
    """
    links, _ = ConsoleLink.objects.filter(expires_at__lt=at - KEEP_USED_LINKS).delete()
    proofs, _ = UsedProof.objects.filter(over_at__lt=at - KEEP_USED_PROOFS).delete()
    return links + proofs

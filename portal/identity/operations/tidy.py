from datetime import datetime

from portal.directory.models import PendingSignIn, SeenAssertion


def tidy_sign_ins(*, at: datetime) -> int:
    """Remove sign-ins that can't finish any more, and assertions that could not count again anyway."""
    pending, _ = PendingSignIn.objects.filter(expires_at__lt=at).delete()
    seen, _ = SeenAssertion.objects.filter(valid_until__lt=at).delete()
    return pending + seen

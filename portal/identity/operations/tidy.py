from datetime import datetime, timedelta
from typing import Final

from portal.directory.models import DeviceSignIn, PendingSignIn, SeenAssertion, SignIn

# A program that still asks is told for an hour that its codes are over.
TOLD_AS_OVER: Final = timedelta(hours=1)


def tidy_sign_ins(*, at: datetime) -> int:
    """Remove sign-ins that can't finish any more or are over, and what could not count again anyway."""
    pending, _ = PendingSignIn.objects.filter(expires_at__lt=at).delete()
    seen, _ = SeenAssertion.objects.filter(valid_until__lt=at).delete()
    devices, _ = DeviceSignIn.objects.filter(expires_at__lt=at - TOLD_AS_OVER).delete()
    over, _ = SignIn.objects.filter(expires_at__lt=at).delete()
    SignIn.objects.filter(id_token_expires_at__lt=at).update(sealed_id_token=None, id_token_expires_at=None)
    return pending + seen + devices + over

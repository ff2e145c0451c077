"""The hold: nothing is issued or revoked until an operator has looked at the difference with AWS."""

from portal.access.models import Hold


def is_held() -> bool:
    return Hold.objects.filter(released_at=None).exists()

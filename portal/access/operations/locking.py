"""Take a grant's row lock; what is read after it is what counts."""

from uuid import UUID

from django.db import connection

from portal.access.models import Grant
from portal.kernel.errors import NotFoundError


def lock_grant(grant_id: UUID) -> Grant:
    """Return the grant, locked until the transaction ends, with all that issuing and ending needs."""
    grants = Grant.objects.select_related("role__account", "person__partner")
    if connection.features.has_select_for_update:
        grants = grants.select_for_update(of=("self",))
    try:
        return grants.get(pk=grant_id)
    except Grant.DoesNotExist:
        raise NotFoundError("There is no such grant.") from None

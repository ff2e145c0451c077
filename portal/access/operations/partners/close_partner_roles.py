"""The end of a grant to a partner closes its role: written here, in the grant's own transaction, done by a worker."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import F

from portal.access.lifecycle import PartnerRoleState
from portal.access.models import Grant, PartnerRole

_LIVING = (PartnerRoleState.MAKING.value, PartnerRoleState.STANDING.value)


def close_partner_roles(grants: Sequence[Grant], at: datetime) -> int:
    """Have the roles of these grants closed and taken away; the caller has locked the grants. Returns how many."""
    ids: list[UUID] = [grant.pk for grant in grants if grant.partner_account_id is not None]
    if not ids:
        return 0
    return PartnerRole.objects.filter(grant__in=ids, state__in=_LIVING).update(
        state=PartnerRoleState.CLOSING.value,
        closing_at=at,
        behind_since=at,
        due_at=at,
        check_at=None,
        wanted=F("wanted") + 1,
        attempts=0,
        last_error="",
    )

"""Take a grant's row lock; what is read after it is what counts."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from portal.access.models import Grant
from portal.kernel.errors import NotFoundError
from portal.kernel.prepared import PreparedQuery

# All that issuing and ending needs of a grant.
JOINED: Final = (
    *("role__account__hub", "role__via__account"),
    *("person__partner", "partner_account__partner"),
)


def lock_grant(grant_id: UUID) -> Grant:
    """Return the grant, locked until the transaction ends, with all that issuing and ending needs.

    Two statements: what a waiting `SELECT … FOR UPDATE` joins is as old as its beginning, so the person and the
    role are read once the lock is held. The lock leaves the key alone, so that foreign keys to it don't wait.
    SQLite locks by its transaction (`transaction_mode` IMMEDIATE) and is sent no lock.
    """
    hold_lock(grant_id)
    return Grant.objects.select_related(*JOINED).get(pk=grant_id)


def hold_lock(grant_id: UUID) -> None:
    """Take the lock alone, as `lock_grant` does, which says why nothing is read along with it."""
    if _lock.first({"grant": grant_id}) is None:
        raise NotFoundError("There is no such grant.")


def _row(given: Mapping[str, Any]) -> QuerySet[Any, Any]:
    rows = Grant.objects.select_for_update(no_key=True).filter(pk=given["grant"])
    return rows.order_by().values_list("pk")


_lock = PreparedQuery(_row, {"grant": UUID("00000000-0000-4000-8000-0000000000a1")})

"""Take a grant's row lock; what is read after it is what counts."""

from uuid import UUID

from portal.access.models import Grant
from portal.kernel.errors import NotFoundError


def lock_grant(grant_id: UUID) -> Grant:
    """Return the grant, locked until the transaction ends, with all that issuing and ending needs.

    Two statements: what a waiting `SELECT … FOR UPDATE` joins is as old as its beginning, so the person and the
    role are read once the lock is held. The lock leaves the key alone, so that foreign keys to it don't wait.
    SQLite locks by its transaction (`transaction_mode` IMMEDIATE) and is sent no lock.
    """
    held = Grant.objects.select_for_update(no_key=True).filter(pk=grant_id).values_list("pk", flat=True)
    if not list(held):
        raise NotFoundError("There is no such grant.")
    return Grant.objects.select_related(
        "role__account__hub", "role__via__account", "person__partner", "partner_account__partner"
    ).get(pk=grant_id)

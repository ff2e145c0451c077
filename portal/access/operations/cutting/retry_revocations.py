"""Try failing revocations again at once, for an operator who has mended the cause."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from portal.access.lifecycle import WAITING, stored
from portal.access.models import Revocation
from portal.access.operations.permissions import check_may_revoke_any
from portal.audit.events import EventType
from portal.audit.operations import Entry, record_all
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now

MOST = 1000


def retry_revocations(*, revocation_ids: Sequence[UUID], actor: Actor) -> int:
    """Make waiting revocations due now, at most 1,000 of those named. Returns how many.

    Raises:
        ForbiddenError: the actor may not revoke.
    """
    check_may_revoke_any(actor, "Only somebody who may revoke can try a revocation again.")
    with transaction.atomic():
        waiting = Revocation.objects.select_for_update(no_key=True, of=("self",)).select_related("grant")
        rows = list(waiting.filter(pk__in=revocation_ids, state__in=stored(WAITING)).order_by("pk")[:MOST])
        if not rows:
            return 0
        now = database_now()
        Revocation.objects.filter(pk__in=[row.pk for row in rows]).update(next_try_at=now)
        record_all(
            Entry(
                type=EventType.REVOCATION_RETRIED,
                at=now,
                actor=actor,
                grant_id=row.grant_id,
                person_id=row.grant.person_id,
                role_id=row.grant.role_id,
                details={"attempts": row.attempts, "last_error": row.last_error[:300]},
            )
            for row in rows
        )
        outbox.post("access.revocations.retried", at=now, count=str(len(rows)))
    return len(rows)

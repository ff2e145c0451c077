"""What is due by the clock: activate and expire, in batches, by any number of workers at once.

1. Rows are taken with SKIP LOCKED, so that two sweeps share the work and neither waits.
2. Time is read again after the locks are held; what was due before is due still.
3. Each batch is one transaction: a crash loses a batch's work, never a grant.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from portal.access.lifecycle import GrantState
from portal.access.models import Grant
from portal.access.operations.grants.end_grants import Ending, end_locked_grants
from portal.access.operations.grants.end_idle_grants import end_idle_grants
from portal.audit.events import EventType
from portal.audit.operations import Entry, record_all
from portal.directory.models import PartnerAccount
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.tallies import observe

SWEEPER = Actor.system("sweep")


class Swept(NamedTuple):
    """What one batch came to: how many grants, and by how many seconds of the database's clock it came late."""

    grants: int
    late_seconds: float


def due_to_start(now: datetime) -> QuerySet[Grant]:
    """Scheduled grants, as the partial index knows them: neither activated nor ended."""
    return Grant.objects.filter(
        activated_at=None, ended_at=None, starts_at__lte=now, ends_at__gt=now
    ).order_by("starts_at")


def due_to_end(now: datetime) -> QuerySet[Grant]:
    """Living grants, as the partial index knows them: not ended."""
    return Grant.objects.filter(ended_at=None, ends_at__lte=now).order_by("ends_at")


def activate_batch(*, batch: int | None = None) -> Swept:
    """Activate up to one batch; say how many, and how late the first of them was."""
    with transaction.atomic():
        now = database_now()
        rows = _locked(due_to_start(now)).values_list(
            "pk", "person_id", "partner_account_id", "role_id", "starts_at", named=True
        )
        grants = list(rows[: batch or settings.SWEEP_BATCH])
        if not grants:
            return Swept(0, 0.0)
        partners = _partners(
            [each.partner_account_id for each in grants if each.partner_account_id is not None]
        )
        now = database_now()
        Grant.objects.filter(pk__in=[grant.pk for grant in grants]).update(
            state=GrantState.ACTIVE.value, activated_at=now
        )
        record_all(
            Entry(
                type=EventType.GRANT_ACTIVATED,
                at=now,
                actor=SWEEPER,
                grant_id=grant.pk,
                person_id=grant.person_id,
                role_id=grant.role_id,
                partner_id=partners.get(grant.partner_account_id),
                details={"starts_at": grant.starts_at.isoformat()},
            )
            for grant in grants
        )
        outbox.post("access.grants.activated", at=now, count=str(len(grants)))
    return Swept(len(grants), (now - grants[0].starts_at).total_seconds())


def expire_batch(*, batch: int | None = None) -> Swept:
    """Expire up to one batch of grants whose end has come; say how many, and how late the first of them was."""
    with transaction.atomic():
        now = database_now()
        ids = list(_locked(due_to_end(now)).values_list("pk", flat=True)[: batch or settings.SWEEP_BATCH])
        if not ids:
            return Swept(0, 0.0)
        ending = Ending(GrantState.EXPIRED, EventType.GRANT_EXPIRED, SWEEPER, database_now(), "its end came")
        ends = list(end_idle_grants(ids, ending))
        if len(ends) < len(ids):
            rest = list(Grant.objects.filter(pk__in=ids, ended_at=None).order_by("ends_at"))
            end_locked_grants(rest, ending)
            ends += [grant.ends_at for grant in rest]
    for ends_at in ends:
        observe("expiry_lateness", (ending.at - ends_at).total_seconds())
    return Swept(len(ids), (ending.at - min(ends)).total_seconds())


def next_due(now: datetime) -> datetime | None:
    """Return the next moment at which a grant ends or starts, which may have passed; None where none is ahead."""
    ends = Grant.objects.filter(ended_at=None).order_by("ends_at").values_list("ends_at", flat=True).first()
    waiting = Grant.objects.filter(activated_at=None, ended_at=None, ends_at__gt=now)
    starts = waiting.order_by("starts_at").values_list("starts_at", flat=True).first()
    return min(filter(None, (ends, starts)), default=None)


def _partners(accounts: Collection[UUID]) -> Mapping[UUID | None, UUID]:
    """Return whose these accounts are, in a statement of its own: the lock must not reach what it would join."""
    if not accounts:
        return {}
    return dict(PartnerAccount.objects.filter(pk__in=accounts).values_list("pk", "partner_id"))


def _locked(due: QuerySet[Grant]) -> QuerySet[Grant]:
    # On SQLite the transaction itself is the lock, and no other is sent.
    return due.select_for_update(skip_locked=True, no_key=True)

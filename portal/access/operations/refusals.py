"""What was asked for and refused is written down, too: who, what, why."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import transaction

from portal.access.models import Grant
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import DomainError, UpstreamError


@contextmanager
def refusals_recorded(*, grant_id: UUID, kind: str, actor: Actor) -> Iterator[None]:
    """Write each DomainError that leaves the block to the audit trail, after its transaction was rolled back."""
    try:
        yield
    except DomainError as refusal:
        _record(grant_id, kind, actor, refusal)
        raise


def _record(grant_id: UUID, kind: str, actor: Actor, refusal: DomainError) -> None:
    grant = Grant.objects.filter(pk=grant_id).first()
    failed = isinstance(refusal, UpstreamError)
    with transaction.atomic():
        record(
            Entry(
                type=EventType.SESSION_FAILED if failed else EventType.SESSION_REFUSED,
                at=database_now(),
                actor=actor,
                outcome=Outcome.FAILED if failed else Outcome.REFUSED,
                grant_id=grant.pk if grant else None,
                person_id=grant.person_id if grant else None,
                role_id=grant.role_id if grant else None,
                details={"kind": kind, "code": refusal.code, "why": str(refusal)[:300]},
            )
        )

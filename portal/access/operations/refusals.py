"""What was asked for and refused is written down, too: who, what, why."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db import transaction

from portal.access.doctor.refused import Refusal
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
    grant = Grant.objects.select_related("role", "person__partner").filter(pk=grant_id).first()
    failed, now = isinstance(refusal, UpstreamError), database_now()
    with transaction.atomic():
        record(
            Entry(
                type=EventType.SESSION_FAILED if failed else EventType.SESSION_REFUSED,
                at=now,
                actor=actor,
                outcome=Outcome.FAILED if failed else Outcome.REFUSED,
                grant_id=grant.pk if grant else None,
                person_id=grant.person_id if grant else None,
                role_id=grant.role_id if grant else None,
                details={
                    "kind": kind,
                    "code": refusal.code,
                    "why": str(refusal)[:300],
                    **_reason(grant, kind, actor, refusal, now),
                },
            )
        )


def _reason(
    grant: Grant | None, kind: str, actor: Actor, refusal: DomainError, now: datetime
) -> Mapping[str, str]:
    """Return the step of the doctor's at which the grant's own person was stopped."""
    from portal.access.operations.doctor.explain_refusal import reason_of  # noqa: PLC0415  # it reads what is written here

    if grant is None or grant.person_id is None or grant.person_id != actor.person_id:
        return {}
    failed = isinstance(refusal, UpstreamError)
    return {"reason": reason_of(grant, Refusal(now, kind, refusal.code, str(refusal), failed_in_aws=failed))}

"""`record()`: the one way into the audit trail."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from portal.audit.events import EventType, Outcome
from portal.audit.models import AuditEvent
from portal.kernel.actor import Actor


@dataclass(frozen=True, slots=True)
class Entry:
    """What to record. `details` holds facts for an auditor: ids, names, times; never a secret."""

    type: EventType
    at: datetime
    actor: Actor
    outcome: Outcome = Outcome.DONE
    grant_id: UUID | None = None
    person_id: UUID | None = None
    role_id: UUID | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def record(entry: Entry) -> None:
    """Write one event in the running transaction. Raises outside of one: no state change without its row."""
    record_all([entry])


def record_all(entries: Iterable[Entry]) -> None:
    """Write many in one statement, for the sweeps."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("an audit event belongs to the change's transaction")
    AuditEvent.objects.bulk_create(_row(entry) for entry in entries)


def _row(entry: Entry) -> AuditEvent:
    actor = entry.actor
    return AuditEvent(
        at=entry.at,
        type=entry.type.value,
        outcome=entry.outcome.value,
        actor_kind=actor.kind.value,
        actor_id=actor.person_id,
        actor_label=actor.label[:200],
        ip=actor.ip,
        user_agent=actor.user_agent[:300],
        request_id=actor.request_id[:40],
        grant_id=entry.grant_id,
        person_id=entry.person_id,
        role_id=entry.role_id,
        details=dict(entry.details),
    )

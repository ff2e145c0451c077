"""`record()`: the one way into the audit trail."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from portal.audit.events import EventType, Outcome
from portal.audit.models import AuditEvent
from portal.kernel.actor import Actor
from portal.kernel.prepared_writes import PreparedInsert

# From here on COPY is worth its three round trips.
MANY = 50
_insert = PreparedInsert(AuditEvent)
SUBJECTS = ("grant_id", "person_id", "role_id", "partner_id")


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
    partner_id: UUID | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def record(entry: Entry) -> None:
    """Write one event in the running transaction. Raises outside of one: no state change without its row."""
    _check_in_transaction()
    _insert.run(AuditEvent(**_row(entry)))


def record_all(entries: Iterable[Entry]) -> None:
    """Write many at once, for the sweeps: on PostgreSQL by COPY, which costs a third of the INSERT."""
    _check_in_transaction()
    rows = [_row(entry) for entry in entries]
    if connection.vendor == "postgresql" and len(rows) >= MANY:
        _copy(rows)
    else:
        AuditEvent.objects.bulk_create(AuditEvent(**row) for row in rows)


def _check_in_transaction() -> None:
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("an audit event belongs to the change's transaction")


def recording_each(entry: Entry, source: str) -> tuple[str, Sequence[Any]]:
    """Return an INSERT, and its parameters, that writes an event like `entry` for each row of the query `source`.

    PostgreSQL only, to stand in the one statement that makes the change: so that the sweep's rows needn't pass
    through Python. `source` has the columns of SUBJECTS, and `details` (jsonb), which are merged into the entry's.
    """
    row = _row(entry)
    told = {name: value for name, value in row.items() if name not in {*SUBJECTS, "details"}}
    columns = [*told, *SUBJECTS, "details"]
    values = [
        *["%s"] * len(told),
        *(f"{source}.{name}" for name in SUBJECTS),
        f"%s::jsonb || {source}.details",
    ]
    sql = f"INSERT INTO {AuditEvent._meta.db_table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {source}"  # noqa: S608, SLF001  # our own names; documented model API
    return sql, [*told.values(), json.dumps(row["details"])]


def _copy(rows: Sequence[Mapping[str, Any]]) -> None:
    table, columns = AuditEvent._meta.db_table, ", ".join(rows[0])  # noqa: SLF001  # documented model API
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy,
    ):
        for row in rows:
            *plain, details = row.values()
            copy.write_row((*plain, json.dumps(details)))


def _row(entry: Entry) -> dict[str, Any]:
    """Return the columns' values, the details last. Each column but `details` is named like its field."""
    actor = entry.actor
    return {
        "at": entry.at,
        "type": entry.type.value,
        "outcome": entry.outcome.value,
        "actor_kind": actor.kind.value,
        "actor_id": actor.person_id,
        "actor_label": actor.label[:200],
        "ip": actor.ip,
        "user_agent": actor.user_agent[:300],
        "request_id": actor.request_id[:40],
        "grant_id": entry.grant_id,
        "person_id": entry.person_id,
        "role_id": entry.role_id,
        "partner_id": entry.partner_id,
        "details": dict(entry.details),
    }

"""On PostgreSQL: end many grants that left nothing alive in one statement. At any moment that is most of them.

What an ended grant is, is said in `end_grants` alone: the columns, the audit row and the message come from there.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from portal.access.models import AwsSession, ConsoleLink, Grant
from portal.access.operations.end_grants import Ending, note_ended


class Row(NamedTuple):
    """What the trail says of an ended grant. A model's instance would cost more than the rest of the work."""

    pk: UUID
    person_id: UUID
    role_id: UUID
    ends_at: datetime


def end_idle_grants(ids: Sequence[UUID], ending: Ending) -> Sequence[Row]:
    """End those of the living grants, all locked by the caller, under which nothing can live; return which.

    Whatever has a session that is not over by itself, or a console link, is left to `end_locked_grants`, which knows
    what is to be done about it. On SQLite that is all of them. To be called after the locks were taken, in a
    statement of its own: what was issued until then is seen.
    """
    if connection.vendor != "postgresql":
        return []
    columns = ending.columns()
    with connection.cursor() as cursor:
        cursor.execute(_statement(tuple(columns)), [*columns.values(), list(ids), ending.at])
        rows = [Row(*row) for row in cursor.fetchall()]
    if rows:
        note_ended(rows, ending, ())
    return rows


def _statement(columns: Sequence[str]) -> str:
    models = (Grant, AwsSession, ConsoleLink)
    grant, session, link = (model._meta.db_table for model in models)  # noqa: SLF001  # documented model API
    return f"""UPDATE {grant} g SET {", ".join(f"{column} = %s" for column in columns)}
        WHERE g.id = ANY(%s) AND g.ended_at IS NULL
        AND NOT EXISTS (SELECT FROM {session} s WHERE s.grant_id = g.id AND s.expires_at > %s)
        AND NOT EXISTS (SELECT FROM {link} l WHERE l.grant_id = g.id)
        RETURNING g.id, g.person_id, g.role_id, g.ends_at"""  # noqa: S608  # names of our own tables

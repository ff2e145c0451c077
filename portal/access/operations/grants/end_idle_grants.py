"""On PostgreSQL: end many grants that left nothing alive in one statement. At any moment that is most of them.

What an ended grant is, is said in `end_grants` alone: the columns, the trail's details and the message come from
there. No row of it passes through Python, which would cost more than the database's own work.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from portal.access.models import AwsSession, ConsoleLink, CredentialSlot, Grant
from portal.access.operations.grants.end_grants import Ending, announce_ended
from portal.audit.operations import Entry, recording_each

# As Python's isoformat() has it.
ISO = """to_char(g.ends_at AT TIME ZONE 'UTC', CASE WHEN date_trunc('second', g.ends_at) = g.ends_at
    THEN 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"' ELSE 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"' END)"""

# As `empty_slots` does. What these held is over; what somebody fetches at this moment is not to be kept.
EMPTIED = """key = '', version = '', session_id = NULL, sealed = '', expires_at = NULL, fence = c.fence + 1,
    holder = '', leased_until = NULL, refused_code = '', refused_why = '', refused_until = NULL"""


def end_idle_grants(ids: Sequence[UUID], ending: Ending) -> Sequence[datetime]:
    """End those of people's living grants, all locked by the caller, under which nothing can live; return their ends.

    Whatever has a session that is not over by itself, or a console link, is left to `end_locked_grants`, which knows
    what is to be done about it. On SQLite that is all of them. To be called after the locks were taken, in a
    statement of its own: what was issued until then is seen.
    """
    if connection.vendor != "postgresql":
        return []
    columns = ending.columns()
    entry = Entry(type=ending.event, at=ending.at, actor=ending.actor, details=ending.details(cuts=False))
    recording, told = recording_each(entry, "ended")
    with connection.cursor() as cursor:
        cursor.execute(
            _statement(tuple(columns), recording), [*columns.values(), list(ids), ending.at, *told]
        )
        ends = [ends_at for (ends_at,) in cursor.fetchall()]
    if ends:
        announce_ended(ending, len(ends))
    return ends


def _statement(columns: Sequence[str], recording: str) -> str:
    models = (Grant, AwsSession, ConsoleLink, CredentialSlot)
    grant, session, link, slot = (model._meta.db_table for model in models)  # noqa: SLF001  # documented model API
    return f"""WITH ended AS (
        UPDATE {grant} g SET {", ".join(f"{column} = %s" for column in columns)}
        WHERE g.id = ANY(%s) AND g.ended_at IS NULL AND g.partner_account_id IS NULL
        AND NOT EXISTS (SELECT FROM {session} s
            WHERE s.grant_id = g.id AND (s.expires_at > %s OR s.ends_at IS NULL))
        AND NOT EXISTS (SELECT FROM {link} l WHERE l.grant_id = g.id)
        RETURNING g.id AS grant_id, g.person_id, g.role_id, NULL::uuid AS partner_id, g.ends_at,
        jsonb_build_object('ends_at', {ISO}) AS details
        ), emptied AS (UPDATE {slot} c SET {EMPTIED} FROM ended WHERE c.grant_id = ended.grant_id
        ), told AS ({recording}) SELECT ends_at FROM ended"""  # noqa: S608  # names of our own tables

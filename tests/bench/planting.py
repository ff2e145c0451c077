"""Rows for the benches, made by the database itself: people, roles, grants of any number, history."""

from datetime import datetime
from typing import Any

from django.db import connection

PEOPLE, ROLES = 500, 50
GRANT_COLUMNS = """id, person_id, role_id, granted_by_id, scope_parameters, scope_managed_policy_arns, scope_summary,
    starts_at, ends_at, state, window_days, window_zone, reason, ticket, made_at, activated_at, ended_at, end_reason,
    sessions_run_out, accepted_no_kill_switch"""
# By numbers that walk over all people and roles, so that neighbours in the table are none in the indexes.
WHO = f"""JOIN (SELECT id, row_number() OVER () AS n FROM directory_person WHERE name LIKE 'Bench%%') p
        ON p.n = 1 + (i::bigint * 7919) %% {PEOPLE}
    JOIN (SELECT id, row_number() OVER () AS n FROM catalog_awsrole) r ON r.n = 1 + (i::bigint * 31) %% {ROLES}
    CROSS JOIN (SELECT id FROM directory_person WHERE name = 'Grace Warden') a"""  # noqa: S608  # no value is in the text


def sql(statement: str, *values: Any) -> Any:
    """Run it; return its rows, if it has any."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else None


def plant_world() -> None:
    from portal.catalog.models import AwsAccount, AwsRole  # noqa: PLC0415  # after the settings are chosen
    from portal.directory.models import Person  # noqa: PLC0415

    account = AwsAccount.objects.create(name="Bench", account_id="222222222222")
    for number in range(ROLES):
        AwsRole.objects.create(
            account=account, title=f"Role {number}", name=f"Role-{number}", unique_id=f"AROA{number:016d}"
        )
    Person.objects.admit(name="Grace Warden")
    for number in range(PEOPLE):
        Person.objects.admit(name=f"Bench {number}")


def plant_due(count: int, ends_at: datetime, *, apart: float = 0.0) -> None:
    """Plant active grants that end at one moment, or from then on so many seconds apart."""
    sql(
        f"""INSERT INTO access_grant ({GRANT_COLUMNS})
        SELECT gen_random_uuid(), p.id, r.id, a.id, '{{}}', '[]', '', now() - interval '1 hour',
            %s + i * %s * interval '1 second', 'active', '', '', 'bench', '', now() - interval '1 hour',
            now() - interval '1 hour', NULL, '', false, false
        FROM generate_series(1, %s) i {WHO}""",  # noqa: S608  # no value is in the text
        ends_at,
        apart,
        count,
    )
    sql("ANALYZE access_grant")


def plant_sessions(one_in: int) -> None:
    """Give one in so many living grants a session that outlives it."""
    sql(
        """INSERT INTO access_awssession (id, grant_id, kind, state, session_name, userid, access_key_id,
            aws_request_id, destination, asked_at, answered_at, expires_at, user_agent, failure)
        SELECT gen_random_uuid(), id, 'credentials', 'got', 'sp-' || n, 'AROA:sp-' || n, '', '', '',
            now() - interval '1 minute', now(), ends_at + interval '1 hour', '', ''
        FROM (SELECT *, row_number() OVER () AS n FROM access_grant WHERE ended_at IS NULL) g
        WHERE n %% %s = 0""",
        one_in,
    )
    sql("ANALYZE access_awssession")


def plant_history(count: int) -> None:
    """Plant grants that ended long ago, each with its audit row."""
    sql(
        f"""INSERT INTO access_grant ({GRANT_COLUMNS})
        SELECT gen_random_uuid(), p.id, r.id, a.id, '{{}}', '[]', '', now() - interval '400 days',
            now() - i * interval '30 seconds' - interval '1 day', 'expired', '', '', 'bench', '',
            now() - interval '400 days', now() - interval '400 days', now() - i * interval '30 seconds',
            'its end came', false, false
        FROM generate_series(1, %s) i {WHO}""",  # noqa: S608  # no value is in the text
        count,
    )
    sql(
        """INSERT INTO audit_auditevent (at, type, outcome, actor_kind, actor_label, user_agent, request_id,
            grant_id, person_id, role_id, details)
        SELECT ended_at, 'access.grant.expired', 'done', 'system', 'sweep', '', '', id, person_id, role_id,
            '{"reason": "its end came", "cuts_sessions": false}'
        FROM access_grant WHERE state = 'expired' ORDER BY ended_at"""
    )
    sql("VACUUM ANALYZE access_grant")
    sql("VACUUM ANALYZE audit_auditevent")

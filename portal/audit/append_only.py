"""Append-only by the database's own hand: triggers that refuse UPDATE, DELETE and TRUNCATE of the audit trail."""

from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "audit_auditevent"

POSTGRESQL = (
    """CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    f"""CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON {TABLE}
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()""",
    f"""CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON {TABLE}
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()""",
)
POSTGRESQL_BACK = (
    f"DROP TRIGGER audit_no_truncate ON {TABLE}",
    f"DROP TRIGGER audit_no_change ON {TABLE}",
    "DROP FUNCTION audit_is_append_only()",
)
SQLITE = (
    *(
        f"""CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON {TABLE}
        BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"""
        for verb in ("UPDATE", "DELETE")
    ),
    # INSERT OR REPLACE takes the old row away without the DELETE trigger's knowing.
    f"""CREATE TRIGGER audit_no_replace BEFORE INSERT ON {TABLE}
    WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",  # noqa: S608  # a constant name
)
SQLITE_BACK = (
    "DROP TRIGGER audit_no_update",
    "DROP TRIGGER audit_no_delete",
    "DROP TRIGGER audit_no_replace",
)


def protect(connection: BaseDatabaseWrapper) -> None:
    _run(connection, POSTGRESQL if connection.vendor == "postgresql" else SQLITE)


def unprotect(connection: BaseDatabaseWrapper) -> None:
    """Undo it: for migrating backwards, and for test databases that are emptied between tests."""
    _run(connection, POSTGRESQL_BACK if connection.vendor == "postgresql" else SQLITE_BACK)


def _run(connection: BaseDatabaseWrapper, statements: tuple[str, ...]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)

"""A database that is restored: python -m tests.integration.jobs.restoring DIRECTORY postgresql|sqlite

Prints one JSON object: what each look found. A process of its own, because it makes and changes databases.
"""

import argparse
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from tests.servers.postgres import Postgres, start_postgres


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("database", choices=["postgresql", "sqlite"])
    asked = parser.parse_args()
    file = asked.directory / "portal.sqlite3"
    server = start_postgres() if asked.database == "postgresql" else None
    try:
        os.environ.update(
            DJANGO_SETTINGS_MODULE="portal.config.settings",
            SALLYPORT_DATABASE_URL=server.url if server else f"sqlite:///{file}",
            SALLYPORT_REDIS_URL="memory://",
        )
        import django  # noqa: PLC0415  # after its settings are chosen
        from django.core.management import call_command  # noqa: PLC0415

        django.setup()
        call_command("migrate", verbosity=0)
        found = _on_postgresql(server) if server else _on_sqlite(file)
    finally:
        if server:
            server.remove()
    print(json.dumps(found))  # noqa: T201  # the result


def _on_postgresql(server: Postgres) -> dict[str, Any]:
    from django.db import connection  # noqa: PLC0415

    found: dict[str, Any] = {"first run": _look()}
    time.sleep(1)  # the test server commits asynchronously
    connection.close()
    server.stop()
    server.start()
    found["restarted"] = _look()
    connection.close()
    server.stop("immediate")
    server.start()
    found["crashed"] = _look()
    _use("template1")
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE restored TEMPLATE postgres")
    _use("restored")
    found["copied"] = _look()
    _release()
    found["released"] = _look()
    _use("postgres")
    found["the old one untouched"] = _look()
    return found


def _use(database: str) -> None:
    from django.db import connection  # noqa: PLC0415

    connection.close()
    connection.settings_dict["NAME"] = database


def _on_sqlite(file: Path) -> dict[str, Any]:
    from django.db import connection  # noqa: PLC0415

    from portal.audit.queries import newest_event  # noqa: PLC0415
    from portal.jobs.outside_memory import write_memories  # noqa: PLC0415

    def checkpoint() -> None:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    found: dict[str, Any] = {"first run": _look()}
    checkpoint()
    found["restarted"] = _look()
    checkpoint()
    backup = file.with_name("backup.sqlite3")
    shutil.copyfile(file, backup)
    _something_happens()
    write_memories(newest_event())
    checkpoint()
    shutil.copyfile(backup, file)  # the same file with older contents: the inode stays
    found["set back"] = _look()
    _release()
    found["released"] = _look()
    checkpoint()
    shutil.copyfile(file, backup)
    backup.replace(file)
    found["copied"] = _look()
    return found


def _look() -> str:
    """Look as the web process does at its start; return why the portal is in hold, or nothing."""
    from portal.access.operations.running.hold import open_hold  # noqa: PLC0415
    from portal.access.operations.running.restored import hold_if_restored  # noqa: PLC0415
    from portal.jobs.outside_memory import read_memories  # noqa: PLC0415

    is_held = hold_if_restored(remembered=read_memories())
    hold = open_hold()
    assert is_held is (hold is not None)
    return hold.reason if hold else ""


def _release() -> None:
    from portal.access.operations.running.hold import note_looked, release_hold  # noqa: PLC0415
    from portal.kernel.actor import Actor  # noqa: PLC0415
    from portal.kernel.clock import database_now  # noqa: PLC0415

    assert note_looked(at=database_now())
    release_hold(reason="looked", actor=Actor.command("tests"))


def _something_happens() -> None:
    from django.db import transaction  # noqa: PLC0415

    from portal.audit.events import EventType  # noqa: PLC0415
    from portal.audit.operations import Entry, record  # noqa: PLC0415
    from portal.kernel.actor import Actor  # noqa: PLC0415
    from portal.kernel.clock import database_now  # noqa: PLC0415

    for _ in range(10):
        with transaction.atomic():
            record(Entry(type=EventType.SIGNED_OUT, at=database_now(), actor=Actor.command("tests")))


if __name__ == "__main__":
    main()

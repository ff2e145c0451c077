"""What tells this database from a copy of it. The sweep's row keeps the mark of the one that it last ran on."""

from pathlib import Path

from django.db import DatabaseError, connection, transaction

from portal.access.models import Sweep

UNKNOWN = "unknown"


def accept_database() -> None:
    """In the release's transaction: this database is the right one from now on."""
    Sweep.objects.filter(pk=1).update(database=database_mark())


def same_database(mark: str, other: str) -> bool:
    """Whether both may be marks of one database. What could not be read when one was made is not compared."""
    (kind, cluster, oid), (kind_2, cluster_2, oid_2) = _parts(mark), _parts(other)
    if not mark or not other:
        return True
    return (kind, oid) == (kind_2, oid_2) and (cluster == cluster_2 or UNKNOWN in {cluster, cluster_2})


def _parts(mark: str) -> tuple[str, str, str]:
    kind, _, rest = mark.partition(" ")
    cluster, _, oid = rest.partition("/")
    return kind, cluster, oid


def database_mark() -> str:
    """Return the mark; empty where nothing tells this database from another (SQLite in memory)."""
    return (_postgresql_mark() if connection.vendor == "postgresql" else _sqlite_mark())[:120]


def _postgresql_mark() -> str:
    """The cluster's own number, made by initdb, where it may be read; and the database's, new with each CREATE."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        [oid] = cursor.fetchone() or [UNKNOWN]
    return f"postgresql {_cluster()}/{oid}"


def _cluster() -> str:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT system_identifier FROM pg_control_system()")
            [cluster] = cursor.fetchone() or [UNKNOWN]
    except DatabaseError:  # some hosts keep it from their customers
        return UNKNOWN
    return str(cluster)


def _sqlite_mark() -> str:
    """The file's inode: a copy has another. Not its device, whose number may change with a restart."""
    try:
        return f"sqlite {Path(str(connection.settings_dict['NAME'])).stat().st_ino}"
    except OSError:  # in memory
        return ""

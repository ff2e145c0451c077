"""Find out that the database is a restored backup, which knows less than AWS does, and enter the hold.

Two things tell. The database's own mark is another than the one that the sweep last ran on: a dump was restored, or
the file copied. Or somebody outside of the database remembers a newer audit row than its newest (the marks stay the
same where a disk's snapshot was put back, or a file's contents). Whoever remembers may have forgotten: that is no
information, and never a reason. A restart, a crash and a standby that lost nothing change neither.
"""

from collections.abc import Mapping

from django.db import transaction

from portal.access.models import Sweep
from portal.access.operations.running.database_mark import database_mark, same_database
from portal.access.operations.running.hold import REASON_LIMIT, enter_hold, is_held
from portal.audit.queries import newest_event
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError

WATCH = Actor.system("watch")


def hold_if_restored(*, remembered: Mapping[str, int]) -> bool:
    """Enter the hold if this database is a restored one. `remembered`: the newest audit row, by who remembers it.

    Returns whether the portal is in hold, for whatever reason. The first run of all only takes the mark down.
    """
    mark, newest = database_mark(), newest_event()
    row, _ = Sweep.objects.get_or_create(pk=1)
    if not row.database:
        Sweep.objects.filter(pk=1, database="").update(database=mark, seen_event=newest)
        return is_held()
    why = [*_other_database(row, mark), *_behind(row, newest, remembered)]
    if is_held():
        return True
    if not why:
        return False
    ahead = max([row.seen_event, *remembered.values()])
    try:
        with transaction.atomic():
            enter_hold(reason="; ".join(why)[:REASON_LIMIT], actor=WATCH)
            # So that the same memory is no reason again once an operator has released it.
            Sweep.objects.filter(pk=1).update(seen_event=ahead)
    except ConflictError:  # another process saw it too
        pass
    return True


def _other_database(row: Sweep, mark: str) -> list[str]:
    if same_database(mark, row.database):
        return []
    return [
        f"this is another database ({mark}) than the portal last ran on ({row.database}), or a copy of it"
    ]


def _behind(row: Sweep, newest: int, remembered: Mapping[str, int]) -> list[str]:
    return [
        f"{who} remembers audit row {event}, but the database ends at {newest}: it was set back"
        for who, event in sorted(remembered.items())
        if event > max(newest, row.seen_event)
    ]

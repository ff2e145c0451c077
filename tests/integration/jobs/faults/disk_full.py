"""SQLite's disk full to the last byte, while nothing is asked for and between STS's answer and its record."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from django.db import OperationalError, connection

from portal.access.models import AwsSession, Revocation
from portal.audit.models import AuditEvent
from tests.integration.jobs.faults.figures import PROMISE, Figure
from tests.integration.jobs.faults.installation import Installation
from tests.integration.jobs.faults.killed import with_kept
from tests.servers.holding_proxy import Answer, Call, HoldingProxy
from tests.servers.process import wait_until
from tests.servers.small_disk import SmallDisk


def full(made: Installation) -> Iterator[Figure]:
    disk = made.plant.disk
    assert disk is not None
    held, grant = made.session(), made.grant()
    due = made.session()
    counts = _counts()
    _fill(disk)
    asked = made.plant.proxy.counts["AssumeRole"]
    _refused(lambda: made.issue(grant))
    assert made.plant.proxy.counts["AssumeRole"] == asked, "AWS was asked, with nothing on record"
    _refused(lambda: made.revoke(held.grant))
    assert _counts() == counts, "something was half done"
    assert not held.is_denied()
    disk.make_room()
    made.issue(grant)
    made.revoke(held.grant)
    seconds = made.wait(lambda: made.stands(held.grant), PROMISE, "the deny once there is room")
    assert not due.is_denied()
    yield Figure("from there being room, and revoking again, to the deny", seconds, PROMISE)


def full_in_mid_issue(made: Installation) -> Iterator[Figure]:
    """STS has answered, and what it made can't be recorded: nobody gets it."""
    disk = made.plant.disk
    assert disk is not None
    grant = made.grant()

    def fill(call: Call, proxy: HoldingProxy) -> Answer:
        answer = proxy.forward(call)
        proxy.kept.append(answer)
        _fill(disk)
        return answer

    made.plant.proxy.kept.clear()
    made.plant.proxy.rule("AssumeRole", fill)
    _refused(lambda: made.issue(grant))
    made.plant.proxy.let_go()
    disk.make_room()
    assert AwsSession.objects.get(grant=grant).state == "asked"
    nobodys = made.watch(grant, with_kept(made, made.plant.proxy.kept[0]))
    assert not nobodys.is_denied()
    made.revoke(grant)
    seconds = made.wait(lambda: made.stands(grant), PROMISE, "the deny of what nobody got")
    assert nobodys.is_denied()
    yield Figure("from revoking to the deny of what STS had made and nobody got", seconds, PROMISE)


def _fill(disk: SmallDisk) -> None:
    """Leave no room in SQLite's log either: what was written there before may be written over."""
    with closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=10)) as own:
        wait_until(
            lambda: own.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0,
            seconds=20,
            what="the log's end",
        )
    disk.fill()


def _counts() -> tuple[int, int, int]:
    return AuditEvent.objects.count(), AwsSession.objects.count(), Revocation.objects.count()


def _refused(act: Callable[[], object]) -> None:
    with pytest.raises(OperationalError, match="full"):
        act()

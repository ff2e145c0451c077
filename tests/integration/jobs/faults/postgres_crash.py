"""PostgreSQL ended in immediate mode, in mid-sweep and in mid-revoke; an audit trail that takes no row."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from portal.access.models import AwsSession, Grant
from portal.audit.events import EventType
from portal.kernel.clock import database_now
from tests.integration.jobs.faults.figures import PROMISE, Figure
from tests.integration.jobs.faults.installation import Installation

DUE = 6000


def crash_in_mid_sweep(made: Installation) -> Iterator[Figure]:
    ids = made.many(DUE)
    held = made.session()
    ids.append(held.grant.pk)
    due = database_now() + timedelta(seconds=1)
    made.end_at(ids, due)
    AwsSession.objects.filter(grant=held.grant).update(asked_at=due - timedelta(minutes=10))
    some = Grant.objects.filter(pk__in=ids, ended_at__isnull=False)
    made.wait(some.exists, PROMISE, "the sweep")
    _crash(made)
    yield Figure(f"grants that had ended before the crash, of {DUE + 1:,} (number)", some.count(), DUE)
    seconds = made.wait(lambda: made.all_ended(ids), PROMISE, "the due grants after the crash")
    yield Figure("from the database's return until all had ended", seconds, PROMISE)
    yield Figure("latest grant ended, after its end", made.lateness(ids), PROMISE)
    made.wait(lambda: made.stands(held.grant), PROMISE, "the deny after the crash")
    made.audited_once(EventType.GRANT_EXPIRED, ids)


def crash_in_mid_revoke(made: Installation) -> Iterator[Figure]:
    held = made.session()
    made.plant.proxy.hold_request("PutRolePolicy")
    made.revoke(held.grant)
    assert made.plant.proxy.caught.wait(60), f"no put was caught\n{made.plant.logs()}"
    _crash(made)
    made.plant.proxy.pass_on()
    denied = made.wait(held.is_denied, PROMISE, "the put that went its way")
    yield Figure("from the database's return until AWS denied", denied, PROMISE)
    made.skip_leases()
    recorded = made.wait(lambda: made.stands(held.grant), 2 * PROMISE, "the record")
    yield Figure("from then until it was recorded", recorded, 2 * PROMISE)
    made.audited_once(EventType.REVOCATION_APPLIED, [held.grant.pk])


def _crash(made: Installation) -> None:
    assert made.plant.postgres is not None
    made.plant.postgres.crash()
    connection.close()


def audit_unwritable(made: Installation) -> Iterator[Figure]:
    """The trail refuses every row: issuing stops, and what was to be cut is cut in AWS all the same."""
    held, grant = made.session(), made.grant()
    made.plant.proxy.hold_request("PutRolePolicy")
    made.revoke(held.grant)
    assert made.plant.proxy.caught.wait(60), f"no put was caught\n{made.plant.logs()}"
    _write_audit(allowed=False)
    try:
        asked = made.plant.proxy.counts["AssumeRole"]
        _refused(lambda: made.issue(grant))
        assert made.plant.proxy.counts["AssumeRole"] == asked, "AWS was asked, with nothing on record"
        made.plant.proxy.pass_on()
        denied = made.wait(held.is_denied, PROMISE, "the deny, with no audit")
        yield Figure("revoking goes on: to AWS's denying", denied, PROMISE)
        assert not made.stands(held.grant), "recorded without its row"
    finally:
        _write_audit(allowed=True)
    made.skip_leases()
    recorded = made.wait(lambda: made.stands(held.grant), 3 * PROMISE, "the record once audit can be written")
    made.audited_once(EventType.REVOCATION_APPLIED, [held.grant.pk])
    yield Figure("from audit's return until it was recorded", recorded, 3 * PROMISE)
    made.watch(grant, made.issue(grant))


def _write_audit(*, allowed: bool) -> None:
    with connection.cursor() as cursor:
        if allowed:
            cursor.execute("DROP TRIGGER faults_no_audit ON audit_auditevent")
            return
        cursor.execute(
            "CREATE OR REPLACE FUNCTION faults_no_audit() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'no audit' USING ERRCODE = 'disk_full'; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER faults_no_audit BEFORE INSERT ON audit_auditevent "
            "FOR EACH ROW EXECUTE FUNCTION faults_no_audit()"
        )


def _refused(act: Callable[[], object]) -> None:
    with pytest.raises(OperationalError):
        act()

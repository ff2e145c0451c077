"""IAM's eventual consistency: what was written is shown, and enforced, seconds later."""

from collections.abc import Iterator

from portal.access.models import Alarm
from portal.audit.events import EventType
from tests.integration.jobs.faults.figures import PROMISE, Figure
from tests.integration.jobs.faults.installation import Installation
from tests.servers.aws_faults import EnforcedLate, lands_late

LATE = 10.0


def shown_late(made: Installation) -> Iterator[Figure]:
    """The put is accepted; reads show the old document, and AWS acts by it, for ten seconds more."""
    held = made.session()
    made.plant.proxy.rule("PutRolePolicy", lands_late(LATE))
    made.revoke(held.grant)
    made.wait(lambda: made.plant.proxy.counts["PutRolePolicy"] > 0, PROMISE, "the put")
    denied = made.wait(held.is_denied, PROMISE, "the deny")
    recorded = made.wait(lambda: made.stands(held.grant), PROMISE, "the record")
    assert not Alarm.objects.filter(kind="deny_changed", cleared_at=None).exists(), "a delay is no tampering"
    made.audited_once(EventType.REVOCATION_APPLIED, [held.grant.pk])
    yield Figure("from the put to AWS's denying", denied, PROMISE)
    yield Figure("from then to the deny recorded as standing", recorded, PROMISE)


def enforced_late(made: Installation) -> Iterator[Figure]:
    """Reads show the new document at once; AWS acts by it ten seconds later."""
    held = made.session()
    late = EnforcedLate(LATE)
    made.plant.proxy.rule("PutRolePolicy", late.put)
    made.plant.proxy.rule("GetRolePolicy", late.get)
    made.revoke(held.grant)
    applied = made.wait(lambda: made.stands(held.grant), PROMISE, "the deny that AWS shows")
    assert made.state(held.grant) == "applied", "proven, though AWS still allows it"
    assert not held.is_denied(), "the stand-in enforced it already"
    denied = made.wait(held.is_denied, PROMISE, "the deny")
    yield Figure("from revoking to the deny that AWS shows", applied, PROMISE)
    yield Figure("from then to AWS's denying", denied, PROMISE)
    seconds = made.wait(lambda: made.state(held.grant) == "proven", 2 * PROMISE, "the proof")
    yield Figure("from then to the proof", seconds, 2 * PROMISE)

"""Somebody in AWS deletes the deny policy, takes an entry out of it, or writes something else in its place."""

import json
import time
from collections.abc import Callable, Iterator

from portal.access.models import Alarm, DenyDocument
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.kernel.clock import database_now
from tests.integration.brokers.aws.estate import ROLE, TARGET, allow, policy
from tests.integration.jobs.faults.figures import PROMISE, Figure
from tests.integration.jobs.faults.installation import Held, Installation

NAME = "SallyportRevoked"


def deleted(made: Installation) -> Iterator[Figure]:
    yield from _put_back(made, lambda iam, _: iam.delete_role_policy(RoleName=ROLE, PolicyName=NAME))


def entry_removed(made: Installation) -> Iterator[Figure]:
    yield from _put_back(made, _without)


def replaced(made: Installation) -> Iterator[Figure]:
    everything = policy(allow("*"))
    yield from _put_back(
        made,
        lambda iam, _: iam.put_role_policy(RoleName=ROLE, PolicyName=NAME, PolicyDocument=everything),
    )


def _put_back(made: Installation, change: Callable[..., object]) -> Iterator[Figure]:
    held = made.session()
    made.revoke(held.grant)
    made.wait(lambda: made.stands(held.grant) and held.is_denied(), PROMISE, "the deny")
    Alarm.objects.filter(kind="deny_changed", cleared_at=None).update(cleared_at=database_now())
    reports = AuditEvent.objects.filter(type=EventType.DENY_PUT_BACK)
    before = reports.count()
    change(made.plant.aws.root("iam", TARGET), held)
    began = time.monotonic()
    assert not held.is_denied(), "the change made no difference: its undoing would prove nothing"
    if not made.real_lease:
        DenyDocument.objects.filter(name=ROLE).update(recheck_at=database_now())
    made.wait(held.is_denied, PROMISE, "the deny that was put back")
    denied = round(time.monotonic() - began, 2)
    made.wait(lambda: reports.count() > before, 10, "the report")
    assert reports.count() == before + 1, "reported more than once"
    assert Alarm.objects.filter(kind="deny_changed", cleared_at=None).count() == 1
    assert not made.neighbour.is_denied()
    yield Figure("from the change until it was put back and AWS denied again", denied, PROMISE)
    yield Figure(
        "from the change until it was audited and alarmed", round(time.monotonic() - began, 2), PROMISE
    )


def _without(iam: object, held: Held) -> None:
    """Take one session out of the list and leave the others, as somebody would who wants back in."""
    found = iam.get_role_policy(RoleName=ROLE, PolicyName=NAME)["PolicyDocument"]  # type: ignore[attr-defined]
    [userid] = held.grant.revocation.userids
    text = json.dumps(found)
    assert userid in text
    changed = text.replace(userid, userid[:-4] + "0000")
    iam.put_role_policy(RoleName=ROLE, PolicyName=NAME, PolicyDocument=changed)  # type: ignore[attr-defined]

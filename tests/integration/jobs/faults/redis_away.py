"""Redis flushed around the end of many grants, killed, and away."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta

from portal.access.models import Grant, Revocation
from portal.audit.events import EventType
from portal.kernel.clock import database_now
from tests.integration.jobs.faults.figures import PROMISE, Figure
from tests.integration.jobs.faults.installation import Installation
from tests.servers.valkey import valkey

DUE = 50


def flushed(made: Installation) -> Iterator[Figure]:
    held = [made.session(watched=number < 3) for number in range(DUE)]
    ids = [one.grant.pk for one in held]
    ends_at = database_now() + timedelta(seconds=2)
    Grant.objects.filter(pk__in=ids).update(ends_at=ends_at)
    redis = made.plant.redis.client()
    for _ in range(10):  # from before the end until after it: queues, bindings, everything
        redis.flushall()
        time.sleep(0.3)
    made.wait(lambda: made.stands(*(one.grant for one in held)), PROMISE, "the due grants")
    made.audited_once(EventType.GRANT_EXPIRED, ids)
    made.audited_once(EventType.REVOCATION_APPLIED, ids)
    applied = Revocation.objects.filter(grant__in=ids).values_list("applied_at", flat=True)
    late = max((at - ends_at).total_seconds() for at in applied if at)
    yield Figure("latest grant ended, after its end", made.lateness(ids), PROMISE)
    yield Figure("latest deny standing and recorded, after the end", late, PROMISE)


def killed_and_back(made: Installation) -> Iterator[Figure]:
    """Work is under way when it dies: messages that nobody has acknowledged are what kombu can stumble over."""
    held, later, busy = made.session(), made.session(), made.session()
    made.plant.proxy.hold_request("PutRolePolicy")
    made.revoke(busy.grant)
    assert made.plant.proxy.caught.wait(60), f"no put was caught\n{made.plant.logs()}"
    os.kill(made.plant.redis.pid, 9)
    began = time.monotonic()
    made.revoke(held.grant)
    yield Figure("revoking in the portal took", round(time.monotonic() - began, 2), 3)
    began = time.monotonic()
    Grant.objects.filter(pk=later.grant.pk).update(ends_at=database_now())
    away = 25 if made.real_lease else 2
    time.sleep(away)
    yield Figure("it was away for", round(time.monotonic() - began, 2), away + 1)
    made.plant.proxy.pass_on()
    made.keep(valkey(made.plant.directory, port=made.plant.redis.port))
    seconds = made.wait(
        lambda: made.stands(held.grant, later.grant, busy.grant), PROMISE, "the work after Redis is back"
    )
    made.audited_once(EventType.REVOCATION_APPLIED, [held.grant.pk, later.grant.pk, busy.grant.pk])
    yield Figure("from its return to all denies standing", seconds, PROMISE)
    after = made.session()
    made.revoke(after.grant)
    made.wait(lambda: made.stands(after.grant), PROMISE, "work of after Redis is back")
    yield Figure("later still: from revoking to the deny standing", made.cut_seconds(after.grant), PROMISE)

"""kill -9, of a worker in mid-revoke and of the web process in mid-issue; a deployment in mid-sweep; two of each."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from portal.access.models import AwsSession, Grant
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.kernel.clock import database_now
from tests.integration.jobs.faults.by_web import ask
from tests.integration.jobs.faults.figures import PROMISE, Figure
from tests.integration.jobs.faults.installation import Installation
from tests.servers.holding_proxy import Answer

MANY = 10_000


def kill_worker_before_the_put(made: Installation) -> Iterator[Figure]:
    made.plant.proxy.hold_request("PutRolePolicy")
    yield from _kill_in_mid_revoke(made)


def kill_worker_after_the_put(made: Installation) -> Iterator[Figure]:
    made.plant.proxy.hold_answer("PutRolePolicy")
    yield from _kill_in_mid_revoke(made)


def _kill_in_mid_revoke(made: Installation) -> Iterator[Figure]:
    held = made.session()
    assert not held.is_denied()
    made.revoke(held.grant)
    assert made.plant.proxy.caught.wait(60), f"no put was caught\n{made.plant.logs()}"
    made.plant.kill("worker")
    made.plant.proxy.let_go()
    made.skip_leases()
    made.plant.start("worker")
    seconds = made.wait(lambda: made.stands(held.grant), 120, "the revocation after kill -9")
    assert held.is_denied(), "the killed worker's revocation did not cut the session"
    made.audited_once(EventType.REVOCATION_APPLIED, [held.grant.pk])
    yield Figure("from kill to the deny standing and recorded", seconds, 2 * PROMISE)


def kill_web_in_mid_issue(made: Installation) -> Iterator[Figure]:
    """AWS has made the credentials, the web process dies before anybody gets them."""
    port = made.plant.start_web()
    grant = made.grant()
    made.plant.proxy.hold_answer("AssumeRole")
    got: list[object] = []
    asking = threading.Thread(target=lambda: got.append(ask(made, port, grant)), daemon=True)
    asking.start()
    assert made.plant.proxy.caught.wait(60), f"STS was not asked\n{made.plant.logs()}"
    made.plant.kill("web")
    asking.join(20)
    made.plant.proxy.let_go()
    assert got == [None], f"something was handed out: {got}"
    session = AwsSession.objects.get(grant=grant)
    assert (session.state, session.userid) == ("asked", "")
    assert not AuditEvent.objects.filter(grant_id=grant.pk, type=EventType.SESSION_ISSUED).exists()
    made.audited_once(EventType.SESSION_ASKED, [grant.pk])
    minted = made.watch(grant, with_kept(made, made.plant.proxy.kept[0]))
    assert not minted.is_denied(), "what STS minted works: else its denial would prove nothing"
    made.revoke(grant)
    made.wait(lambda: made.stands(grant), PROMISE, "the revocation of what nobody got")
    assert minted.is_denied()
    yield Figure("from revoking to the deny of what STS had made", made.cut_seconds(grant), PROMISE)


def deploy_in_mid_sweep(made: Installation) -> Iterator[Figure]:
    ids = made.many(MANY)
    due = database_now() + timedelta(seconds=1)
    made.end_at(ids, due)
    until = time.monotonic() + PROMISE
    # Some of them, and not by `wait`, which looks too seldom: 10,000 are done within a second.
    while not Grant.objects.filter(pk__in=ids[::200], ended_at__isnull=False).exists():
        assert time.monotonic() < until, f"the sweep ended nothing\n{made.plant.logs()}"
    left = Grant.objects.filter(pk__in=ids, ended_at=None).count()
    assert left, "too quick to be caught midway"
    old = made.plant.ask_to_end("worker")
    made.plant.start("worker")
    began = time.monotonic()
    old.wait(60)
    yield Figure(f"grants still due at SIGTERM, of {MANY:,} (number)", left, MANY)
    yield Figure("the old worker had ended, after SIGTERM", round(time.monotonic() - began, 2), PROMISE)
    made.wait(lambda: made.all_ended(ids), PROMISE, "the due grants after the deployment")
    made.audited_once(EventType.GRANT_EXPIRED, ids)
    yield Figure("latest grant ended, after its end", made.lateness(ids), PROMISE)


def two_of_each(made: Installation) -> Iterator[Figure]:
    made.plant.start("worker-2", "beat-2")
    try:
        cut = [made.session() for _ in range(5)]
        ids = made.many(300)
        puts = made.plant.proxy.counts["PutRolePolicy"]
        made.end_at(ids, database_now() + timedelta(seconds=1))
        for held in cut:
            made.revoke(held.grant)
        made.wait(lambda: made.all_ended(ids), PROMISE, "the due grants")
        made.wait(lambda: made.stands(*(held.grant for held in cut)), PROMISE, "the denies")
        made.audited_once(EventType.GRANT_EXPIRED, ids)
        made.audited_once(EventType.REVOCATION_APPLIED, [held.grant.pk for held in cut])
        yield Figure("latest grant ended, after its end", made.lateness(ids), PROMISE)
        yield Figure(
            "slowest deny, after revoking", max(made.cut_seconds(held.grant) for held in cut), PROMISE
        )
        yield Figure(
            "puts for 5 revocations (number)", made.plant.proxy.counts["PutRolePolicy"] - puts, len(cut) * 2
        )
    finally:
        for name in ("worker-2", "beat-2"):
            made.plant.kill(name)


def with_kept(made: Installation, answer: Answer) -> Callable[[], object]:
    """Return a call with the credentials in STS's answer that the proxy kept."""
    text = answer.body.decode()
    key, secret, token = (
        re.findall(f"<{name}>([^<]+)</{name}>", text)[0]
        for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")
    )
    return made.call(key, secret, token)

"""IAM and STS throttle, fail, answer nonsense or nothing, or do what was asked and their answer is lost."""

import time
from collections.abc import Iterator
from uuid import UUID

import pytest

from portal.access.models import AwsSession
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.audit.events import EventType
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import UpstreamError
from tests.integration.jobs.faults.figures import AFTER_A_FAULT, PROMISE, Figure
from tests.integration.jobs.faults.installation import Installation
from tests.integration.jobs.faults.killed import with_kept
from tests.servers import aws_faults
from tests.servers.holding_proxy import ANY, Rule

FEW: dict[str, Rule] = {
    "503 as HTML": aws_faults.not_xml,
    "the answer lost after success": aws_faults.lost,
}
REST: dict[str, Rule] = {
    "400 Throttling": aws_faults.THROTTLED,
    "429": aws_faults.TOO_MANY,
    "503 as XML": aws_faults.SLOW_DOWN,
    "500": aws_faults.INTERNAL,
    "200 with garbage": aws_faults.garbage,
}
SLOW: dict[str, Rule] = {"no answer for 12 s": aws_faults.no_answer}


def iam(made: Installation) -> Iterator[Figure]:
    """One kind of fault after the other until the row has failed of each; then AWS is well again."""
    yield from _iam(made, FEW)


def iam_rest(made: Installation) -> Iterator[Figure]:
    yield from _iam(made, REST)


def sts_rest(made: Installation) -> Iterator[Figure]:
    yield from _sts(made, REST)


def iam_silent(made: Installation) -> Iterator[Figure]:
    yield from _iam(made, SLOW)


def sts(made: Installation) -> Iterator[Figure]:
    yield from _sts(made, FEW)


def sts_silent(made: Installation) -> Iterator[Figure]:
    yield from _sts(made, SLOW)


def _iam(made: Installation, rules: dict[str, Rule]) -> Iterator[Figure]:
    slowest = 0.0
    for name, rule in rules.items():
        held = made.session()
        # A put whose answer is lost is read back, and stands: it must not fail at all.
        action = "PutRolePolicy" if rule is aws_faults.lost else ANY
        made.plant.proxy.rule(action, rule)
        made.revoke(held.grant)
        if rule is aws_faults.lost:
            made.wait(lambda: bool(made.plant.proxy.kept), PROMISE, "a put")  # waited for here
            made.plant.proxy.let_go()
        else:
            made.wait(lambda: made.is_failing(held.grant), PROMISE, f"{name}: the row that says why")  # noqa: B023
            assert not held.is_denied(), "AWS was not told, yet denies"
        made.plant.proxy.let_go()
        seconds = made.wait(lambda: made.stands(held.grant), AFTER_A_FAULT, f"{name}: the deny afterwards")  # noqa: B023
        assert held.is_denied()
        slowest = max(slowest, seconds)
        made.audited_once(EventType.REVOCATION_APPLIED, [held.grant.pk])
    yield Figure("from AWS being well again to the deny standing, the slowest", slowest, AFTER_A_FAULT)


def _sts(made: Installation, rules: dict[str, Rule]) -> Iterator[Figure]:
    slowest = 0.0
    for name, rule in rules.items():
        grant = made.grant()
        made.plant.proxy.kept.clear()
        made.plant.proxy.rule("AssumeRole", rule)
        began = time.monotonic()
        _refused(made, grant.pk)
        slowest = max(slowest, time.monotonic() - began)
        made.plant.proxy.let_go()
        session = AwsSession.objects.get(grant=grant)
        assert session.state == "lost", f"{name}: {session.state}"
        nobodys = [made.watch(grant, with_kept(made, answer)) for answer in made.plant.proxy.kept]
        assert bool(nobodys) == (rule is aws_faults.lost)
        held = made.watch(grant, made.issue(grant))
        assert not any(one.is_denied() for one in [held, *nobodys])
        made.revoke(grant)
        made.wait(lambda: made.stands(grant), PROMISE, f"{name}: the revocation")  # noqa: B023  # waited for here
        assert all(one.is_denied() for one in [held, *nobodys]), "what nobody got is not denied"
    yield Figure("until whoever asked was told that AWS did not answer, the slowest", slowest, PROMISE)


def _refused(made: Installation, grant_id: UUID) -> None:
    actor = Actor(ActorKind.PERSON, made.person.name, made.person.pk)
    with pytest.raises(UpstreamError) as problem:
        issue_credentials(grant_id=grant_id, aws=made.aws, actor=actor)
    assert problem.value.retryable, f"{problem.value} says that trying again is of no use"

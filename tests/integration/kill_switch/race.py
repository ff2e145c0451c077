"""Many processes at once on one database and one AWS: python -m tests.integration.kill_switch.race issue|revoke

Reads from standard input which grants, whose, and how many processes; prints what came of each as JSON. The process
that is started sets Django up once and forks; each child has its own connections, to the database and to AWS.

issue: pairs of processes, one issues and one revokes the same grant at the same moment.
revoke: each process revokes a grant of its own, half of them once a worker is at the role's document already; then
it works off what is due, until all that was revoked stands.
"""

import json
import multiprocessing
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

FORK = multiprocessing.get_context("fork")
Found = list[dict[str, Any]]
Children = list[tuple[Callable[..., None], tuple[Any, ...]]]
CHANCE = random.Random()  # noqa: S311  # when things happen, not a secret
# A signed request may be on its way, or its answer, for so long at most, in seconds.
IN_FLIGHT = 0.05
GIVES_UP = 60.0


def main() -> None:
    import django  # noqa: PLC0415  # its settings come with the environment

    django.setup()
    order = json.load(sys.stdin)
    run = {"issue": issue, "revoke": revoke}[sys.argv[1]]
    json.dump(run(order["grants"], order.get("person"), int(order["processes"])), sys.stdout)


def issue(grants: Sequence[str], person: str, processes: int) -> Found:
    took = FORK.Value("d", 0.1)
    queue = FORK.Queue()
    duels: Children = []
    for number in range(processes):
        share, start = grants[number::processes], FORK.Barrier(2)
        duels += [
            (_issue_share, (share, person, start, took, queue)),
            (_revoke_share, (share, start, took)),
        ]
    return _run(duels, queue, answers=processes)


def revoke(grants: Sequence[str], _: object, processes: int) -> Found:
    queue, start = FORK.Queue(), FORK.Barrier(processes)
    workers: Children = [
        (_revoke_and_work, (grant, list(grants), number % 2 == 1, start, queue))
        for number, grant in enumerate(grants[:processes])
    ]
    return _run(workers, queue, answers=processes)


def _run(children: Children, queue: Any, answers: int) -> Found:
    started = [FORK.Process(target=act, args=given) for act, given in children]
    for child in started:
        child.start()
    found: Found = [each for _ in range(answers) for each in queue.get(timeout=240)]
    for child in started:
        child.join(60)
    assert {child.exitcode for child in started} == {0}
    return found


@dataclass(frozen=True)
class Recorded:
    """The credentials broker, with what STS made noted, and on its way for a while."""

    broker: Any
    made: dict[str, str]

    def assume_role(self, call: Any) -> Any:
        time.sleep(CHANCE.uniform(0, IN_FLIGHT))
        issued = self.broker.assume_role(call)
        self.made.update(_keys(issued.credentials))
        time.sleep(CHANCE.uniform(0, IN_FLIGHT))
        return issued


def _issue_share(grants: Sequence[str], person: str, start: Any, took: Any, queue: Any) -> None:
    from portal.access.operations.credentials.issue_credentials import issue_credentials  # noqa: PLC0415
    from portal.kernel.actor import Actor, ActorKind  # noqa: PLC0415
    from portal.kernel.errors import DomainError  # noqa: PLC0415
    from portal.wiring import aws_ports  # noqa: PLC0415

    CHANCE.seed()  # a fork has its parent's state
    ports, actor, found = aws_ports(), Actor(ActorKind.PERSON, "race", UUID(person)), []
    for grant in grants:
        made: dict[str, str] = {}
        recorded: Any = Recorded(ports.credentials, made)
        start.wait(60)
        began = time.monotonic()
        try:
            issue_credentials(grant_id=UUID(grant), aws=replace(ports, credentials=recorded), actor=actor)
            outcome = "handed out"
        except DomainError as refusal:
            outcome = refusal.code
        took.value = 0.8 * took.value + 0.2 * (time.monotonic() - began)
        found.append({"grant": grant, "outcome": outcome, "made": made})
    queue.put(found)


def _revoke_share(grants: Sequence[str], start: Any, took: Any) -> None:
    """Sometimes before the three steps of issuing, sometimes after, mostly amid them."""
    from portal.access.operations.grants.revoke_grant import revoke_grant  # noqa: PLC0415
    from portal.kernel.actor import Actor  # noqa: PLC0415

    CHANCE.seed()
    for grant in grants:
        start.wait(60)
        time.sleep(CHANCE.uniform(0, 1.4) * took.value)
        revoke_grant(grant_id=UUID(grant), reason="race", actor=Actor.command("race"))


def _revoke_and_work(grant: str, all_of_them: Sequence[str], waits: bool, start: Any, queue: Any) -> None:
    from portal.access.models import DenyDocument, Revocation  # noqa: PLC0415
    from portal.access.operations.cutting.work_off import work_off  # noqa: PLC0415
    from portal.access.operations.grants.revoke_grant import revoke_grant  # noqa: PLC0415
    from portal.kernel.actor import Actor  # noqa: PLC0415
    from portal.wiring import aws_ports  # noqa: PLC0415

    ports = aws_ports()
    start.wait(60)
    applied, end = 0, time.monotonic() + GIVES_UP
    while waits and not DenyDocument.objects.filter(leased_until__isnull=False).exists():
        assert time.monotonic() < end, "no worker took the document"
        time.sleep(0.02)
    revoke_grant(grant_id=UUID(grant), reason="race", actor=Actor.command("race"))
    while time.monotonic() < end:
        applied += work_off(aws=ports, holder=f"worker {grant[:8]}")
        standing = Revocation.objects.filter(
            grant__in=[UUID(each) for each in all_of_them], applied_at__isnull=False
        ).count()
        if standing == len(all_of_them):
            break
        time.sleep(0.05)
    queue.put([{"grant": grant, "applied": applied}])


def _keys(credentials: Any) -> Mapping[str, str]:
    return {
        "access_key_id": credentials.access_key_id,
        "secret_access_key": credentials.secret_access_key,
        "session_token": credentials.session_token,
        "expires_at": credentials.expires_at.isoformat(),
    }


if __name__ == "__main__":
    main()

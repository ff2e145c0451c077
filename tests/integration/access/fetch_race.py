"""Many processes fetch at once on one database: python -m tests.integration.access.fetch_race

Reads an order as JSON from standard input, prints what came of it. The process that is started sets Django up once and
forks; each child has threads, and each thread its own connection. AWS is a fake that counts its calls over all
processes, takes its time, throttles by the second, or has its caller killed.
"""

import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

FORK = multiprocessing.get_context("fork")
ANSWERS_WITHIN = 240


@dataclass(frozen=True)
class Sts:
    """What all processes share of it. `allowed`: calls a second, None: any number. `kills`: the first caller."""

    calls: Any
    made: Any
    second: Any
    takes: float
    allowed: int | None
    kills: bool

    def asked(self) -> None:
        from brokers.errors import AwsUnavailable  # noqa: PLC0415  # Django first

        with self.calls.get_lock():
            self.calls.value += 1
            is_first = self.calls.value == 1
            now = int(time.monotonic())
            if self.second[0] != now:
                self.second[0], self.second[1] = now, 0
            self.second[1] += 1
            if self.allowed is not None and self.second[1] > self.allowed:
                raise AwsUnavailable("sts:AssumeRole", "Throttling", throttled=True)
            if not (self.kills and is_first):
                self.made.value += 1
        if self.kills and is_first:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.takes)


@dataclass(frozen=True)
class Counted:
    """The credentials broker, with each call told to `sts` first."""

    broker: Any
    sts: Sts

    def assume_role(self, call: Any) -> Any:
        self.sts.asked()
        return self.broker.assume_role(call)


def main() -> None:
    import django  # noqa: PLC0415  # its settings come with the environment

    django.setup()
    order = json.load(sys.stdin)
    sts = Sts(
        FORK.Value("i", 0),
        FORK.Value("i", 0),
        FORK.Array("q", 2),
        order["takes"],
        order.get("allowed"),
        order.get("kills", False),
    )
    queue, start = FORK.Queue(), FORK.Barrier(len(order["shares"]))
    children = [
        FORK.Process(
            target=_child, args=(share, order["person"], order["threads"], order["tries"], sts, start, queue)
        )
        for share in order["shares"]
    ]
    for child in children:
        child.start()
    killed = 1 if sts.kills else 0
    found = [each for _ in range(len(children) - killed) for each in queue.get(timeout=ANSWERS_WITHIN)]
    for child in children:
        child.join(30)
    json.dump({"calls": sts.calls.value, "made": sts.made.value, "fetches": found}, sys.stdout)


def _child(  # noqa: PLR0917  # what a fork is given
    grants: Sequence[str], person: str, threads: int, tries: int, sts: Sts, start: Any, queue: Any
) -> None:
    from tests.fakes import FakeAws  # noqa: PLC0415

    ports = FakeAws().ports()
    counted: Any = Counted(ports.credentials, sts)
    ports = replace(ports, credentials=counted)
    start.wait(60)
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(lambda grant: _fetch(grant, person, ports, tries), grants))
    queue.put(found)


def _fetch(grant: str, person: str, ports: Any, tries: int) -> Mapping[str, Any]:
    """Fetch once, and as often again as one is told to come again; say what was had, and how long the worst took."""
    from portal.access.operations.credentials.fetch_credentials import fetch_credentials  # noqa: PLC0415
    from portal.kernel.actor import Actor, ActorKind  # noqa: PLC0415
    from portal.kernel.errors import BusyError, DomainError, UpstreamError  # noqa: PLC0415

    actor = Actor(ActorKind.PERSON, "race", UUID(person), ip="192.0.2.7", user_agent="race")
    told: list[str] = []
    for _ in range(tries):
        try:
            got = fetch_credentials(grant_id=UUID(grant), aws=ports, actor=actor, door="api")
        except BusyError as busy:
            told.append("busy")
            _wait(busy.retry_after_seconds)
        except UpstreamError as problem:
            told.append(problem.upstream_code)
            _wait(2)
        except DomainError as refusal:
            return {"grant": grant, "outcome": refusal.code, "told": told}
        except Exception as error:  # noqa: BLE001  # what must not happen is looked at
            return {"grant": grant, "outcome": repr(error), "told": told}
        else:
            return {"grant": grant, "outcome": "got", "session": str(got.session_id), "told": told}
    return {"grant": grant, "outcome": "gave up", "told": told}


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)


if __name__ == "__main__":
    main()

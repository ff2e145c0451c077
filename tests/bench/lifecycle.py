"""The lifecycle's state machine for 10^5 steps: every promise asked for after each, with PostgreSQL below."""

import logging
import os
import time
from collections import Counter

from django.db import connection
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from portal.audit import append_only
from tests.bench.registry import Section
from tests.integration.lifecycle.machine import Lifecycle

STEPS = int(os.environ.get("LIFECYCLE_STEPS", "100000"))
FIRST_SEED = int(os.environ.get("LIFECYCLE_SEED", "0"))
EXAMPLES, LENGTH = 100, 50
COUNTED: Counter[str] = Counter()


class Counting(Lifecycle):
    def teardown(self) -> None:
        super().teardown()
        told = self.trail.told.values()
        COUNTED["steps"] += self.steps
        COUNTED["stories, each from an empty database to all being dead"] += 1
        COUNTED["grants"] += len(told)
        COUNTED["sessions that the fake AWS made"] += len(self.aws.minted)
        COUNTED["revocations"] += sum(one.revocation is not None for one in told)
        COUNTED["audit rows played back"] += self.trail.played
        COUNTED["puts into AWS"] += self.aws.count("write")
        COUNTED["documents changed by hand and put back"] += self.trail.put_back


def run() -> list[Section]:
    """Run until there were so many steps. Raises at the first promise that does not hold, with the steps to it."""
    logging.disable(logging.CRITICAL)  # the machine's alarms are as meant
    append_only.unprotect(connection)  # the machine empties the tables after each story
    bound = settings(
        max_examples=EXAMPLES,
        stateful_step_count=LENGTH,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    began, rounds = time.monotonic(), FIRST_SEED
    while COUNTED["steps"] < STEPS:
        seed(rounds)(Counting)
        run_state_machine_as_test(Counting, settings=bound, _min_steps=LENGTH - 1)
        rounds += 1
    took = time.monotonic() - began
    text = (
        "Hypothesis does to the real operations on PostgreSQL what people, time and AWS may do, faults included; after "
        "each step every promise is asked for, and the audit trail is played back against the rows. Not one failed."
    )
    rows = [[what, f"{number:,}"] for what, number in COUNTED.items()]
    rows.append(["seconds", f"{took:,.0f}"])
    return [Section("Every promise, step by step", text, ["", "number"], rows)]

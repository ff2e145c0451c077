"""Properties of the whole lifecycle, in any weather; and that a bug in it would be found within the same bound.

Finding those takes minutes: `make soak` does. MORE_BUGS=1 plants further ones.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.lifecycle.machine import Lifecycle
from tests.integration.lifecycle.planted import ALWAYS, MORE
from tests.servers.process import require_services

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("lifecycle"),
    pytest.mark.timeout(1200 if require_services() else 280),
]
# make bench runs 10^5 steps.
EXAMPLES, STEPS = (40, 40) if require_services() else (5, 30)


def bounded() -> settings:
    return settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


def run() -> None:
    """Go through all of it, or raise at the first promise that does not hold. Every story has its full length."""
    run_state_machine_as_test(Lifecycle, settings=bounded(), _min_steps=STEPS - 1)


def test_every_promise_holds_whatever_happens() -> None:
    run()


@pytest.mark.soak
@pytest.mark.parametrize("name", [*ALWAYS, *(MORE if os.environ.get("MORE_BUGS") else ())])
def test_the_machine_finds_a_planted_bug(name: str) -> None:
    bug = {**ALWAYS, **MORE}[name]
    with bug.plant(), pytest.raises(AssertionError, match=bug.found_by):
        run()

"""Inject the chosen faults one after the other, check the invariants after each, and return what was measured."""

import sys
import time
from collections.abc import Collection
from typing import Any

from portal.access.operations.running.sweep_health import sweep_health
from portal.kernel.clock import database_now
from tests.integration.jobs.faults.catalogue import chosen
from tests.integration.jobs.faults.figures import PROMISE, Fault
from tests.integration.jobs.faults.installation import Installation
from tests.integration.jobs.faults.invariants import check_invariants
from tests.integration.jobs.plant import Plant


def run(plant: Plant, only: Collection[str], *, real_lease: bool) -> list[dict[str, Any]]:
    plant.start("worker", "beat")
    with Installation(plant, real_lease=real_lease) as made:
        made.wait(lambda: sweep_health(at=database_now()).runs, PROMISE, "the first sweep")
        figures = [
            row
            for fault in chosen(only, "postgresql" if plant.postgres else "sqlite")
            for row in inject(fault, made)
        ]
        left = [path.name for path in plant.directory.iterdir() if "beat-schedule" in path.name]
        assert not left, f"beat left files behind: {left}"
    return figures


def inject(fault: Fault, made: Installation) -> list[dict[str, Any]]:
    began = time.monotonic()
    found = []
    for figure in fault.run(made):
        assert figure.value <= figure.within, f"{fault.name}: {figure}"
        found.append(
            {"fault": fault.name, "injected": fault.injected, "measured": figure.label, "value": figure.value}
        )
    made.plant.proxy.let_go()
    dead = [name for name, process in made.plant.running.items() if process.poll() is not None]
    assert not dead, f"{fault.name} ended {dead}\n{made.plant.logs()}"
    check_invariants(made)
    sys.stderr.write(f"{fault.name}: {time.monotonic() - began:.1f} s in all\n")
    return found

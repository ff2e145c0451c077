"""What a fault is, and what was measured when it was injected."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.integration.jobs.faults.installation import Installation

# The portal's promises: the deny within a minute, and within five after any single fault.
PROMISE, AFTER_A_FAULT = 60.0, 300.0
# Groups of faults that share one installation, and the databases that they are for.
FAST = "fast"
BOTH = ("postgresql", "sqlite")
GROUPS = {
    FAST: BOTH,
    "crash": BOTH,
    "postgres": ("postgresql",),
    "aws": BOTH,
    "sweep": BOTH,
    # On SQLite the database's clock is the machine's: it can't be moved apart from those of the processes.
    "clocks": ("postgresql",),
    "disk": ("sqlite",),
}


@dataclass(frozen=True)
class Figure:
    """`label` says what was measured; `value` is in seconds unless it says otherwise, and at most `within`."""

    label: str
    value: float
    within: float


@dataclass(frozen=True)
class Fault:
    """`injected`: how, in the words of the reliability page. `run` injects it, asserts what must hold, and measures."""

    name: str
    injected: str
    run: Callable[["Installation"], Iterator[Figure]]

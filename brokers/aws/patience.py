"""IAM shows what was written after a while: how long is waited for it here before somebody tries again later.

Source: IAM User Guide, "Troubleshooting IAM": changes that I make are not always immediately visible.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from brokers.errors import AwsRefused

T = TypeVar("T")
# Three seconds in all: a worker's lease is longer than a whole make with its calls.
PAUSES = (0.2, 0.4, 0.8, 1.6)


class Patience:
    """Tries again, `pauses` seconds apart. `sleep` stands for time.sleep in tests."""

    def __init__(
        self, pauses: tuple[float, ...] = PAUSES, *, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._pauses = pauses
        self._sleep = sleep

    def until(self, attempt: Callable[[], T | None]) -> T | None:
        """Return the first answer that isn't None; None when all were."""
        found = attempt()
        for pause in self._pauses:
            if found is not None:
                break
            self._sleep(pause)
            found = attempt()
        return found

    def once_there(self, write: Callable[[], object]) -> None:
        """Write to what was just made: NoSuchEntity may mean that it isn't everywhere yet. The last try raises it."""
        if self.until(lambda: _is_done(write)) is None:
            write()


def _is_done(write: Callable[[], object]) -> bool | None:
    try:
        write()
    except AwsRefused as error:
        if error.aws_code != "NoSuchEntity":
            raise
        return None
    return True

"""Faults on demand, for tests: what STS and IAM are to answer in place of, or after, doing as they were asked.

`DIR/faults.json` is a list of `{"action": "CreateRole", "times": 3, "code": "Throttling", "status": 400}`, read anew
when it changes. `action` may have wildcards. `after`: the call is made, and its answer lost. With `per_second` (and
`burst`, 1 unless told) in place of `times`, what comes faster is refused, for as long as the file says so.
"""

import json
import time
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from portal.demo.sandbox.refusals import Refused

MESSAGES = {"Throttling": "Rate exceeded"}


@dataclass
class Fault:
    action: str
    times: int = 1
    code: str = "Throttling"
    status: int = 400
    after: bool = False
    per_second: float = 0
    burst: int = 1
    _left: float = field(default=0, init=False)
    _looked_at: float = field(default=0, init=False)

    def meets(self) -> bool:
        """Whether the next call is refused; counts it."""
        if not self.per_second:
            self.times -= 1
            return self.times >= 0
        now = time.monotonic()
        passed = (now - self._looked_at) * self.per_second if self._looked_at else self.burst
        self._left, self._looked_at = min(self.burst, self._left + passed), now
        if self._left < 1:
            return True
        self._left -= 1
        return False

    def refusal(self) -> Refused:
        return Refused(self.code, MESSAGES.get(self.code, "A fault that was asked for"), self.status)


class Faults:
    """The faults still to come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_at = 0
        self._left: list[Fault] = []

    def take(self, action: str) -> Fault | None:
        """Return the fault that this call meets, and count it."""
        self._look()
        for fault in self._left:
            if fnmatchcase(action, fault.action) and fault.meets():
                return fault
        return None

    def _look(self) -> None:
        try:
            changed_at = self.path.stat().st_mtime_ns
        except OSError:
            self._read_at, self._left = 0, []
            return
        if changed_at != self._read_at:
            self._read_at = changed_at
            self._left = [Fault(**row) for row in json.loads(self.path.read_text())]

"""Faults on demand, for tests: what STS and IAM are to answer in place of, or after, doing as they were asked.

`DIR/faults.json` is a list of `{"action": "CreateRole", "times": 3, "code": "Throttling", "status": 400}`, read anew
when it changes. `action` may have wildcards. `after`: the call is made, and its answer lost.
"""

import json
from dataclasses import dataclass
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
            if fault.times > 0 and fnmatchcase(action, fault.action):
                fault.times -= 1
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

"""A walk of steps in an AWS account: what must work, what must be refused; each by a real call, each told in words."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from brokers.errors import AwsAccessDenied, AwsRefused, AwsUnavailable, BrokerError
from brokers.ports import CheckProgress
from brokers.types import CheckStep

T = TypeVar("T")
NOT_TRIED = "Not tried: "
_LATER = "AWS gave no answer. Try again in a moment."


class Walk:
    """Collects the steps. One that fails ends nothing: whatever needed it says that it was not tried."""

    def __init__(self, progress: CheckProgress) -> None:
        self.steps: list[CheckStep] = []
        self._progress = progress

    def must(
        self, name: str, act: Callable[[], T], said: Callable[[T], str] | str, *, advice: str
    ) -> T | None:
        """Do what must work; return what came, or None where it failed. `said`: what to tell of it."""
        self._progress(self.steps, name)
        try:
            found = act()
        except BrokerError as error:
            self._add(name, False, str(error), _LATER if isinstance(error, AwsUnavailable) else advice)
            return None
        self._add(name, True, said if isinstance(said, str) else said(found))
        return found

    def must_not(
        self, name: str, act: Callable[[], object], *, undo: Callable[[], object] | None, advice: str
    ) -> None:
        """Try what must be refused. Where it wasn't, take it back and say so."""
        self._progress(self.steps, name)
        try:
            act()
        except AwsAccessDenied:
            self._add(name, True, "Refused, as it should be.")
        except AwsRefused as error:
            # AWS judges rights first: another error means that they were there.
            self._add(name, False, f"Not refused for lack of rights: {error}", advice)
        except BrokerError as error:
            # No answer: AWS may have let it all the same. Nothing of it may stay.
            if undo is not None:
                with suppress(BrokerError):
                    undo()
            self._add(name, False, str(error), _LATER)
        else:
            self._add(name, False, "It can too much: AWS let it. " + _taken_back(undo), advice)

    def not_tried(self, name: str, why: str) -> None:
        """Say what was left out and why: no failure, and no success either."""
        self._add(name, True, NOT_TRIED + why)

    def say(self, name: str, *, is_ok: bool, detail: str, advice: str = "") -> None:
        """Tell what needed no call of its own."""
        self._add(name, is_ok, detail, "" if is_ok else advice)

    def _add(self, name: str, is_ok: bool, detail: str, advice: str = "") -> None:  # noqa: FBT001 - private
        self.steps.append(CheckStep(name, is_ok, detail, advice))


def _taken_back(undo: Callable[[], object] | None) -> str:
    if undo is None:
        return "It changed nothing."
    try:
        undo()
    except BrokerError as error:
        return f"Taking it back failed, do it by hand: {error}"
    return "What it made was taken back."

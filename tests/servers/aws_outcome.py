"""What AWS says to live calls: allowed, or the code of its refusal; and when access is seen to end."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

ALLOWED = "Allowed"
DENIED = "AccessDenied"


@dataclass(frozen=True)
class Answer:
    """One call: when it began and was answered (seconds since the epoch), and what was said."""

    began: float
    said: str
    answered: float


def outcome(call: Callable[[], Any]) -> str:
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ALLOWED


def watch(call: Callable[[], Any], *, end: float, after: float = 1.5) -> list[Answer]:
    """Repeat a call until `after` seconds past `end`, ten times a second near it and once a second before."""
    answers: list[Answer] = []
    while not answers or answers[-1].began < end + after:
        began = time.time()
        answers.append(Answer(began, outcome(call), time.time()))
        time.sleep(0.1 if abs(end - began) < 5 else 1.0)
    return answers


def assert_ends_on_the_second(answers: list[Answer], end: float) -> None:
    """Nothing that began at or after `end` is allowed, nothing answered before it is denied: however slow we are."""
    assert {answer.said for answer in answers} == {ALLOWED, DENIED}
    assert [answer.began - end for answer in answers if answer.said == ALLOWED and answer.began >= end] == []
    assert [
        answer.answered - end for answer in answers if answer.said == DENIED and answer.answered < end
    ] == []

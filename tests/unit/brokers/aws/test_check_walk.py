"""The steps of an account's check: what AWS let is taken back, also where its answer never came."""

from collections.abc import Callable

import pytest

from brokers.aws.check_walk import Walk
from brokers.errors import AwsAccessDenied, AwsRefused, AwsUnavailable, BrokerError

UNAVAILABLE = AwsUnavailable("iam:CreateUser", "read timed out")
DENIED = AwsAccessDenied("iam:CreateUser", "AccessDenied", "no")
LIMIT = AwsRefused("iam:CreateUser", "LimitExceeded", "full")


def walked(problem: BrokerError | None, undo: Callable[[], object]) -> tuple[bool, str]:
    def act() -> None:
        if problem is not None:
            raise problem

    walk = Walk(lambda _found, _now: None)
    walk.must_not("make a user", act, undo=undo, advice="Take it out.")
    return walk.steps[0].is_ok, walk.steps[0].detail


@pytest.mark.parametrize(
    ("problem", "is_ok", "undone"),
    [(None, False, 1), (UNAVAILABLE, False, 1), (DENIED, True, 0), (LIMIT, False, 0)],
)
def test_what_may_have_been_let_is_taken_back(
    problem: BrokerError | None, is_ok: bool, undone: int
) -> None:  # a case
    done: list[int] = []
    assert walked(problem, lambda: done.append(1))[0] is is_ok
    assert len(done) == undone


def test_that_it_cannot_be_taken_back_hides_nothing() -> None:
    def undo() -> None:
        raise DENIED

    assert walked(UNAVAILABLE, undo) == (False, str(UNAVAILABLE))

"""What the first fetch would wait for is built beside the start: it holds nothing up, and nothing breaks by it."""

import logging
import os
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from brokers.aws import AwsBrokers
from brokers.errors import NotPossible
from portal import wiring
from portal.config.build_ahead import build_ahead


class Prepared:
    """Brokers whose preparation does what the test says."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.prepare = act


def test_the_start_goes_on_meanwhile_and_no_end_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(wiring, "aws_brokers", lambda: Prepared(lambda: gate.wait(10)))
    thread = build_ahead()
    assert thread.is_alive()
    assert thread.daemon
    gate.set()
    thread.join(10)
    assert not thread.is_alive()


def test_what_cant_be_built_is_told_and_no_more(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        raise NotPossible("The profile s3cret is not there.")

    monkeypatch.setattr(wiring, "aws_brokers", lambda: Prepared(refuse))
    with caplog.at_level(logging.WARNING):
        build_ahead().join(10)
    assert "was not built ahead: NotPossible" in caplog.text
    assert "s3cret" not in caplog.text


def test_a_server_that_forks_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    done: list[bool] = []

    def prepare() -> None:
        gate.wait(10)
        done.append(True)

    monkeypatch.setattr(wiring, "aws_brokers", lambda: Prepared(prepare))
    build_ahead()
    threading.Timer(0.2, gate.set).start()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # Python tells of threads at a fork: that is the point
        child = os.fork()
    if child == 0:
        os._exit(0 if done else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_whoever_comes_while_it_is_built_builds_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    gate = threading.Barrier(4)

    def build(**_: Any) -> object:
        made.append(object())
        return made[-1]

    def ask(_: int) -> int:
        gate.wait(10)
        return id(wiring.aws_brokers())

    wiring._built.cache_clear()
    monkeypatch.setattr(AwsBrokers, "build", build)
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(ask, range(4)))
    wiring._built.cache_clear()
    assert found == {id(each) for each in made}
    assert len(made) == 1

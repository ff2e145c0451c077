"""Counting: in memory, summed in the database, nothing twice and nothing lost but by a kill."""

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from portal.kernel import tallies
from portal.kernel.models import Tally


@pytest.fixture(autouse=True)
def _none_waiting() -> Iterator[None]:
    tallies._waiting.clear()
    yield
    tallies._waiting.clear()


def test_counting_asks_nothing_of_the_database_and_loses_nothing_between_threads() -> None:
    """No `db` fixture: a query would fail the test."""

    def many(_: int) -> None:
        for _ in range(500):
            tallies.count("swept", "expired")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(many, range(8)))
    assert tallies._waiting == {("swept", "expired"): 4000}


@pytest.mark.django_db
def test_flushes_add_up_in_one_statement_each() -> None:
    for _ in range(2):
        tallies.count("ended", "expired", 3)
        tallies.count("ended", "revoked")
        with CaptureQueriesContext(connection) as asked:
            assert tallies.flush() is True
        assert sum("INSERT" in query["sql"] for query in asked) == 1
    assert tallies.read() == {"ended": {"expired": 6, "revoked": 2}}
    with CaptureQueriesContext(connection) as asked:
        assert tallies.flush() is True
    assert len(asked) == 0, "nothing was counted, nothing is asked"


@pytest.mark.django_db
def test_a_histogram_cumulates_and_keeps_its_sum() -> None:
    for seconds in (-1, 0.1, 0.2, 4, 9_999):
        tallies.observe("cutoff", seconds)
    tallies.flush()
    told = tallies.histogram(tallies.read()["cutoff"])
    reached = dict(told.buckets)
    assert (reached["0.1"], reached["0.25"], reached["3.0"], reached["5.0"]) == (2, 3, 3, 4)
    assert (reached["3600.0"], reached["+Inf"]) == (4, 5)
    assert told.total == pytest.approx(10_003.3)
    assert tallies.histogram({}).total == 0


@pytest.mark.django_db
def test_what_could_not_be_written_comes_with_the_next_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: object) -> None:
        tallies.count("ended", "expired", 2)  # another thread counts on meanwhile
        raise OperationalError("the database is away")

    tallies.count("ended", "expired")
    with monkeypatch.context() as broken:
        broken.setattr(tallies, "_add", gone)
        assert tallies.flush() is False
    assert Tally.objects.count() == 0
    assert tallies.flush() is True
    assert tallies.read() == {"ended": {"expired": 3}}


@pytest.mark.django_db(transaction=True)
def test_sums_are_never_locked_by_a_longer_transaction() -> None:
    tallies.count("ended")
    with transaction.atomic(), pytest.raises(RuntimeError):
        tallies.flush()
    assert tallies.flush() is True
    assert tallies.read() == {"ended": {"": 1}}


@pytest.mark.django_db
def test_a_process_at_work_flushes_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    tallies.flush()
    tallies.count("ended")
    tallies.flush_when_old(signal="request_finished")
    assert tallies.read() == {}
    monkeypatch.setitem(tallies._flushed, "at", time.monotonic() - tallies.OLD)
    tallies.flush_when_old()
    assert tallies.read() == {"ended": {"": 1}}


def worker(told: Connection) -> None:
    """Stand for a web server's worker, which was forked."""
    tallies._last_flush = lambda: told.send("flushed")  # in this process alone
    tallies.flush_at_exit()


def test_a_forked_worker_flushes_where_it_ends() -> None:
    hear, tell = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=worker, args=(tell,))
    process.start()
    process.join(20)
    assert hear.poll(0)
    assert hear.recv() == "flushed"


@pytest.mark.django_db
def test_a_last_flush_that_fails_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("no database any more")

    tallies.count("ended")
    monkeypatch.setattr(tallies, "_add", broken)
    tallies._last_flush()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_processes_that_flush_at_once_agree() -> None:
    def one(_: int) -> None:
        tallies.count("ended", "expired")
        tallies.count("ended", "revoked")
        tallies.flush()
        connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(40)))
    tallies.flush()
    assert tallies.read() == {"ended": {"expired": 40, "revoked": 40}}

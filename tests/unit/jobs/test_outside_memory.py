"""Who remembers the newest audit row outside of the database; and which queue a task goes to."""

from pathlib import Path
from typing import Any

import pytest
import redis

from portal.config.celery import app
from portal.jobs import outside_memory
from portal.jobs.outside_memory import FileMemory, RedisMemory, read_memories, write_memories
from portal.kernel.redis_client import redis_address
from tests.servers.valkey import valkey


@pytest.fixture(autouse=True)
def _rested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(outside_memory._rest, "until", 0.0)


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    monkeypatch.setattr(outside_memory, "memories", lambda: tuple(found))
    return found


def test_each_place_remembers_until_it_forgets(places: list[Any], tmp_path: Path) -> None:
    file = FileMemory(tmp_path / "portal.sqlite3")
    with valkey(tmp_path) as server:
        places += [RedisMemory(server.url), file]
        assert read_memories() == {}
        assert write_memories(41)
        assert write_memories(42)
        assert read_memories() == {"Redis": 42, "The file beside the database": 42}
        server.client().flushall()
        assert read_memories() == {"The file beside the database": 42}
    (tmp_path / "portal.sqlite3.newest-audit-row").write_text("what?")
    assert read_memories() == {}


def test_a_redis_that_is_away_is_no_information_and_is_left_alone_for_a_while(places: list[Any]) -> None:
    tries: list[int] = []

    class Away:
        name = "Redis"

        def read(self) -> int | None:
            tries.append(1)
            raise redis.ConnectionError

        def write(self, event: int) -> None:
            del event
            self.read()

    places.append(Away())
    assert read_memories() == {}
    assert not write_memories(7)
    assert len(tries) == 1


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://:pw@h:6379/2", "redis://:pw@h:6379/2"),
        ("rediss://h/0", "rediss://h/0"),
        ("redis+socket:///run/v.sock?virtual_host=3", "unix:///run/v.sock?db=3"),
        ("redis+socket:///run/v.sock", "unix:///run/v.sock?db=0"),
        ("memory://", ""),
    ],
)
def test_addresses(url: str, address: str) -> None:
    assert redis_address(url) == address


def test_each_task_goes_to_its_queue_alone() -> None:
    queues = app.amqp.queues
    assert {name: queues[name].routing_key for name in queues} == {"sweep": "sweep", "aws": "aws"}
    routed = app.amqp.router.route({}, "portal.jobs.revoke", (), {})
    assert (routed["queue"].name, routed["routing_key"]) == ("aws", "aws")
    assert app.amqp.router.route({}, "portal.jobs.sweep", (), {})["queue"].name == "sweep"

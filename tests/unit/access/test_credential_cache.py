"""Credentials at rest, in a real Redis (Valkey) and without: who can open them, and what is done when it is gone."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from portal.access.models import CredentialSlot, Grant
from portal.access.operations.credentials.credential_cache import open_kept, redis_key
from portal.access.operations.credentials.fetch_credentials import FetchedCredentials, fetch_credentials
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.kernel import redis_client
from portal.kernel.actor import Actor
from tests.fakes import SECRET, TOKEN, FakeAws
from tests.servers.process import free_port
from tests.servers.valkey import Valkey, valkey

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
CANARIES = (SECRET.encode(), TOKEN.encode(), b"ASIAFAKE")


@pytest.fixture
def redis(tmp_path: Path, settings: Any) -> Iterator[Valkey]:
    with valkey(tmp_path) as server:
        settings.REDIS_URL = server.url
        yield server


@pytest.fixture
def fetch(aws: FakeAws, actor_of: Make) -> Callable[..., FetchedCredentials]:
    def fetched(grant: Grant, door: str = "api") -> FetchedCredentials:
        return fetch_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person), door=door)

    return fetched


def slot_of(grant: Grant) -> CredentialSlot:
    return CredentialSlot.objects.get(grant=grant)


def dump(server: Valkey) -> bytes:
    client = server.client()
    found = client.keys("sallyport:credentials:*")
    return b"".join(client.get(key) or b"" for key in found)  # type: ignore[misc]  # sync, bytes


def test_redis_keeps_the_value_and_the_row_its_key(
    redis: Valkey, make_grant: Make, ben: Any, aws: FakeAws, fetch: Make
) -> None:
    grant = make_grant(ben)
    first = fetch(grant)
    slot = slot_of(grant)
    assert bytes(slot.sealed) == b""
    assert fetch(grant).credentials == first.credentials
    assert aws.count("assume_role") == 1
    assert len(dump(redis)) > 100
    for canary in CANARIES:
        assert canary not in dump(redis)
        assert canary not in bytes(slot.key)
    [name] = redis.client().keys("sallyport:*")
    assert 0 < redis.client().ttl(name) <= 3600, "it goes by itself when it is over"


def test_at_the_end_redis_is_told_and_what_it_still_holds_is_opened_by_nobody(
    redis: Valkey, make_grant: Make, ben: Any, fetch: Make, django_capture_on_commit_callbacks: Any
) -> None:
    grant, neighbour = make_grant(ben), make_grant(ben)
    fetch(grant)
    fetch(neighbour)
    before = slot_of(grant)
    assert before.session_id is not None
    name = redis_key(grant.pk, before.session_id)
    copy = redis.client().get(name)
    with django_capture_on_commit_callbacks(execute=True):
        revoke_grant(grant_id=grant.pk, reason="test", actor=Actor.command("tests"))
    assert redis.client().get(name) is None
    redis.client().set(name, copy)  # type: ignore[arg-type]  # bytes
    after = slot_of(grant)
    after.session_id, after.version = before.session_id, before.version
    assert open_kept(before) is not None, "the key that was there opens it"
    assert open_kept(after) is None
    assert fetch(neighbour).was_cached


def test_a_value_of_another_grant_opens_nowhere(
    redis: Valkey, make_grant: Make, ben: Any, fetch: Make
) -> None:
    one, other = make_grant(ben), make_grant(ben)
    fetch(one)
    fetch(other)
    mine, theirs = slot_of(one), slot_of(other)
    assert mine.session_id is not None
    assert theirs.session_id is not None
    stolen = redis.client().get(redis_key(other.pk, theirs.session_id))
    redis.client().set(redis_key(one.pk, mine.session_id), stolen)  # type: ignore[arg-type]  # bytes
    assert open_kept(mine) is None
    mine.key = theirs.key
    assert open_kept(mine) is None, "not even with its key"
    assert not fetch(one).was_cached
    assert fetch(other).was_cached


def test_a_flushed_redis_costs_one_call(
    redis: Valkey, make_grant: Make, ben: Any, aws: FakeAws, fetch: Make
) -> None:
    grant = make_grant(ben)
    fetch(grant)
    redis.client().flushall()
    assert not fetch(grant).was_cached
    assert fetch(grant).was_cached
    assert aws.count("assume_role") == 2


def test_without_redis_the_row_keeps_it(
    make_grant: Make, ben: Any, aws: FakeAws, fetch: Make, settings: Any
) -> None:
    """A dead one costs one try; then it is left alone for a while."""
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    grant = make_grant(ben)
    fetch(grant)
    assert fetch(grant).was_cached
    assert aws.count("assume_role") == 1
    assert bytes(slot_of(grant).sealed)
    client = redis_client.redis_client()
    assert client is not None
    tries: list[str] = []
    with rested(client, tries):
        assert fetch(make_grant(ben)).was_cached is False
    assert tries == []


def test_a_redis_that_dies_is_survived(
    tmp_path: Path, make_grant: Make, aws: FakeAws, fetch: Make, settings: Any
) -> None:
    grant = make_grant()
    with valkey(tmp_path) as server:
        settings.REDIS_URL = server.url
        fetch(grant)
    assert not fetch(grant).was_cached
    assert fetch(grant).was_cached
    assert aws.count("assume_role") == 2
    assert bytes(slot_of(grant).sealed)
    revoke_grant(grant_id=grant.pk, reason="test", actor=Actor.command("tests"))
    assert bytes(slot_of(grant).sealed) == b""


def test_data_keys_are_rotated_while_it_is_kept(
    make_grant: Make, ben: Any, aws: FakeAws, fetch: Make, settings: Any
) -> None:
    grant = make_grant(ben)
    settings.DATA_KEYS = ["old"]
    fetch(grant)
    settings.DATA_KEYS = ["new", "old"]
    assert fetch(grant).was_cached
    settings.DATA_KEYS = ["new"]
    assert not fetch(grant).was_cached, "a key that is gone opens nothing, and is no error"
    assert fetch(grant).was_cached
    assert aws.count("assume_role") == 2


def test_no_table_holds_a_secret(make_grant: Make, ben: Any, fetch: Make) -> None:
    fetch(make_grant(ben))
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608  # our own tables
            for row in cursor.fetchall():
                held = b" ".join(
                    bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                    for value in row
                )
                assert SECRET.encode() not in held, table
                assert TOKEN.encode() not in held, table


@contextlib.contextmanager
def rested(client: Any, tries: list[str]) -> Iterator[None]:
    """Note what Redis is asked meanwhile."""
    real = client._redis  # what it would ask

    class Noting:
        def __getattr__(self, name: str) -> Any:
            tries.append(name)
            return getattr(real, name)

    client._redis = Noting()  # see above
    try:
        yield
    finally:
        client._redis = real  # see above

"""python -m tests.bench.credentials_profile MANY: where the CPU of a new credential goes, as JSON, in milliseconds.

In one process with the endpoint's own WSGI application, each part timed where it is called: a profiler that stops at
each call would make small functions look dear.
"""

import io
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import django

# Grants that are fetched for first, for what is made once in a process.
FIRST = 20
REST = "the rest: WSGI, the rules, making the rows, the answer"


class Parts:
    """CPU seconds by part, each without the parts that it calls."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self._inner: list[float] = []

    def time(self, owner: Any, name: str, part: str) -> None:
        """Have each call of `owner.name` count for the part."""
        called: Callable[..., Any] = getattr(owner, name)

        def timed(*args: Any, **more: Any) -> Any:
            with self.part(part):
                return called(*args, **more)

        setattr(owner, name, timed)

    @contextmanager
    def part(self, part: str) -> Iterator[None]:
        began = time.thread_time()
        self._inner.append(0.0)
        try:
            yield
        finally:
            took = time.thread_time() - began
            self.spent[part] += took - self._inner.pop()
            self.calls[part] += 1
            if self._inner:
                self._inner[-1] += took


def main() -> None:
    django.setup()
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415  # after the settings are chosen

    from tests.bench.credentials_world import plant  # noqa: PLC0415

    many = int(sys.argv[1])
    planted = plant(many + FIRST)
    application, tokens = get_wsgi_application(), planted["others"]
    assert isinstance(tokens, list)
    for token in tokens[:FIRST]:
        _fetch(application, token)
    parts = Parts()
    _time(parts)
    for token in tokens[FIRST:]:
        with parts.part(REST):
            _fetch(application, token)
    costly = sorted(parts.spent, key=parts.spent.__getitem__, reverse=True)
    told = {part: [parts.spent[part] / many * 1000, parts.calls[part] / many] for part in costly}
    json.dump(told, sys.stdout)


def _time(parts: Parts) -> None:
    import botocore.client  # noqa: PLC0415
    import psycopg  # noqa: PLC0415
    from django.db.backends.base.base import BaseDatabaseWrapper  # noqa: PLC0415
    from django.db.backends.utils import CursorWrapper  # noqa: PLC0415

    from brokers.aws.sts import StsCredentials  # noqa: PLC0415
    from portal.access.operations.credentials import fill_slot  # noqa: PLC0415
    from portal.kernel.prepared import PreparedModels, PreparedQuery  # noqa: PLC0415
    from portal.kernel.prepared_writes import PreparedInsert, PreparedUpdate  # noqa: PLC0415

    places: Mapping[str, Sequence[tuple[Any, str]]] = {
        "statements, each with its cursor": [
            (psycopg.Cursor, "execute"),
            (CursorWrapper, "_execute_with_wrappers"),
        ],
        "commits": [(BaseDatabaseWrapper, "commit")],
        "boto3's own call": [(botocore.client.BaseClient, "_make_api_call")],
        "ours around it: the policy, checks of the answer": [(StsCredentials, "assume_role")],
        "rows to models, values to parameters": [
            (PreparedModels, "first"),
            (PreparedModels, "all"),
            (PreparedQuery, "first"),
            (PreparedInsert, "run"),
            (PreparedUpdate, "run"),
        ],
        "sealing, and where it is kept": [(fill_slot, "seal_kept"), (fill_slot, "keep_outside")],
    }
    for part, owners in places.items():
        for owner, name in owners:
            parts.time(owner, name, part)


def _fetch(application: Callable[..., Any], token: str) -> None:
    asked = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/container/credentials",
        "HTTP_AUTHORIZATION": token,
        "HTTP_HOST": "localhost",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
    }
    for _ in range(40):  # the clients for AWS are made beside the start
        status: list[str] = []
        answer = application(asked, lambda told, _, status=status: status.append(told))
        body = b"".join(answer)
        answer.close()
        if status[0].startswith("200"):
            return
        assert status[0].startswith("503"), body
        time.sleep(0.5)
    raise AssertionError("no credentials")


if __name__ == "__main__":
    main()

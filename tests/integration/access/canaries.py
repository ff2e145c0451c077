"""Looking everywhere that something could be left behind: every row, all of Redis, what was logged, sent and mailed."""

import base64
import logging
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from celery.signals import before_task_publish
from django.core import mail
from django.db import connection

from portal.kernel.logs import AboutFilter, JsonFormatter, PlainFormatter
from tests.servers.valkey import Valkey


def spellings(secret: str) -> set[bytes]:
    """Return how a secret could be written down: as it is, quoted, in base64 (at any offset), in hex."""
    plain = secret.encode()
    quoted = {urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret), repr(secret)[1:-1]}
    slashes = secret.replace("/", "\\/")
    shifted = {base64.b64encode(b"x" * shift + plain)[4:-4] for shift in range(3)}
    urlsafe = {each.replace(b"+", b"-").replace(b"/", b"_") for each in shifted}
    return {plain, plain.hex().encode(), slashes.encode()} | {q.encode() for q in quoted} | shifted | urlsafe


def rows() -> bytes:
    """Return all rows of all tables, as text and bytes."""
    found = []
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608  # our own tables
            found += [_flat(value) for row in cursor.fetchall() for value in row]
    return b"\n".join(found)


def _flat(value: Any) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


def redis_dump(server: Valkey) -> bytes:
    """Return every key with its value, as they are; of other kinds as Redis writes them."""
    return redis_content(server.client())


def redis_content(client: Any) -> bytes:
    found = []
    for key in client.scan_iter(count=1000):
        ways = {b"string": client.get, b"list": lambda name: client.lrange(name, 0, -1)}
        value = ways.get(client.type(key), client.dump)(key)
        found += [key, *(value if isinstance(value, list) else [value or b""])]
    return b"\n".join(found)


class Ears(logging.Handler):
    """All that is logged, at any level. `written`: by the portal's formats; `heard`: before their net for secrets."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.heard: list[str] = []
        self.written: list[str] = []
        self.addFilter(AboutFilter())
        self.formats = (JsonFormatter(), PlainFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        plain = logging.Formatter("%(name)s %(levelname)s %(message)s")
        self.heard += [plain.format(record), repr(record.args)]
        self.written += [each.format(record) for each in self.formats]


@contextmanager
def listening() -> Iterator[Ears]:
    """Hear every logger, those too that don't pass on what they are told."""
    ears, quiet = Ears(), []
    named = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    for each in [logging.root, *named]:
        if each is not logging.root and each.propagate:
            quiet.append((each, each.level, False))
            each.setLevel(logging.DEBUG)
            continue
        quiet.append((each, each.level, True))
        each.setLevel(logging.DEBUG)
        each.addHandler(ears)
    try:
        yield ears
    finally:
        for each, level, has_ears in quiet:
            each.setLevel(level)
            if has_ears:
                each.removeHandler(ears)


@contextmanager
def tasks_noted() -> Iterator[list[str]]:
    """Note what every task was sent with."""
    sent: list[str] = []

    def note(sender: Any = None, body: Any = None, headers: Any = None, **more: Any) -> None:
        sent.append(repr((sender, body, headers, sorted(more.items(), key=str))))

    before_task_publish.connect(note, weak=False)
    try:
        yield sent
    finally:
        before_task_publish.disconnect(note)


def mails() -> bytes:
    return b"\n".join(message.message().as_bytes() for message in getattr(mail, "outbox", []))


def found_in(secrets: Mapping[str, str], places: Mapping[str, bytes]) -> list[str]:
    """Return which secret lies where, in any spelling."""
    return [
        f"{secret} in {place}"
        for place, content in places.items()
        for secret, value in secrets.items()
        if any(spelling and spelling in content for spelling in spellings(value))
    ]

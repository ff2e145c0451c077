"""Where guessing is limited: so many tries in a period, counted in the database for all processes.

What is limited is named by parts (a door, an account, a network) and kept as a hash: the table names nobody. Whether a
try is refused is decided by the same statement that counts it: tries sent side by side don't slip through together.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import F

from portal.kernel.clock import database_now
from portal.kernel.errors import TooManyError
from portal.kernel.models import AttemptCount


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` tries in a `period`, which begins with the first of them."""

    name: str
    most: int
    period: timedelta


def spend(limit: Limit, *parts: str) -> None:
    """Count one try. Raises TooManyError, with the seconds to wait, where the period has no more."""
    number, until = _count(limit, parts)
    if number > limit.most:
        raise TooManyError(retry_after=until - database_now(), is_first=number == limit.most + 1)


def give_back(limit: Limit, *parts: str) -> None:
    """Take one try back that was none, such as one that was right."""
    AttemptCount.objects.filter(pk=_key(limit, parts), number__gt=0).update(number=F("number") - 1)


def forget(limit: Limit, *parts: str) -> None:
    """Begin anew."""
    AttemptCount.objects.filter(pk=_key(limit, parts)).delete()


def check(limit: Limit, *parts: str) -> None:
    """Raise TooManyError where the period has no more; counts nothing."""
    now = database_now()
    found = AttemptCount.objects.filter(pk=_key(limit, parts), number__gte=limit.most, until__gt=now).first()
    if found is not None:
        raise TooManyError(retry_after=found.until - now)


def count(limit: Limit, *parts: str) -> int:
    """Count one, and return how many there were in the period."""
    return _count(limit, parts)[0]


def is_noted(limit: Limit, *parts: str) -> bool:
    """Whether anything was counted in a period that still lasts."""
    return AttemptCount.objects.filter(pk=_key(limit, parts), number__gt=0, until__gt=database_now()).exists()


def tidy_attempts(*, at: datetime) -> int:
    deleted, _ = AttemptCount.objects.filter(until__lt=at).delete()
    return deleted


def _count(limit: Limit, parts: tuple[str, ...]) -> tuple[int, datetime]:
    """Add to the count, or begin a new period with it, in one statement."""
    now = database_now()
    table = AttemptCount._meta.db_table  # noqa: SLF001  # documented model API
    sql = f"""INSERT INTO {table} (key, number, until) VALUES (%s, 1, %s)
        ON CONFLICT (key) DO UPDATE SET
        number = CASE WHEN {table}.until <= %s THEN 1 ELSE {table}.number + 1 END,
        until = CASE WHEN {table}.until <= %s THEN excluded.until ELSE {table}.until END
        RETURNING number, until"""  # noqa: S608  # our own table's name
    stored = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute(sql, [_key(limit, parts), stored(now + limit.period), stored(now), stored(now)])
        number, until = cursor.fetchone()
    # SQLite's answer has no zone: UTC, as Django writes it.
    return number, until.replace(tzinfo=UTC) if until.tzinfo is None else until


def _key(limit: Limit, parts: tuple[str, ...]) -> str:
    told = "\0".join((limit.name, *(f"{len(part)}:{part}" for part in parts)))
    return hashlib.sha256(told.encode()).hexdigest()

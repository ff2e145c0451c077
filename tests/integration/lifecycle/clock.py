"""A clock that the machine turns, in the place of the database's own: the one that all of the product asks."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from unittest.mock import patch

from portal.access.models import Grant
from portal.access.operations.credentials import look_at_credentials, standing
from portal.kernel import clock

# A Friday morning in Berlin, two days before Europe's clocks go back and nine before America's.
BEGINNING = datetime(2026, 10, 23, 5, 50, tzinfo=UTC)
TICK = timedelta(milliseconds=1)


class TurnedClock:
    """Stands where `portal.kernel.clock` has its connection. Each look moves it on by a millisecond."""

    vendor = "postgresql"

    def __init__(self) -> None:
        self.at = BEGINNING

    def now(self) -> datetime:
        self.at += TICK
        return self.at

    def turn(self, by: timedelta) -> None:
        self.at += by

    def turn_to(self, moment: datetime) -> None:
        """Have the next look read `moment`, unless it has passed."""
        self.at = max(self.at, moment - TICK)

    def cursor(self) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, statement: str) -> None:
        assert statement == "SELECT clock_timestamp()"

    def fetchone(self) -> tuple[datetime]:
        return (self.now(),)


@contextmanager
def turned_clock() -> Iterator[TurnedClock]:
    turned: Any = TurnedClock()
    read = standing.standing_of

    def standing_then(grant: Grant, told: Mapping[str, Any]) -> standing.Standing:
        """What one statement reads with the time, at the machine's time."""
        return read(grant, {**told, "now": turned.now()})

    with (
        patch.object(clock, "connection", turned),
        patch.object(standing, "standing_of", standing_then),
        patch.object(look_at_credentials, "standing_of", standing_then),
    ):
        yield turned

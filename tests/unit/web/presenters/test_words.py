"""Time in words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from portal.web.presenters.words import countdown, day_words, left_words, moment

NOW = datetime(2025, 11, 20, 13, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (-SECOND, "0 s"),
        (59.9 * SECOND, "59 s"),
        (MINUTE, "1 min 00 s"),
        (5 * MINUTE - SECOND, "4 min 59 s"),
        (5 * MINUTE, "5 min"),
        (HOUR - SECOND, "59 min"),
        (HOUR, "1 h"),
        (3 * HOUR + 5 * MINUTE, "3 h 05 min"),
        (2 * DAY - SECOND, "47 h 59 min"),
        (2 * DAY, "2 days"),
        (3 * DAY - SECOND, "2 days"),
    ],
)
def test_what_is_left_is_rounded_down(left: timedelta, words: str) -> None:
    assert left_words(left) == words


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (datetime(2025, 11, 20, 14, 30, tzinfo=UTC), "today 15:30"),
        (datetime(2025, 11, 20, 23, 30, tzinfo=UTC), "tomorrow 00:30"),
        (datetime(2025, 11, 19, 22, 59, tzinfo=UTC), "yesterday 23:59"),
        (datetime(2025, 11, 24, 8, 0, tzinfo=UTC), "Mon 24 Nov 09:00"),
        (datetime(2026, 1, 2, 8, 0, tzinfo=UTC), "2 Jan 2026 09:00"),
    ],
)
def test_days_are_the_readers_own(at: datetime, words: str) -> None:
    assert day_words(at, now=NOW, zone=BERLIN) == words


@pytest.mark.parametrize(
    ("zone", "exact"),
    [
        ("UTC", "Thu 20 Nov 2025, 23:30:05 UTC"),
        ("Europe/Berlin", "Fri 21 Nov 2025, 00:30:05 CET (Thu 20 Nov, 23:30:05 UTC)"),
        ("America/Sao_Paulo", "Thu 20 Nov 2025, 20:30:05 UTC-03 (23:30:05 UTC)"),
    ],
)
def test_the_exact_time_names_its_zone_and_utc(zone: str, exact: str) -> None:
    at = datetime(2025, 11, 20, 23, 30, 5, tzinfo=UTC)
    assert moment(at, now=NOW, zone=ZoneInfo(zone)).exact == exact


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    first, second = (datetime(2025, 10, 26, hour, 30, tzinfo=UTC) for hour in (0, 1))
    clocks = [moment(at, now=first, zone=BERLIN).clock for at in (first, second)]
    assert clocks == ["02:30 CEST", "02:30 CET"]


def test_the_clock_says_the_day_unless_it_is_today() -> None:
    clocks = [moment(NOW + later, now=NOW, zone=BERLIN).clock for later in (HOUR, 4 * DAY)]
    assert clocks == ["15:00 CET", "Mon 24 Nov 14:00 CET"]


@pytest.mark.parametrize(
    ("starts", "ends", "kind", "words", "percent", "soon"),
    [
        (-HOUR, HOUR, "ends", "ends in 1 h", 50, False),
        (-HOUR, 10 * MINUTE, "ends", "ends in 10 min", 14, True),
        (0 * HOUR, 3 * DAY, "ends", "ends in 3 days", 100, False),
        (SECOND, HOUR, "starts", "starts in 1 s", 100, False),
        (20 * HOUR, 30 * HOUR, "starts", "starts tomorrow 10:00", 100, False),
        (-HOUR, 0 * HOUR, "ended", "ended 0 s ago", 0, False),
        (-DAY, -HOUR, "ended", "ended today 13:00", 0, False),
    ],
)
def test_a_period_is_half_open(  # noqa: PLR0917 - one column of the table each
    starts: timedelta, ends: timedelta, kind: str, words: str, percent: int, soon: bool
) -> None:
    told = countdown(NOW + starts, NOW + ends, now=NOW, zone=BERLIN)
    assert (told.kind, told.words, told.percent_left, told.soon) == (kind, words, percent, soon)

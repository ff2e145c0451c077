"""Weekly windows against a walk over every minute, around the changes of the clocks in several zones."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.access.windows import WeeklyWindow
from portal.kernel.errors import InvalidError
from portal.kernel.periods import Period

MINUTE = timedelta(minutes=1)
# The Sunday of each change; Lord Howe moves by half an hour, Santiago at midnight, Apia left a whole day out.
CHANGES = [
    ("Europe/Berlin", date(2025, 3, 30)),
    ("Europe/Berlin", date(2025, 10, 26)),
    ("America/New_York", date(2025, 3, 9)),
    ("America/New_York", date(2025, 11, 2)),
    ("Australia/Lord_Howe", date(2025, 4, 6)),
    ("Australia/Lord_Howe", date(2025, 10, 5)),
    ("America/Santiago", date(2025, 4, 6)),
    ("America/Santiago", date(2025, 9, 7)),
    ("Pacific/Apia", date(2011, 12, 30)),
]
WORK = WeeklyWindow(frozenset({1, 2, 3, 4, 5}), time(8), time(18), "Europe/Berlin")


@cache
def minutes(zone: str, around: date) -> list[tuple[datetime, datetime]]:
    """Every minute from three days before to four days after: the instant, and what the zone's clocks read."""
    first = datetime.combine(around, time(0), UTC) - timedelta(days=3)
    there = ZoneInfo(zone)
    instants = (first + n * MINUTE for n in range(7 * 24 * 60))
    return [(at, at.astimezone(there).replace(tzinfo=None, fold=0)) for at in instants]


def first_reading(zone: str, around: date, local: datetime) -> datetime:
    return next(at for at, reads in minutes(zone, around) if reads >= local)


def by_hand(window: WeeklyWindow, around: date) -> list[Period]:
    """What the module's docstring says, minute by minute."""
    found = []
    for offset in (-1, 0, 1):
        day = around + timedelta(days=offset)
        last = day if window.opens < window.closes else day + timedelta(days=1)
        opens = first_reading(window.zone, around, datetime.combine(day, window.opens))
        closes = first_reading(window.zone, around, datetime.combine(last, window.closes))
        if day.isoweekday() in window.days and opens < closes:
            found.append(Period(opens, closes))
    return found


times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 15, 29, 30, 31, 59]))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CHANGES), times, times)
@example(CHANGES[0], time(2, 10), time(2, 50))
@example(CHANGES[0], time(2, 30), time(10))
@example(CHANGES[1], time(2, 30), time(10))
@example(CHANGES[1], time(22), time(2, 30))
@example(CHANGES[7], time(0), time(0, 30))
@example(CHANGES[0], time(0), time(0))
def test_a_window_is_what_a_walk_over_the_minutes_says(
    change: tuple[str, date], opens: time, closes: time
) -> None:
    zone, around = change
    if opens == closes != time(0):
        return
    window = WeeklyWindow(frozenset(range(1, 8)), opens, closes, zone)
    expected = by_hand(window, around)
    for at, _ in minutes(zone, around)[2 * 24 * 60 : 5 * 24 * 60 : 7]:
        inside = [period for period in expected if period.contains(at)]
        if expected[0].starts_at <= at < expected[-1].ends_at:
            assert window.current(at) == (inside[0] if inside else None)
    for before, after in pairwise(expected):
        assert window.next_opening(before.starts_at) == after
        assert window.next_opening(after.starts_at - MINUTE / 60) == after
        assert window.current(before.ends_at - MINUTE / 60) == before


@pytest.mark.parametrize(
    ("zone", "day", "opens", "closes"),
    [
        # Clocks go from 02:00 to 03:00 at 01:00 UTC: 02:30 is that instant.
        ("Europe/Berlin", date(2025, 3, 30), "01:00", "06:00"),
        # 02:30 comes at 00:30 and at 01:30 UTC: the first counts.
        ("Europe/Berlin", date(2025, 10, 26), "00:30", "07:00"),
        ("America/New_York", date(2025, 3, 9), "07:00", "12:00"),
        # New York shows 01:00 to 02:00 twice; 02:30 comes once.
        ("America/New_York", date(2025, 11, 2), "07:30", "13:00"),
        # Half an hour: from 02:00 to 02:30, at 15:30 UTC of the day before.
        ("Australia/Lord_Howe", date(2025, 10, 5), "15:30 -1", "21:00 -1"),
    ],
)
def test_the_day_of_a_change_by_figures(zone: str, day: date, opens: str, closes: str) -> None:
    def instant(text: str) -> datetime:
        clock, _, back = text.partition(" ")
        return datetime.combine(day, time.fromisoformat(clock), UTC) + timedelta(days=int(back or 0))

    window = WeeklyWindow(frozenset({7}), time(2, 30), time(8), zone)
    period = Period(instant(opens), instant(closes))
    assert window.current(period.starts_at) == period
    assert window.current(period.starts_at - timedelta(microseconds=1)) is None
    assert window.current(period.ends_at) is None
    assert window.next_opening(period.starts_at - MINUTE) == period


def test_a_window_that_the_clocks_swallow_is_skipped() -> None:
    night = WeeklyWindow(frozenset({7}), time(2, 10), time(2, 50), "Europe/Berlin")
    jump = datetime(2025, 3, 30, 1, tzinfo=UTC)
    assert night.current(jump) is None
    opening = night.next_opening(jump - timedelta(days=2))
    assert opening is not None
    assert opening.starts_at == datetime(2025, 4, 6, 0, 10, tzinfo=UTC)


def test_past_midnight_it_belongs_to_the_day_on_which_it_opens() -> None:
    friday = WeeklyWindow(frozenset({5}), time(22), time(6), "UTC")
    saturday = datetime(2025, 5, 10, 5, 59, tzinfo=UTC)
    assert friday.current(saturday) is not None
    assert friday.current(saturday + MINUTE) is None
    assert friday.current(saturday - timedelta(days=1)) is None, "the morning of Friday is Thursday's"
    until_midnight = WeeklyWindow(frozenset({5}), time(22), time(0), "UTC")
    assert until_midnight.current(datetime(2025, 5, 9, 23, 59, tzinfo=UTC)) is not None
    assert until_midnight.current(datetime(2025, 5, 10, tzinfo=UTC)) is None


def test_at_the_ends_of_the_calendar_there_is_no_window() -> None:
    for at in (datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)):
        window = WeeklyWindow(frozenset({1}), time(22), time(6), "Asia/Tokyo")
        assert window.current(at) is None
    assert window.next_opening(datetime.max.replace(tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("days", "opens", "closes", "zone", "field"),
    [
        ((), time(8), time(18), "UTC", "window_days"),
        ((0, 1), time(8), time(18), "UTC", "window_days"),
        ((8,), time(8), time(18), "UTC", "window_days"),
        ((1,), time(8), time(8), "UTC", "window_closes"),
        ((1,), time(8, tzinfo=UTC), time(18), "UTC", "window_opens"),
        ((1,), time(8), time(18, 0, 0, 1), "UTC", "window_closes"),
        ((1,), time(8), time(18), "Mars/Olympus", "window_zone"),
        ((1,), time(8), time(18), "../etc/passwd", "window_zone"),
        ((1,), time(8), time(18), "", "window_zone"),
    ],
)
def test_a_wrong_window_names_its_field(
    days: tuple[int, ...], opens: time, closes: time, zone: str, field: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        WeeklyWindow(frozenset(days), opens, closes, zone)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("days", "opens", "closes", "words"),
    [
        ((1, 2, 3, 4, 5), time(8), time(18), "Mon-Fri 08:00-18:00 Europe/Berlin"),
        ((6, 7), time(8), time(0), "Sat, Sun 08:00-24:00 Europe/Berlin"),
        ((1, 3, 4, 5), time(22), time(6), "Mon, Wed-Fri 22:00-06:00 (next day) Europe/Berlin"),
        ((7,), time(0), time(0, 0, 30), "Sun 00:00-00:00:30 Europe/Berlin"),
    ],
)
def test_words(days: tuple[int, ...], opens: time, closes: time, words: str) -> None:
    assert WeeklyWindow(frozenset(days), opens, closes, "Europe/Berlin").describe() == words


def test_work_hours_of_a_week_in_berlin() -> None:
    monday = datetime(2025, 5, 5, 6, tzinfo=UTC)
    assert WORK.current(monday) == Period(monday, monday + timedelta(hours=10))
    friday_evening = monday + timedelta(days=4, hours=10)
    assert WORK.current(friday_evening) is None
    opening = WORK.next_opening(friday_evening)
    assert opening is not None
    assert opening.starts_at == monday + timedelta(days=7)

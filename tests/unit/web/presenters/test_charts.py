"""Bars and their words: each number once, hours by the reader's own clocks, across a change of them too."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from portal.web.presenters.charts import HEIGHT, LEAST, Axis, histogram, seconds_words, share_within

NOON = datetime(2026, 11, 20, 12, 7, tzinfo=UTC)


def axis(start: datetime = NOON, zone: str = "UTC") -> Axis:
    return Axis(start, hours=8, bins=32, zone=ZoneInfo(zone))


def minutes(*numbers: float) -> list[tuple[datetime, int]]:
    return [(NOON + timedelta(minutes=number), 1) for number in numbers]


def test_each_bar_stands_where_its_time_is() -> None:
    first, second, last = axis().bars([*minutes(0, 14, 15, 479), (NOON + timedelta(minutes=16), 9)])
    assert (first.number, first.words, first.x) == (2, "12:07 to 12:22", "0.31%")
    assert (second.number, second.height, second.y) == (10, HEIGHT, 0)
    assert (last.number, last.height, last.words) == (1, round(HEIGHT / 10), "19:52 to 20:07")
    assert first.height + first.y == second.height + second.y == HEIGHT


def test_what_is_few_is_seen_beside_what_is_many() -> None:
    few, many = axis().bars([(NOON, 1), (NOON + timedelta(hours=1), 10_000)])
    assert (few.height, many.height) == (LEAST, HEIGHT)


def test_what_lies_at_an_edge_is_not_lost() -> None:
    assert [bar.number for bar in axis().bars(minutes(-1, 480, 481))] == [1, 2]


def test_hours_are_the_readers_own() -> None:
    ticks = axis().ticks()
    assert [tick.words for tick in ticks][:2] == ["13:00", "14:00"]
    assert [tick.minor for tick in ticks][:3] == [False, True, False]
    assert ticks[0].x == f"{100 * 53 / 480:.2f}%"
    assert axis(zone="Asia/Kolkata").ticks()[0].words == "18:00"


def test_clocks_that_are_set_back_show_an_hour_twice() -> None:
    night = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)  # in Berlin at 03:00 (01:00 UTC) it is 02:00 again
    there = axis(night, "Europe/Berlin")
    assert [tick.words for tick in there.ticks()][:4] == ["01:00", "02:00", "02:00", "03:00"]
    [bar] = there.bars([(datetime(2026, 10, 25, 0, 50, tzinfo=UTC), 1)])
    assert bar.words == "02:45 to 02:00"


def test_a_histogram_has_each_value_once_and_no_empty_end() -> None:
    rows = histogram([0.2, 0.5, 0.6, 4], [2.0], (0.5, 1.0, 2.0, 60.0, 300.0))
    assert [(row.words, row.applied, row.proven) for row in rows] == [
        ("up to 0.5 s", 2, 0),
        ("up to 1 s", 1, 0),
        ("up to 2 s", 0, 1),
        ("up to 1 min", 1, 0),
    ]
    assert [row.applied_percent for row in rows] == [100, 50, 0, 50]
    assert histogram([301], [], (60.0, 300.0))[-1].words == "over 5 min"
    assert histogram([], [], (60.0,)) == ()


def test_shares() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert (share_within(values, 0.5), share_within(values, 0.99), share_within([7.0], 0.5)) == (50, 99, 7)
    with pytest.raises(ValueError, match="no values"):
        share_within([], 0.5)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.424, "0.42 s"), (3.14, "3.1 s"), (48.2, "48 s"), (119, "119 s"), (420, "7 min")]
)
def test_seconds_in_words(seconds: float, words: str) -> None:
    assert seconds_words(seconds) == words

"""Periods over time: where bars, edges and days lie, what is left out, and that nothing leaves the picture."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from portal.web.presenters.timeline import MOST_ROWS, Span, Timeline, timeline

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")


def drawn(
    *spans: tuple[float, float], contract: tuple[float, float] = (-10, 20), now: datetime = NOW
) -> Timeline:
    made = timeline(
        [Span(f"span {a}", NOW + a * DAY, NOW + b * DAY, "live") for a, b in spans],
        contract=(NOW + contract[0] * DAY, NOW + contract[1] * DAY),
        now=now,
        zone=BERLIN,
    )
    assert made is not None
    return made


def share(words: str) -> float:
    return float(words.removesuffix("%"))


def test_nothing_is_drawn_of_nothing() -> None:
    assert timeline([], contract=(NOW, NOW + DAY), now=NOW, zone=BERLIN) is None


def test_bars_lie_by_their_times_within_the_contracts_edges() -> None:
    made = drawn((-5, 5), (0, 10))
    first, second = made.bars
    begin, end = made.edges
    assert share(begin.x) < share(first.x) < share(second.x) < share(end.x)
    assert share(first.width) == pytest.approx(share(second.width), abs=0.1)
    assert share(first.x) + share(first.width) < share(end.x)
    assert (begin.words, end.words) == ("from 11 Nov 2026", "contract until 11 Dec 2026")
    assert made.now is not None
    assert share(made.now.x) == pytest.approx(share(second.x), abs=0.01)
    assert made.beyond == ()
    assert second.y > first.y


def test_a_far_edge_is_said_instead_of_drawn() -> None:
    made = drawn((-1, 1), contract=(-900, 900))
    assert made.edges == ()
    assert made.beyond == (
        "The contract began on 4 Jun 2024, before this picture.",
        "The contract ends on 9 May 2029, after this picture.",
    )
    assert share(made.bars[0].width) > 80


def test_an_edge_nearby_belongs_into_the_picture() -> None:
    made = drawn((-1, 1), contract=(-900, 2.5))
    assert [edge.words for edge in made.edges] == ["contract until 24 Nov 2026"]
    assert len(made.beyond) == 1


@pytest.mark.parametrize("days", [0.1, 1, 9, 40, 200, 1000])
def test_days_have_room_and_are_midnights_of_the_reader(days: float) -> None:
    made = drawn((-days, days), contract=(-2 * days, 2 * days))
    places = [share(tick.x) for tick in made.ticks]
    assert places == sorted(places)
    assert all(4 < place < 96 for place in places)
    assert len(places) <= 8
    assert all(later - earlier > 8 for earlier, later in pairwise(places))


def test_short_bars_can_be_seen_and_long_lists_are_cut() -> None:
    assert share(drawn((0, 0.001), (0, 300), contract=(-1, 400)).bars[0].width) == 0.6
    made = drawn(*[(0, 1)] * (MOST_ROWS + 3))
    assert (len(made.bars), made.more) == (MOST_ROWS, 3)
    assert made.height > made.axis_y > made.bars[-1].y


def test_what_is_over_is_drawn_too() -> None:
    made = drawn((-9, -8), now=NOW)
    assert made.now is not None
    assert share(made.bars[0].x) < share(made.now.x)

"""Bars for SVG drawn by templates: positions in per cent of the width, so that text in it keeps its size."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from math import ceil

HEIGHT = 64  # of the tallest bar, in CSS pixels; the axis is below
LEAST = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar over time: `x` and `width` in per cent, `y` and `height` in pixels; `words` for its row in the table."""

    x: str
    width: str
    y: int
    height: int
    number: int
    words: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A full hour on the axis. `minor`: left out where room is short."""

    x: str
    words: str
    minor: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a histogram: how many took that long, by two measures, each with its bar in per cent."""

    words: str
    applied: int
    applied_percent: int
    proven: int
    proven_percent: int


@dataclass(frozen=True, slots=True)
class Axis:
    """A span of time from `start`, cut into bins, as clocks in `zone` show it."""

    start: datetime
    hours: int
    bins: int
    zone: tzinfo

    @property
    def step(self) -> timedelta:
        return timedelta(hours=self.hours) / self.bins

    def bars(self, counted: Sequence[tuple[datetime, int]]) -> tuple[Bar, ...]:
        """Return a bar for each bin in which something is. What lies outside of the span goes to its edges."""
        numbers = [0] * self.bins
        for at, n in counted:
            numbers[min(self.bins - 1, max(0, (at - self.start) // self.step))] += n
        most = max(numbers)
        return tuple(self._bar(place, n, most) for place, n in enumerate(numbers) if n)

    def ticks(self) -> tuple[Tick, ...]:
        """Return the full hours within the span, but for one whose words would not fit at the edge."""
        here = self.start.astimezone(self.zone)
        # In UTC: two times of one zone are subtracted by the clocks, whatever these did between them.
        first = here.replace(minute=0, second=0, microsecond=0).astimezone(UTC) + timedelta(hours=1)
        ticks = []
        for hour in range(self.hours):
            at = first + timedelta(hours=hour)
            share = (at - self.start) / timedelta(hours=self.hours)
            if 0.02 < share < 0.97:  # noqa: PLR2004  # half the width of the words
                ticks.append(Tick(f"{100 * share:.2f}%", f"{at.astimezone(self.zone):%H:%M}", hour % 2 == 1))
        return tuple(ticks)

    def _bar(self, place: int, number: int, most: int) -> Bar:
        height = max(LEAST, round(HEIGHT * number / most))
        begin, end = (self.start.astimezone(UTC) + n * self.step for n in (place, place + 1))
        width = 100 / self.bins
        return Bar(
            x=f"{place * width + width * 0.1:.2f}%",
            width=f"{width * 0.8:.2f}%",
            y=HEIGHT - height,
            height=height,
            number=number,
            words=f"{begin.astimezone(self.zone):%H:%M} to {end.astimezone(self.zone):%H:%M}",
        )


def histogram(applied: Sequence[float], proven: Sequence[float], bounds: Sequence[float]) -> tuple[Row, ...]:
    """Return a row for each bound, and one for what took longer, in seconds; rows after the last used are left out."""
    one, other = _by_bound(applied, bounds), _by_bound(proven, bounds)
    most = max([*one, *other, 1])
    used = max((place for place, n in enumerate(zip(one, other, strict=True)) if any(n)), default=-1)
    labels = [*(f"up to {_seconds(bound)}" for bound in bounds), f"over {_seconds(bounds[-1])}"]
    return tuple(
        Row(
            labels[place],
            one[place],
            ceil(100 * one[place] / most),
            other[place],
            ceil(100 * other[place] / most),
        )
        for place in range(used + 1)
    )


def share_within(values: Sequence[float], share: float) -> float:
    """Return the value within which that share of them lies. Raises ValueError when there are none."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


def seconds_words(seconds: float) -> str:
    """Return `0.42 s`, `3.1 s`, `48 s`, `7 min`."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 10:  # noqa: PLR2004  # from here on tenths say nothing
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004  # as above


def _by_bound(values: Sequence[float], bounds: Sequence[float]) -> list[int]:
    numbers = [0] * (len(bounds) + 1)
    for value in values:
        numbers[next((place for place, bound in enumerate(bounds) if value <= bound), len(bounds))] += 1
    return numbers


def _seconds(bound: float) -> str:
    return f"{bound:g} s" if bound < 60 else f"{bound / 60:g} min"  # noqa: PLR2004  # a minute

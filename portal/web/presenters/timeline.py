"""Periods over time as SVG drawn by a template: positions in per cent, so that text in it keeps its size."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

ROW = 34  # pixels: a line of words, and its bar below
HEAD = 22
FOOT = 26
MARGIN = 0.03
MOST_ROWS = 20
_STEPS = (1, 2, 7, 14, 30, 91, 182, 365, 730, 1461)
_BY_MONTH = 91  # from here on days say nothing
_TICKS = 7
HALF_WORDS = 0.04  # half the width of a day's words, as a share of the picture


@dataclass(frozen=True, slots=True)
class Span:
    """A period to draw. `tone`: `live`, `wait` or `quiet`, said in `words` too."""

    words: str
    starts_at: datetime
    ends_at: datetime
    tone: str


@dataclass(frozen=True, slots=True)
class SpanBar:
    """A drawn period: `x` and `width` in per cent, `text_y` and `y` in pixels."""

    x: str
    width: str
    y: int
    text_y: int
    words: str
    tone: str


@dataclass(frozen=True, slots=True)
class Edge:
    """An upright line. `anchor`: on which side of it its words stand."""

    x: str
    words: str
    anchor: str


@dataclass(frozen=True, slots=True)
class DayTick:
    x: str
    words: str
    minor: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """All of it. `edges`: the contract's, where they lie within; `beyond`: those that do not, in words."""

    height: int
    axis_y: int
    label_y: int
    bars: tuple[SpanBar, ...]
    ticks: tuple[DayTick, ...]
    edges: tuple[Edge, ...]
    now: Edge | None
    beyond: tuple[str, ...]
    more: int


def timeline(
    spans: Sequence[Span], *, contract: tuple[datetime, datetime], now: datetime, zone: tzinfo
) -> Timeline | None:
    """Draw the spans over the time that they take, with the contract's edges where those are near; None without any."""
    if not spans:
        return None
    shown = spans[:MOST_ROWS]
    scale = _scale(shown, contract, now, zone)
    axis_y = HEAD + ROW * len(shown) + 4
    edges = _edges(scale, contract)
    return Timeline(
        height=axis_y + FOOT,
        axis_y=axis_y,
        label_y=axis_y + 18,
        bars=tuple(_bar(scale, span, HEAD + ROW * place) for place, span in enumerate(shown)),
        ticks=_ticks(scale, now),
        edges=edges,
        now=Edge(scale.x(now), "now", "middle") if scale.holds(now) else None,
        beyond=_beyond(scale, contract),
        more=len(spans) - len(shown),
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    start: datetime
    end: datetime
    zone: tzinfo

    def share(self, at: datetime) -> float:
        return min(1.0, max(0.0, (at - self.start) / (self.end - self.start)))

    def x(self, at: datetime) -> str:
        return f"{100 * self.share(at):.2f}%"

    def holds(self, at: datetime) -> bool:
        return self.start <= at <= self.end

    def day(self, at: datetime) -> str:
        here = at.astimezone(self.zone)
        return f"{here.day} {here:%b %Y}"


def _scale(spans: Sequence[Span], contract: tuple[datetime, datetime], now: datetime, zone: tzinfo) -> _Scale:
    start = min(now, *(span.starts_at for span in spans))
    end = max(now + timedelta(hours=1), *(span.ends_at for span in spans))
    room = end - start
    # An edge that is as near as the whole picture is wide belongs into it.
    if start - room <= contract[0]:
        start = min(start, contract[0])
    if contract[1] <= end + room:
        end = max(end, contract[1])
    margin = (end - start) * MARGIN
    return _Scale((start - margin).astimezone(UTC), (end + margin).astimezone(UTC), zone)


def _bar(scale: _Scale, span: Span, top: int) -> SpanBar:
    begin, end = scale.share(span.starts_at), scale.share(span.ends_at)
    return SpanBar(
        x=f"{100 * begin:.2f}%",
        width=f"{max(0.6, 100 * (end - begin)):.2f}%",
        y=top + 17,
        text_y=top + 12,
        words=span.words,
        tone=span.tone,
    )


def _edges(scale: _Scale, contract: tuple[datetime, datetime]) -> tuple[Edge, ...]:
    words = (f"from {scale.day(contract[0])}", f"contract until {scale.day(contract[1])}")
    drawn = zip(contract, words, ("start", "end"), strict=True)
    return tuple(Edge(scale.x(at), word, anchor) for at, word, anchor in drawn if scale.holds(at))


def _beyond(scale: _Scale, contract: tuple[datetime, datetime]) -> tuple[str, ...]:
    told = []
    if not scale.holds(contract[0]):
        told.append(f"The contract began on {scale.day(contract[0])}, before this picture.")
    if not scale.holds(contract[1]):
        told.append(f"The contract ends on {scale.day(contract[1])}, after this picture.")
    return tuple(told)


def _ticks(scale: _Scale, now: datetime) -> tuple[DayTick, ...]:
    """Return midnights as clocks in the zone show them, no more than have room beside each other and beside now."""
    days = (scale.end - scale.start) / timedelta(days=1)
    step = next((step for step in _STEPS if days / step <= _TICKS), _STEPS[-1])
    first = scale.start.astimezone(scale.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    ticks: list[DayTick] = []
    for number in range(1, int(days) + 2, step):
        at = first + timedelta(days=number)
        share = scale.share(at)
        beside_now = abs(share - scale.share(now)) if scale.holds(now) else 1.0
        if HALF_WORDS < share < 1 - HALF_WORDS and beside_now > 2 * HALF_WORDS:
            minor = len(ticks) % 2 == 1
            words = f"{at:%b %Y}" if step >= _BY_MONTH else f"{at.day} {at:%b}"
            ticks.append(DayTick(f"{100 * share:.2f}%", words, minor))
    return tuple(ticks)

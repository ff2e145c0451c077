"""Windows that recur every week, such as Mon-Fri 08:00-18:00 by the clocks of Europe/Berlin. Pure Python.

A local time means the first instant at which that zone's clocks read that time or later. So a time that the clocks
leave out in spring is the instant of their jump, and one that they show twice in autumn is its first occurrence. A
window of which nothing is left on such a day is skipped. Offsets come from the IANA database, by zoneinfo.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from portal.kernel.errors import InvalidError
from portal.kernel.periods import Period

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MIDNIGHT = time(0)
DAY = timedelta(days=1)
# One week, and two more for windows that a change of the clocks swallows.
SEARCHED_DAYS = 22
SHORTEST_RUN = 3  # days in a row that are written with a dash


@dataclass(frozen=True, slots=True)
class WeeklyWindow:
    """Open on `days` (ISO weekdays, Monday is 1) from `opens` until before `closes`, by the clocks of `zone`.

    `closes` at 00:00 is the end of the day. One that is earlier than `opens` is on the next day: the window runs past
    midnight, and belongs to the day on which it opens. Times are whole seconds.

    Raises:
        InvalidError: names the field (window_days, window_opens, window_closes, window_zone) and what is allowed.
    """

    days: frozenset[int]
    opens: time
    closes: time
    zone: str

    def __post_init__(self) -> None:
        if not self.days or not self.days <= set(range(1, 8)):
            raise InvalidError(
                "Choose the days on which it opens: 1 (Monday) to 7 (Sunday).", field="window_days"
            )
        for field, moment in (("window_opens", self.opens), ("window_closes", self.closes)):
            if moment.tzinfo is not None or moment.microsecond:
                raise InvalidError(
                    "A window's times are whole seconds, without a zone of their own.", field=field
                )
        if self.opens == self.closes != MIDNIGHT:
            raise InvalidError(
                "A window must close at another time than it opens; 00:00 to 00:00 is the whole day.",
                field="window_closes",
            )
        if self.zone not in _zones():
            raise InvalidError(
                "That is not a time zone; allowed are IANA names such as Europe/Berlin.", field="window_zone"
            )

    def current(self, at: datetime) -> Period | None:
        """Return the window that is open at that instant, or None when none is."""
        return next((period for period in self._around(at, 1) if period.contains(at)), None)

    def next_opening(self, at: datetime) -> Period | None:
        """Return the first window that opens after that instant; None when none does within three weeks."""
        return next((period for period in self._around(at, SEARCHED_DAYS) if period.starts_at > at), None)

    def describe(self) -> str:
        """Say it in words: Mon-Fri 08:00-18:00 Europe/Berlin."""
        closes = "24:00" if self.closes == MIDNIGHT else _clock(self.closes)
        next_day = " (next day)" if MIDNIGHT < self.closes < self.opens else ""
        return f"{_days(self.days)} {_clock(self.opens)}-{closes}{next_day} {self.zone}"

    def _around(self, at: datetime, days: int) -> Iterator[Period]:
        """Yield the windows that open from the local day before `at` until `days` after it, in their order."""
        for offset in range(-1, days + 1):
            try:
                period = self._on(at.astimezone(ZoneInfo(self.zone)).date() + offset * DAY)
            except OverflowError:  # either end of the calendar
                continue
            if period is not None:
                yield period

    def _on(self, day: date) -> Period | None:
        if day.isoweekday() not in self.days:
            return None
        starts_at = _instant(day, self.opens, self.zone)
        ends_at = _instant(day if self.opens < self.closes else day + DAY, self.closes, self.zone)
        return Period(starts_at, ends_at) if starts_at < ends_at else None


def _instant(day: date, clock: time, zone: str) -> datetime:
    """Return the first instant at which the zone's clocks read that time of that day, or later."""
    there, local = ZoneInfo(zone), datetime.combine(day, clock)
    found = local.replace(tzinfo=there).astimezone(UTC)
    if _reads(found, there) == local:
        return found  # of two readings the first (PEP 495: fold=0)
    # The clocks leave it out. With fold=1 comes an instant before their jump, with fold=0 (found) one after it.
    before = local.replace(tzinfo=there, fold=1).astimezone(UTC)
    while found - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(found - before) // timedelta(seconds=2))
        before, found = (before, middle) if _reads(middle, there) >= local else (middle, found)
    return found


def _reads(at: datetime, there: ZoneInfo) -> datetime:
    return at.astimezone(there).replace(tzinfo=None, fold=0)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _clock(moment: time) -> str:
    return moment.isoformat("auto" if moment.second else "minutes")


def _days(days: frozenset[int]) -> str:
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(_run([DAY_NAMES[day - 1] for day in run]) for run in runs)


def _run(names: list[str]) -> str:
    return f"{names[0]}-{names[-1]}" if len(names) >= SHORTEST_RUN else ", ".join(names)

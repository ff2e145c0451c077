"""Half-open periods, [starts_at, ends_at): the end itself is outside."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Period:
    """A span of time. Both ends are aware; raises ValueError unless it ends after it starts."""

    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        if self.starts_at.utcoffset() is None or self.ends_at.utcoffset() is None:
            raise ValueError("a period needs aware times")
        if self.ends_at <= self.starts_at:
            raise ValueError("a period ends after it starts")

    def contains(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at

    def within(self, other: "Period") -> "Period | None":
        """Return what of it lies in the other one; None when nothing does."""
        starts_at, ends_at = max(self.starts_at, other.starts_at), min(self.ends_at, other.ends_at)
        return Period(starts_at, ends_at) if starts_at < ends_at else None

    def remaining(self, at: datetime) -> timedelta:
        return max(self.ends_at - at, timedelta(0))


def utc_clock(at: datetime) -> str:
    """Return a moment for a sentence that is not in anybody's own zone: 2026-05-06 07:08:09 UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"

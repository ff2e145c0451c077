"""Half-open periods, [starts_at, ends_at): the end itself is outside."""

from dataclasses import dataclass
from datetime import datetime, timedelta


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

    def remaining(self, at: datetime) -> timedelta:
        return max(self.ends_at - at, timedelta(0))

"""What people may take for themselves: a card for each offer on My access, and the page that asks how long and why."""

from dataclasses import dataclass

from portal.web.presenters.labels import AccountLabel

HOUR, DAY = 60, 24 * 60
LENGTHS = (
    15,
    30,
    HOUR,
    2 * HOUR,
    4 * HOUR,
    8 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    3 * DAY,
    7 * DAY,
    14 * DAY,
    30 * DAY,
)


@dataclass(frozen=True, slots=True)
class Offer:
    """An entitlement of one of the reader's groups. `longest`: for how long at a time, in words."""

    id: str
    role_name: str
    role_description: str
    account: AccountLabel
    scope: str
    longest: str
    group: str
    no_kill_switch: bool = False

    @property
    def through(self) -> str:
        return f"the group {self.group}"


def span_words(minutes: int) -> str:
    """Return a length as people say it: '15 minutes', 'an hour', '1 hour 30 minutes', '2 days'."""
    days, rest = divmod(minutes, DAY)
    hours, left = divmod(rest, HOUR)
    counted = ((days, "day"), (hours, "hour"), (left, "minute"))
    words = [f"{number} {unit}{'s' * (number > 1)}" for number, unit in counted if number]
    return {"1 hour": "an hour", "1 day": "a day"}.get(" ".join(words), " ".join(words))


def length_choices(longest: int) -> list[tuple[str, str]]:
    """Return the lengths to choose from, up to the longest, which is one of them."""
    lengths = sorted({*(length for length in LENGTHS if length < longest), longest})
    return [(str(length), span_words(length)) for length in lengths]

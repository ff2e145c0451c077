"""What stands on several pages: a state, an account, and the words for each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Badge:
    """A state as word and shape. `tone`: `live`, `wait`, `quiet` or `danger`; `icon`: as in `{% icon %}`."""

    word: str
    tone: str
    icon: str


BADGES = {
    "active": Badge("Active", "live", "check"),
    "scheduled": Badge("Scheduled", "wait", "clock"),
    "expired": Badge("Ended", "quiet", "stop"),
    "revoked": Badge("Revoked", "danger", "ban"),
    "released": Badge("Given back", "quiet", "back"),
    "suspended": Badge("Suspended", "danger", "ban"),
    "closed": Badge("Closed now", "wait", "clock"),
    "asked": Badge("Asked", "wait", "clock"),
    "ended": Badge("Ended", "quiet", "stop"),
    "pending": Badge("Ending in AWS", "wait", "clock"),
    "retrying": Badge("Retrying", "danger", "alert"),
    "applied": Badge("Applied, being proven", "wait", "clock"),
    "not_proven": Badge("Applied, not proven", "wait", "info"),
    "proven": Badge("Proven over", "live", "check"),
    "cleaned": Badge("Over, and cleaned up", "quiet", "stop"),
    "runs_out": Badge("Runs out by itself", "wait", "hourglass"),
    "no_kill_switch": Badge("Can't be cut off", "danger", "alert"),
    "failed": Badge("Failed", "danger", "alert"),
}


def badge(state: str) -> Badge:
    """Return the word and shape of a state; a state without one of its own is shown plainly."""
    return BADGES.get(state) or Badge(state.replace("_", " ").capitalize(), "quiet", "dot")


@dataclass(frozen=True, slots=True)
class AccountLabel:
    """An AWS account: its name and its twelve digits."""

    name: str
    number: str

    @property
    def grouped(self) -> str:
        return grouped_account(self.number)


def grouped_account(number: str) -> str:
    """Return `111122223333` as `1111-2222-3333`; anything that isn't twelve digits stays as it is."""
    if len(number) != 12 or not number.isdecimal():  # noqa: PLR2004 - an account number has twelve digits
        return number
    return f"{number[:4]}-{number[4:8]}-{number[8:]}"

"""What AWS has against what Sallyport believes, as the page shows it. Plain values for templates/difference."""

from dataclasses import dataclass

from portal.web.presenters.labels import AccountLabel, Badge
from portal.web.presenters.words import Moment

LOOKING = Badge("Looking", "wait", "hourglass")


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """One thing that is not alike. `refused`: why its repair was; `badge`: what became of it, if that was tried."""

    key: str
    where: str
    account: AccountLabel
    words: str
    repair: str
    grants: tuple[str, ...]
    can_repair: bool
    badge: Badge | None = None
    refused: str = ""


@dataclass(frozen=True, slots=True)
class DifferenceGroup:
    """All of one kind. `number`: how many there are; `rows`: the first of them."""

    anchor: str
    title: str
    number: int
    rows: tuple[DifferenceRow, ...]

    @property
    def more(self) -> int:
        return self.number - len(self.rows)


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A comparison that was asked for. `how_far` empty: no worker has begun; `is_slow`: it should have by now."""

    asked: Moment
    asked_by: str
    how_far: str
    is_slow: bool


@dataclass(frozen=True, slots=True)
class DifferencePage:
    """`made` None: nobody ever looked. `to_take_over`: denies in AWS that the next writing would lift.

    `hold`: why nothing is issued and revoked now. `looked_in_hold`: somebody looked since it began.
    """

    report_id: int = 0
    made: Moment | None = None
    made_by: str = ""
    problem: str = ""
    looked_at: int = 0
    is_clean: bool = False
    groups: tuple[DifferenceGroup, ...] = ()
    unasked: tuple[tuple[str, str], ...] = ()
    unsettled: tuple[str, ...] = ()
    repairable: int = 0
    to_take_over: int = 0
    under_way: UnderWay | None = None
    hold: str = ""
    looked_in_hold: bool = False
    looking_badge: Badge = LOOKING

    @property
    def unsettled_number(self) -> int:
        return len(self.unsettled)


@dataclass(frozen=True, slots=True)
class RepairView:
    """What a repair is going to do, in sentences: how often, and where names matter, to what."""

    report_id: int
    keys: tuple[str, ...]
    everything: bool
    number: int
    acts: tuple[tuple[str, tuple[str, ...]], ...]
    waits_for_release: bool


@dataclass(frozen=True, slots=True)
class VictimRow:
    """A person whom the cut of a role reaches. `sessions` empty: not in just now, but may open one."""

    name: str
    partner: str
    sessions: str
    grants: int


@dataclass(frozen=True, slots=True)
class CutRoleView:
    """Whom the cut of everybody on a role would end, by name."""

    name: str
    kind: str
    account: AccountLabel
    roles: tuple[str, ...]
    number_in: int
    inside: tuple[VictimRow, ...]
    outside: tuple[VictimRow, ...]
    before: Moment | None
    is_held: bool

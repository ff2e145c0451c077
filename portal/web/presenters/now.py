"""The operators' page: what ends next, what is late, what fails. Plain values, laid out by templates/now."""

from dataclasses import dataclass

from portal.web.presenters.charts import Bar, Row, Tick
from portal.web.presenters.labels import AccountLabel, Badge
from portal.web.presenters.words import Countdown, Moment


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that comes before everything else. `href` and `action`: what to do about it."""

    title: str
    text: str
    since: Moment | None = None
    href: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure at a glance. `badge` says in word and shape whether it is as it should be."""

    term: str
    value: str
    badge: Badge


@dataclass(frozen=True, slots=True)
class GrantLine:
    """A grant that ends next, or should have ended."""

    id: str
    role: str
    account: AccountLabel
    person: str
    partner: str
    countdown: Countdown


@dataclass(frozen=True, slots=True)
class WaitingLine:
    """A grant whose live sessions nobody has told AWS to refuse for over a minute."""

    grant_id: str
    role: str
    account: AccountLabel
    person: str
    since: Moment
    badge: Badge


@dataclass(frozen=True, slots=True)
class Failure:
    """Revocations of one AWS role or user that fail for the same reason. `grants`: id and words of the first few."""

    document_id: int
    where: str
    account: AccountLabel
    reason: str
    attempts: int
    since: Moment
    next_try: Moment
    grants: tuple[tuple[str, str], ...]
    more: int


@dataclass(frozen=True, slots=True)
class Listed:
    """Some lines, how many there are, and how many `more` than shown: in words, as counting stops at some point."""

    lines: tuple[GrantLine | WaitingLine | Failure, ...]
    number: str
    more: str


@dataclass(frozen=True, slots=True)
class StatePart:
    """What must be seen first. `says`: the same in a sentence, for those who hear the page.

    `fingerprint` changes when this does, not when time passes.
    """

    notices: tuple[Notice, ...]
    tiles: tuple[Tile, ...]
    overdue: Listed
    waiting: Listed
    failing: Listed
    says: str
    may_retry: bool
    may_open: bool
    fingerprint: str


@dataclass(frozen=True, slots=True)
class NextPart:
    """What ends in the hours to come, as bars over time, and who is next."""

    hours: int
    total: int
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    lines: tuple[GrantLine, ...]
    more: int
    may_open: bool
    fingerprint: str


@dataclass(frozen=True, slots=True)
class PolicySize:
    """One policy against its limit in characters."""

    name: str
    words: str
    percent: int


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """What the portal has written on one AWS role or user. `cut_id`: names it to whoever may cut everybody there."""

    cut_id: int | None
    name: str
    kind: str
    account: AccountLabel
    entries: int
    policies: tuple[PolicySize, ...]
    looked: Moment | None
    look_again: Moment | None
    badge: Badge


@dataclass(frozen=True, slots=True)
class UncutRole:
    """A role whose sessions nothing can cut short, and how many may use it."""

    title: str
    arn: str
    account: AccountLabel
    grants: int


@dataclass(frozen=True, slots=True)
class CutOffPart:
    """How long cut-offs took, what stands in AWS, and where nothing can be cut. `difference`: where it is compared."""

    days: int
    summary: str
    rows: tuple[Row, ...]
    documents: tuple[DocumentLine, ...]
    more_documents: bool
    uncut: tuple[UncutRole, ...]
    difference: str
    fingerprint: str

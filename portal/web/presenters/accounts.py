"""AWS accounts as those see them who look after them. Plain values for templates/accounts."""

from dataclasses import dataclass

from portal.web.presenters.labels import AccountLabel, Badge
from portal.web.presenters.providers import CopyField, Step
from portal.web.presenters.words import Moment


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account in the list of all. `partners`: whether they can be let in from their own accounts."""

    number: str
    label: AccountLabel
    partition: str
    roles: int
    partners: str
    badge: Badge
    verified: Moment | None


@dataclass(frozen=True, slots=True)
class Verification:
    """What the portal can and can't do in an account. `says`: the same in a sentence.

    `doing`: what is looked at now. `asked`: when somebody asked for what is under way. `can_ask`: nobody works on it.
    """

    badge: Badge
    says: str
    failed: tuple[Step, ...] = ()
    fine: tuple[Step, ...] = ()
    left_out: tuple[Step, ...] = ()
    verified: Moment | None = None
    is_under_way: bool = False
    doing: str = ""
    asked: Moment | None = None
    asked_by: str = ""
    can_ask: bool = True
    is_lost: bool = False
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class FileView:
    """A file that connects the account. `href`: where it is downloaded; `how`: how it is run."""

    id: str
    kind: str
    name: str
    text: str
    href: str
    how: str


@dataclass(frozen=True, slots=True)
class AccountPage:
    """One account: what to run in it, whether it worked, what it is called."""

    line: AccountLine
    is_hubs_own: bool
    files: tuple[FileView, ...]
    problem: str
    hub: str
    verification: Verification
    names: tuple[CopyField, ...]
    may_verify: bool
    change: str

"""A partner's own pages, for its people. Plain values for templates/company."""

from dataclasses import dataclass

from portal.web.presenters.labels import AccountLabel, Badge
from portal.web.presenters.pages import AuditRow
from portal.web.presenters.words import Countdown, Moment


@dataclass(frozen=True, slots=True)
class CompanyGrant:
    """A grant to one of the company's own AWS accounts: that it exists is no secret among its people."""

    id: str
    scope: str
    theirs: AccountLabel
    ours: AccountLabel
    countdown: Countdown
    badge: Badge


@dataclass(frozen=True, slots=True)
class Contact:
    """Who answers for the company on the other side."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class CompanyPage:
    """`notice`: what concerns all of it. `may_manage`: whether the reader is one of its admins; `admins`: who is."""

    name: str
    contract: Countdown
    begins: Moment
    ends: Moment
    badge: Badge
    sponsor: Contact | None
    deputy: Contact | None
    grants: tuple[CompanyGrant, ...]
    more: int
    people: str
    admins: tuple[str, ...]
    may_manage: bool
    notice: str = ""


@dataclass(frozen=True, slots=True)
class ColleagueRow:
    """Somebody of the company. `why`: why they are not active, where they are not.

    What the reader may do with them stands at the end.
    """

    id: str
    name: str
    email: str
    signs_in: str
    badge: Badge
    is_admin: bool
    last_seen: Moment | None = None
    why: str = ""
    can_deactivate: bool = False
    can_reactivate: bool = False
    can_be_admin: bool = False
    can_be_no_admin: bool = False


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """`places`: such as '3 of 25 places are taken'. `can_add`; `why_not`: why nobody can be added, if so."""

    company: str
    places: str
    active: tuple[ColleagueRow, ...]
    others: tuple[ColleagueRow, ...]
    more: int
    can_add: bool
    why_not: str = ""
    comes_by: str = ""


@dataclass(frozen=True, slots=True)
class CompanyEvent:
    """One event in words: `about` whom or what."""

    row: AuditRow
    about: str


@dataclass(frozen=True, slots=True)
class TrailPage:
    """A page of the company's events, newest first. `older`: the address of the next; empty at the end."""

    company: str
    events: tuple[CompanyEvent, ...]
    older: str
    is_first: bool

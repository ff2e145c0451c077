"""A person's own IAM users, of which they keep a key here, or bring it along."""

from dataclasses import dataclass

from portal.web.presenters.labels import AccountLabel
from portal.web.presenters.words import Moment


@dataclass(frozen=True, slots=True)
class OwnKey:
    """What of a key can be shown. `is_sealed`: its secret is kept here; else it is brought along for each call."""

    access_key_id: str
    mfa_serial: str
    is_sealed: bool
    since: Moment


@dataclass(frozen=True, slots=True)
class IamUserRow:
    """One IAM user. `enters`: the reader may enter a key; `is_elses`: somebody else has one of this user here."""

    id: str
    name: str
    title: str
    account: AccountLabel
    key: OwnKey | None
    enters: bool
    is_elses: bool

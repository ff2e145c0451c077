"""Who the reader is at which provider, and where another identity can be linked."""

from dataclasses import dataclass

from portal.web.presenters.pages import ProviderChoice
from portal.web.presenters.words import Moment


@dataclass(frozen=True, slots=True)
class IdentityRow:
    """One identity. `kept`: why its own person can't take it off; empty: they can. `gone`: what the provider says."""

    id: str
    provider: str
    login: str
    since: Moment
    last_seen: Moment | None
    gone: str = ""
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Identities:
    """`is_fresh`: the sign-in is young enough to change any of it. `others`: where another can be linked."""

    rows: tuple[IdentityRow, ...]
    others: tuple[ProviderChoice, ...]
    is_fresh: bool

"""The other pages: a grant's own with its history, credentials, a console link, revoking, tokens, signing in."""

from dataclasses import dataclass, field

from portal.web.presenters.cards import GrantCard
from portal.web.presenters.labels import AccountLabel, Badge
from portal.web.presenters.pasting import Snippet
from portal.web.presenters.words import Countdown, Moment


@dataclass(frozen=True, slots=True)
class CredentialsView:
    """The page that shows credentials. `expires`: when they cease to work; `issued`: since when they are kept.

    `length_why`: which rule says how long they last.
    """

    grant_id: str
    role_name: str
    account: AccountLabel
    countdown: Countdown
    expires: Moment
    issued: Moment | None
    length_why: str
    snippets: tuple[Snippet, ...]


@dataclass(frozen=True, slots=True)
class ConsoleLink:
    """The page that a single-use link opens."""

    token: str = field(repr=False)
    person: str
    role_name: str
    account: AccountLabel
    destination: str
    countdown: Countdown


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """A step in a grant's life. `state`: `done`, `now`, `todo`, `failed`, `none` for one that does not come.

    No `moment` while it lies ahead.
    """

    label: str
    state: str
    moment: Moment | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One AwsSession. `kind`: 'Console' or 'Credentials'."""

    name: str
    kind: str
    person: str
    origin: str
    issued: Moment
    expires: Moment
    badge: Badge


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One audit event in words."""

    moment: Moment
    event: str
    actor: str
    origin: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RevocationView:
    """How the AWS-side end stands. `applied`, `proven`: how long it took until AWS had it, and was seen to obey."""

    badge: Badge
    words: str
    attempts: int = 0
    applied: str = ""
    proven: str = ""
    next_try: Moment | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class GrantPage:
    """Everything on a grant's page. `person`: who holds it. What the reader may do stands towards the end.

    `is_for_account`: it is to a partner's AWS account, and a role was made for it alone.
    """

    card: GrantCard
    person: str
    role_arn: str
    period: str
    timeline: tuple[TimelineEvent, ...]
    sessions: tuple[SessionRow, ...]
    events: tuple[AuditRow, ...]
    revocation: RevocationView | None = None
    revocable: bool = False
    extendable: bool = False
    releasable: bool = False
    cuttable: bool = False
    is_for_account: bool = False


@dataclass(frozen=True, slots=True)
class EndView:
    """What is going to end, by name and number. `countdown`: to the grant's own end.

    `longest`: until when the last session may live by itself.
    """

    grant_id: str
    person: str
    role_name: str
    account: AccountLabel
    countdown: Countdown
    live_console: int
    live_credentials: int
    longest: Moment | None = None
    has_kill_switch: bool = True
    others_on_role: int = 0
    is_for_account: bool = False


@dataclass(frozen=True, slots=True)
class ExtendView:
    """What an extension changes: the `end` as it is, and the sessions that keep theirs."""

    grant_id: str
    person: str
    role_name: str
    account: AccountLabel
    countdown: Countdown
    end: Moment
    live: str
    window: str = ""
    contract: str = ""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One API token, of which only `prefix` can be shown. `programs`: how many stop with it."""

    id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    badge: Badge
    expires: Moment
    last_used: Moment | None = None
    programs: int = 0


@dataclass(frozen=True, slots=True)
class ProviderChoice:
    """An identity provider to sign in with. `begin_url`: where its button leads; `is_posted`: by a form, not a link."""

    slug: str
    name: str
    hint: str = ""
    begin_url: str = ""
    is_posted: bool = True

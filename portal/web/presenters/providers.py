"""Identity providers as admins see them. Plain values for templates/providers."""

from dataclasses import dataclass, field

from portal.web.presenters.labels import Badge
from portal.web.presenters.words import Moment


@dataclass(frozen=True, slots=True)
class LastWord:
    """What a provider last told: `words`, such as 'sign-in' or 'sync', and when; no moment: it never did."""

    words: str
    moment: Moment | None = None


@dataclass(frozen=True, slots=True)
class ProviderLine:
    """A provider in the list of all."""

    slug: str
    name: str
    kind: str
    company: str
    people: int
    badge: Badge
    last: LastWord


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and what to do about it."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class CopyField:
    """A value to hand to the provider, copied whole. `id` is unique on the page."""

    id: str
    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a try. `badge`: ok, failed or not reached."""

    name: str
    badge: Badge
    detail: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of walking a provider's steps. `says`: the same in a sentence."""

    steps: tuple[Step, ...]
    says: str
    is_ok: bool

    @property
    def failed(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.badge.tone == "danger")

    @property
    def fine(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.badge.tone == "live")


@dataclass(frozen=True, slots=True)
class SyncChange:
    """One thing that a sync changed: whom, what became of them, and why if it was told."""

    who: str
    what: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class SyncPart:
    """A directory's last sync. `how_far` while one is under way; `question` where it stopped and asks."""

    badge: Badge
    asked: Moment | None = None
    asked_by: str = ""
    ended: Moment | None = None
    is_under_way: bool = False
    is_slow: bool = False
    how_far: str = ""
    counts: tuple[tuple[str, int], ...] = ()
    changes: tuple[SyncChange, ...] = ()
    problem: str = ""
    question: str = ""
    every: str = ""
    can_ask: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """A certificate: the beginning of its SHA-256, and until when. `state`: as in both, only pinned or only offered."""

    fingerprint: str
    ends: str
    badge: Badge | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """An address that is another in what is offered."""

    term: str
    pinned: str
    offered: str


@dataclass(frozen=True, slots=True)
class Offer:
    """Metadata that waits for a yes, against what is pinned. `token` names this very offer; `problem`: unreadable."""

    token: str
    since: Moment
    keys: tuple[Key, ...]
    addresses: tuple[Changed, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SamlPart:
    """A SAML provider's metadata: what is pinned, and where it is refreshed from."""

    entity_id: str
    sso_url: str
    keys: tuple[Key, ...]
    problem: str
    metadata_url: str
    is_signed: bool
    refreshed: Moment | None
    refresh_problem: str
    offer: Offer | None


@dataclass(frozen=True, slots=True)
class ScimTokenRow:
    """A provider's key to SCIM."""

    id: str
    name: str
    prefix: str
    badge: Badge
    expires: Moment
    last_used: Moment | None


@dataclass(frozen=True, slots=True)
class ScimPart:
    """How a company's identity system provisions here."""

    address: CopyField
    subject: str
    tokens: tuple[ScimTokenRow, ...]


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """A sign-in that was refused: why, in words, and what to do. `reason`: the code; `detail`: for the auditor."""

    moment: Moment
    words: str
    advice: str
    reason: str
    detail: str
    ip: str


@dataclass(frozen=True, slots=True)
class ProviderPage:
    """One provider. `may_act`: whether whoever looks may change anything; `edit`: where its settings are."""

    slug: str
    name: str
    kind: str
    company: str
    badge: Badge
    problems: tuple[Problem, ...]
    facts: tuple[tuple[str, str], ...]
    mapping: tuple[tuple[str, str], ...]
    last: LastWord
    hand_over: tuple[CopyField, ...]
    refusals: tuple[RefusalRow, ...]
    edit: str
    may_act: bool
    can_test: bool
    saml: SamlPart | None = None
    sync: SyncPart | None = None
    scim: ScimPart | None = None
    tried: Tried | None = field(default=None)

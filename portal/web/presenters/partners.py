"""Partners as admins see them. Plain values for templates/partners."""

from dataclasses import dataclass

from portal.web.presenters.labels import AccountLabel, Badge
from portal.web.presenters.pages import AuditRow
from portal.web.presenters.providers import CopyField
from portal.web.presenters.timeline import Timeline
from portal.web.presenters.words import Countdown, Moment


@dataclass(frozen=True, slots=True)
class PartnerLine:
    """A partner in the list of all. `contract`: a countdown over the contract, for its bar."""

    slug: str
    name: str
    sponsor: str
    contract: Countdown
    grants: str
    accounts: str
    badge: Badge


@dataclass(frozen=True, slots=True)
class RoleState:
    """How the role made for a grant stands in AWS. `seconds`: how long what was done last took; `now`: not settled.

    `fingerprint` changes when this does, not when time passes.
    """

    badge: Badge
    words: str
    is_settled: bool
    seconds: str = ""
    attempts: int = 0
    next_try: Moment | None = None
    last_error: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class PartnerGrantLine:
    """A grant of the company's. `is_account`: to one of its AWS accounts; `role_state`: of the role made for it."""

    id: str
    subject: str
    is_account: bool
    role: str
    account: AccountLabel
    scope: str
    granted_by: str
    begin: Moment
    end: Moment
    countdown: Countdown
    badge: Badge
    role_state: RoleState | None = None


@dataclass(frozen=True, slots=True)
class ProofStep:
    """One real call of a proof: what was tried, what had to come of it, and what AWS said."""

    what: str
    expected: str
    answer: str
    badge: Badge
    moment: Moment | None = None


@dataclass(frozen=True, slots=True)
class ProofView:
    """A proof of an ExternalId in one of our accounts."""

    kind: str
    badge: Badge
    where: AccountLabel
    asked: Moment
    words: str
    steps: tuple[ProofStep, ...] = ()
    done: Moment | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class ExternalIdView:
    """An ExternalId of one of its accounts. `until`: an older one, accepted until then; None: the current one."""

    field: CopyField
    badge: Badge
    made: Moment
    until: Moment | None = None


@dataclass(frozen=True, slots=True)
class PartnerAccountView:
    """An AWS account of the partner's own, with what it sends and how that was proven."""

    id: str
    label: AccountLabel
    partition: str
    badge: Badge
    added: Moment
    is_open: bool
    closed: Moment | None
    external_ids: tuple[ExternalIdView, ...]
    proofs: tuple[ProofView, ...]
    proof_badge: Badge


@dataclass(frozen=True, slots=True)
class ContactRow:
    name: str
    what_for: str
    email: str
    phone: str


@dataclass(frozen=True, slots=True)
class PersonRow:
    name: str
    email: str
    is_admin: bool


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """Where its people sign in. `groups`: how many it told of; `address`: its page, for those who may see it."""

    name: str
    groups: int
    is_enabled: bool
    address: str = ""


@dataclass(frozen=True, slots=True)
class Rights:
    """What whoever looks may do here."""

    may_change: bool
    may_grant: bool
    may_edit: bool
    may_open: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """How many there are in words, as counting stops at some point, and how many more than shown."""

    number: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class RolesPart:
    """The table of grants, asked anew while a role is not settled. `says`: the same in a sentence."""

    slug: str
    grants: tuple[PartnerGrantLine, ...]
    listing: Listing
    ended: tuple[PartnerGrantLine, ...]
    is_settled: bool
    says: str
    fingerprint: str
    may_open: bool
    may_grant: bool


@dataclass(frozen=True, slots=True)
class PartnerPage:
    """One partner: what it has, by whom, until when. `problem`: what keeps it from being granted anything."""

    slug: str
    name: str
    legal_name: str
    badge: Badge
    contract: Countdown
    contract_starts: Moment
    contract_ends: Moment
    sponsor: str
    deputy: str
    data_class: str
    notes: str
    contacts: tuple[ContactRow, ...]
    documents: tuple[tuple[str, str], ...]
    accounts: tuple[PartnerAccountView, ...]
    roles: RolesPart
    timeline: Timeline | None
    people: tuple[PersonRow, ...]
    people_listing: Listing
    quota: int
    providers: tuple[ProviderRow, ...]
    trail: tuple[AuditRow, ...]
    edit: str
    rights: Rights
    problem: str = ""
    suspended: Moment | None = None

    @property
    def open_accounts(self) -> int:
        return sum(1 for account in self.accounts if account.is_open)


@dataclass(frozen=True, slots=True)
class AccountPage:
    """One AWS account of a partner's. `places`: our accounts (id and name) in which it can be proven.

    `is_settled`: no proof is under way. `fingerprint` changes when the proofs do, not when time passes.
    """

    slug: str
    partner: str
    account: PartnerAccountView
    places: tuple[tuple[str, str], ...]
    grants: tuple[PartnerGrantLine, ...]
    may_change: bool
    may_grant: bool
    is_settled: bool
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SuspensionView:
    """What a suspension would end, by name and number. `uncut`: what has live sessions that nothing can cut short."""

    slug: str
    name: str
    grants: tuple[PartnerGrantLine, ...]
    grants_listing: Listing
    roles: Listing
    role_names: tuple[str, ...]
    sessions: Listing
    session_names: tuple[str, ...]
    uncut: tuple[str, ...]
    people: str


@dataclass(frozen=True, slots=True)
class RoleProgress:
    """One role on its way out, as the progress of a suspension shows it."""

    grant_id: str
    subject: str
    name: str
    account: AccountLabel
    state: RoleState


@dataclass(frozen=True, slots=True)
class Progress:
    """How far AWS is with what a suspension ended: all roles, and how many are gone. `cutting`: of people's grants.

    `seconds`: how long it took, once all is done. `fingerprint` changes when this does, not when time passes.
    """

    slug: str
    name: str
    is_suspended: bool
    since: Moment
    total: int
    gone: int
    percent: int
    rows: tuple[RoleProgress, ...]
    more: str
    is_done: bool
    seconds: str
    says: str
    fingerprint: str
    cutting: str = ""

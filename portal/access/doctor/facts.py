"""What the doctor is told and what it knows: facts that were gathered, no database and no call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from brokers.types import Decision, DeniedCall, RoleDifference
from portal.access.lifecycle import GrantState, PartnerRoleState

ENTERING = frozenset({"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"})
DENIALS = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403"}
)


class Verdict(StrEnum):
    """What a step found. maybe: it could be this, and it can't be seen from here. unknown: nothing was told of it."""

    OK = "ok"
    STOPPED = "stopped"
    MAYBE = "maybe"
    UNKNOWN = "unknown"


class DenyKind(StrEnum):
    """Which of the denies that stand in every partner's role it is that denies a call."""

    WINDOW = "window"
    CHAINING = "chaining"
    OWN_ROLE = "own_role"
    SCOPE = "scope"


@dataclass(frozen=True, slots=True)
class DoctorStep:
    """One thing that was looked at. `paste`: text for whoever mends it, such as a policy's statement."""

    name: str
    verdict: Verdict
    detail: str
    advice: str = ""
    paste: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of the call that failed.

    `external_id`: what was sent; empty: none was; None: nobody says. `call`: what AWS's own error says.
    `is_denied`: AWS refused it, rather than anything else, or nobody says what happened.
    """

    at: datetime
    role_arn: str = ""
    account: str = ""
    principal_arn: str = ""
    external_id: str | None = None
    duration: timedelta | None = None
    sends_tags: bool = False
    sends_source_identity: bool = False
    action: str = ""
    resource: str = ""
    call: DeniedCall = field(default_factory=DeniedCall)
    error_text: str = ""

    @property
    def is_denied(self) -> bool:
        return bool(self.error_text) and (
            self.call.error_code in DENIALS or "not authorized" in self.error_text
        )

    @property
    def because(self) -> str:
        """Why AWS says it refused, in small letters; the whole error where nobody took it apart."""
        return (self.call.because or self.error_text).lower()


@dataclass(frozen=True, slots=True)
class KnownExternalId:
    """An ExternalId of the partner's account. `accepted_until` None: it is the current one."""

    value: str
    accepted_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class GrantFacts:
    state: GrantState
    starts_at: datetime
    ends_at: datetime
    ended_at: datetime | None = None
    end_reason: str = ""


@dataclass(frozen=True, slots=True)
class PartnerFacts:
    """The company, and its AWS account that the grant is for. `accounts`: names of all its open ones, by number."""

    name: str
    contract_starts_at: datetime
    contract_ends_at: datetime
    account: str
    account_name: str
    suspended_at: datetime | None = None
    account_closed_at: datetime | None = None
    accounts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """The role that was made for the grant, as its row has it. `has_changes_under_way`: AWS doesn't have all yet."""

    arn: str
    state: PartnerRoleState
    principal_arn: str
    max_session: timedelta
    made_at: datetime | None = None
    closing_at: datetime | None = None
    gone_at: datetime | None = None
    last_error: str = ""
    next_try_at: datetime | None = None
    has_changes_under_way: bool = False

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class AwsFacts:
    """What AWS shows of the role now. `silent`: why it tells nothing. `is_there` None: it was not asked, or silent."""

    silent: str = ""
    is_there: bool | None = True
    differences: tuple[RoleDifference, ...] = ()


@dataclass(frozen=True, slots=True)
class ScopeFacts:
    """What the role's own policies say of the call. `decided` None: nobody says which call it was, or it is unknown.

    `reaches`: whether they allow that action on anything at all. `allows`: what they allow, in words. `managed`: ARNs
    of managed policies that count as well, and that nobody here can read.
    """

    decided: Decision | None = None
    reaches: bool = False
    denied_by: DenyKind | None = None
    allows: tuple[str, ...] = ()
    managed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is looked at for one grant to a partner's account. `anothers_id`: whose the ExternalId is otherwise."""

    told: Told
    role: RoleFacts
    grant: GrantFacts
    partner: PartnerFacts
    external_ids: tuple[KnownExternalId, ...] = ()
    anothers_id: str = ""
    aws: AwsFacts = AwsFacts()
    scope: ScopeFacts = ScopeFacts()

    @property
    def caller_arn(self) -> str:
        return self.told.principal_arn or self.told.call.caller_arn

    @property
    def is_inside(self) -> bool:
        """Whether they got in, and a call with the role's credentials failed."""
        caller, action = self.told.call.caller_arn, self.told.action
        if not caller:
            return bool(action) and action not in ENTERING
        return role_name_of(caller) == self.role.name and account_of(caller) == account_of(self.role.arn)

    @property
    def is_entering(self) -> bool:
        """Whether it is getting in that failed."""
        return not self.is_inside and self.told.action in ENTERING

    @property
    def account(self) -> str:
        """The account that the call came from: told, or of the ARN that called; empty where nobody says."""
        return self.told.account or account_of(self.caller_arn)


def account_of(arn: str) -> str:
    parts = arn.split(":")
    return parts[4] if len(parts) > 5 and parts[0] == "arn" else ""  # noqa: PLR2004  # arn:partition:service:region:account:…


def role_name_of(arn: str) -> str:
    """Return the name of the role of an ARN, a role's or an assumed one's; empty for anything else."""
    kind, *rest = arn.split(":", 5)[-1].split("/") if arn.startswith("arn:") else [""]
    if kind == "assumed-role" and rest:
        return rest[0]
    return rest[-1] if kind == "role" and rest else ""

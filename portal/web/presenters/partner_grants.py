"""A grant to a partner's AWS account, before and after it is made. Plain values for the templates."""

from dataclasses import dataclass

from portal.web.presenters.labels import AccountLabel, Badge
from portal.web.presenters.now import PolicySize
from portal.web.presenters.partners import ProofView, RoleState
from portal.web.presenters.providers import CopyField
from portal.web.presenters.words import Moment


@dataclass(frozen=True, slots=True)
class AccessLevel:
    """What it lets somebody do on one level. `changes`: more than looking."""

    level: str
    actions: str
    changes: bool


@dataclass(frozen=True, slots=True)
class AccessRow:
    service: str
    levels: tuple[AccessLevel, ...]
    resources: tuple[str, ...]
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FindingRow:
    badge: Badge
    where: str
    text: str
    advice: str


@dataclass(frozen=True, slots=True)
class GrantPreview:
    """All of it. `whom`: who that is, where the ARN alone doesn't tell; `sent`: what was typed, to carry it on."""

    slug: str
    partner: str
    summary: str
    theirs: AccountLabel
    principal: str
    whom: str
    ours: AccountLabel
    starts: Moment
    starts_now: bool
    ends: Moment
    reason: str
    access: tuple[AccessRow, ...]
    findings: tuple[FindingRow, ...]
    sizes: tuple[PolicySize, ...]
    managed_policy_arns: tuple[str, ...]
    trust: str
    permissions: str
    sent: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PartnerPart:
    """On the page of a grant to a partner's account: its role, who may assume it, and what they send for it.

    `proof`: the newest of the current ExternalId in that account; None: not asked for yet. `waits_for_proof`: the
    role is not made before it. `hand_over`: the page of what the partner needs. `fingerprint` changes when this
    does, not when time passes.
    """

    grant_id: str
    partner: str
    slug: str
    account_id: str
    account: AccountLabel
    principal_arn: str
    whole_account: bool
    external_ids: tuple[CopyField, ...]
    state: RoleState
    proof: ProofView | None
    waits_for_proof: bool
    sees_partner: bool
    hand_over: str
    fingerprint: str

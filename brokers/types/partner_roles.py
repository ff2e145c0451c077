"""Values of the roles that are made for partners, and of what is compared of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from brokers.types.aws import Partition


@dataclass(frozen=True, slots=True)
class AccountPlace:
    """An AWS account in which roles are made for partners. `via_role_arn`: the provisioner that the hub assumes."""

    partition: Partition
    account_id: str
    via_role_arn: str


@dataclass(frozen=True, slots=True)
class AcceptedExternalId:
    """An ExternalId that a trust policy accepts. `until`: from then on AWS refuses it; None: as long as the role."""

    value: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class PartnerRoleSpec:
    """A role that is made for one grant to a partner, as it should stand in AWS.

    `principal_arn`: the partner's account (`arn:aws:iam::ACCOUNT:root`), or one role or user of it. `path` begins and
    ends with a slash. `policy`: what the scope allows, frozen in the grant; `starts_at`, `ends_at`: the grant's window,
    which stands in the trust policy and in the permissions.
    """

    place: AccountPlace
    path: str
    name: str
    principal_arn: str
    external_ids: tuple[AcceptedExternalId, ...]
    starts_at: datetime
    ends_at: datetime
    max_session: timedelta
    policy: Mapping[str, Any] | None
    managed_policy_arns: tuple[str, ...] = ()
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PartnerRoleSizes:
    """Characters as IAM counts them, each beside its limit: 2,048 of trust policy, 10,240 of inline policies."""

    trust: int
    trust_limit: int
    inline: int
    inline_limit: int


@dataclass(frozen=True, slots=True)
class StandingRole:
    """A role as AWS shows it now. `inline`: documents by name; `attached`: ARNs of managed policies."""

    name: str
    path: str
    arn: str
    unique_id: str
    description: str
    max_session: timedelta
    trust: Mapping[str, Any]
    inline: Mapping[str, Mapping[str, Any]]
    attached: tuple[str, ...]
    boundary_arn: str | None
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ListedRole:
    """One role of a listing of the portal's own path."""

    name: str
    path: str
    arn: str
    unique_id: str


class DriftKind(StrEnum):
    """How what stands in AWS differs from what should. widened: it may allow more than it should."""

    CHANGED = "changed"
    WIDENED = "widened"
    PRINCIPAL_REMADE = "principal_remade"
    REMADE = "remade"
    ORPHANED = "orphaned"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class RoleDifference:
    """One part of a role that is not as it should be.

    `part`: path, trust, permissions, attached, boundary, max_session, tags or description. `wanted` and `found`:
    canonical, fit for JSON. `why`: a sentence for whoever must decide.
    """

    part: str
    kind: DriftKind
    wanted: Any
    found: Any
    why: str


@dataclass(frozen=True, slots=True)
class AccountRoles:
    """What stands in a connected account: the two roles that the hub assumes, and the boundary of partners' roles."""

    revoker_arn: str
    provisioner_arn: str
    boundary_arn: str


@dataclass(frozen=True, slots=True)
class AccountFile:
    """One way to connect an account: a file to run there, with all that it makes. `kind` names the tool."""

    kind: str
    name: str
    text: str

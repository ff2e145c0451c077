"""Values of AWS: credentials, calls, denies, probes, console sign-in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class Partition(StrEnum):
    """AWS partitions: accounts, ARNs and sign-in hosts never mix between them."""

    AWS = "aws"
    CHINA = "aws-cn"
    US_GOV = "aws-us-gov"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Temporary credentials as STS returns them. The session token has no maximum length."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Scope:
    """What a session may do within its role: one inline policy and managed policies (at most 10 ARNs).

    `policy` None means: everything the role itself allows.
    """

    policy: Mapping[str, Any] | None = None
    managed_policy_arns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AssumeRoleCall:
    """One sts:AssumeRole. `ends_at` is the grant's end, which the session policy enforces to the second.

    `duration`: 900 s to the role's `max_session` (3,600 s at most when the hub's own credentials are temporary,
    which makes it role chaining). `source_identity` and `tags` are sent only when given. `via_role_arn`: the role that
    the hub takes first, which makes it role chaining too.
    """

    role_arn: str
    session_name: str
    duration: timedelta
    max_session: timedelta
    ends_at: datetime
    scope: Scope = Scope()
    tags: Mapping[str, str] = field(default_factory=dict)
    source_identity: str | None = None
    external_id: str | None = None
    via_role_arn: str | None = None


@dataclass(frozen=True, slots=True)
class FederationTokenCall:
    """One sts:GetFederationToken by the hub's IAM user. `duration`: 900 to 129,600 s; `name`: 2 to 32 characters.

    `user_arn`: the user whose deny is to end the session. Refused where the hub calls as anybody else.
    """

    partition: Partition
    name: str
    duration: timedelta
    ends_at: datetime
    scope: Scope = Scope()
    tags: Mapping[str, str] = field(default_factory=dict)
    user_arn: str | None = None


@dataclass(frozen=True, slots=True)
class IssuedSession:
    """What AWS answered. `userid` is the `aws:userid` of it: `AROA…:session` or `account:name`.

    `identity_id`: of a Cognito identity, by which its sessions are told apart: they share one name.
    """

    credentials: Credentials
    arn: str
    userid: str
    packed_policy_percent: int | None
    request_id: str
    identity_id: str = ""


@dataclass(frozen=True, slots=True)
class SignInUrl:
    """A console sign-in URL. AWS honours it for 15 minutes, more than once: a secret, never stored or logged."""

    url: str = field(repr=False)
    expires_at: datetime


class PrincipalKind(StrEnum):
    """Which kind of IAM principal carries a deny document."""

    ROLE = "role"
    USER = "user"


@dataclass(frozen=True, slots=True)
class DenyTarget:
    """The IAM role or user whose inline deny document ends sessions.

    `via_role_arn`: the role in the target's account that the hub assumes to write it; None: the hub writes itself.
    """

    partition: Partition
    account_id: str
    kind: PrincipalKind
    name: str
    via_role_arn: str | None = None


@dataclass(frozen=True, slots=True)
class DenyPolicySize:
    """One policy of the portal's own that stands on a principal. `characters` as IAM counts them."""

    name: str
    characters: int
    entries: int


@dataclass(frozen=True, slots=True)
class StandingDeny:
    """What of the portal's own stands on a role or user in AWS now: the sessions denied, and in which policies.

    `issued_before`: every session is denied that AWS issued before then. `intact` False: a policy of the portal's
    name is there that the portal would not have written like that; what it denies is not counted.
    """

    entries: frozenset[str] = frozenset()
    issued_before: datetime | None = None
    policies: tuple[DenyPolicySize, ...] = ()
    intact: bool = True


@dataclass(frozen=True, slots=True)
class OwnPolicy:
    """A managed policy under the portal's own path in an account. `attached`: to how many principals.

    `kind` and `principal`: whose denies it holds, by its name; both None, or `is_own` False: it isn't the portal's.
    """

    name: str
    attached: int
    is_own: bool
    kind: PrincipalKind | None = None
    principal: str | None = None


class ProbeAction(StrEnum):
    """Harmless calls that need a permission, change nothing and reveal next to nothing."""

    ACCESS_KEY_INFO = "sts:GetAccessKeyInfo"
    LIST_BUCKETS = "s3:ListAllMyBuckets"
    LIST_ALIASES = "iam:ListAccountAliases"


class ProbeAnswer(StrEnum):
    """How AWS answered a probe. Only an explicit deny is one of ours: not_allowed may be a lack of rights."""

    ALLOWED = "allowed"
    EXPLICIT_DENY = "explicit_deny"
    NOT_ALLOWED = "not_allowed"


@dataclass(frozen=True, slots=True)
class ProbeCall:
    """A session of the portal's own under `session_name`, fit for `action` alone, and that one call with it.

    `principal_arn`: the role that is assumed, or the user that calls GetFederationToken. `via_role_arn`: the role that
    the hub takes first. `entry`: the deny that is to be tried out; one that isn't by the session's name alone
    (`…<TIME`, `sub=…`) stops no session that the portal can make by itself, and is refused.
    """

    partition: Partition
    kind: PrincipalKind
    principal_arn: str
    session_name: str
    action: ProbeAction
    source_identity: str | None = None
    entry: str = ""
    via_role_arn: str | None = None

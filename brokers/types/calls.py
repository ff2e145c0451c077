"""The other calls that give temporary credentials, and as whom the portal makes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from brokers.types.aws import Partition, Scope
from brokers.types.identity import SamlIdentity


class HubKind(StrEnum):
    """As whom AWS is called for an account."""

    KEYS = "keys"
    ROLE = "role"
    AMBIENT = "ambient"
    WEB_IDENTITY = "web_identity"


@dataclass(frozen=True, slots=True)
class HubSpec:
    """A hub of an account's own. `kind` says which of the fields count.

    keys: `access_key_id` and `secret_access_key`. role: `role_arn` (and `external_id`), which the portal's own hub
    assumes first. ambient: botocore's provider chain. web_identity: `role_arn` by the token in `token_file`.
    """

    kind: HubKind
    region: str = ""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    role_arn: str = ""
    external_id: str = ""
    token_file: str = ""


@dataclass(frozen=True, slots=True)
class SamlCall:
    """One sts:AssumeRoleWithSAML. `assertion`: the base64 SAMLResponse, verified already; it names the session.

    `duration`: 900 s to the role's `max_session`; at most until the assertion's own SessionNotOnOrAfter.
    """

    role_arn: str
    provider_arn: str
    duration: timedelta
    max_session: timedelta
    ends_at: datetime
    session_name: str
    assertion: str = field(repr=False)
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class WebIdentityCall:
    """One sts:AssumeRoleWithWebIdentity. `token`: an OpenID Connect ID token, verified already. We name the session."""

    role_arn: str
    session_name: str
    duration: timedelta
    max_session: timedelta
    ends_at: datetime
    token: str = field(repr=False)
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class SessionTokenCall:
    """One sts:GetSessionToken with the IAM user's own key and MFA code.

    It carries no policy: `duration` (900 to 129,600 s) must not reach past `ends_at`.
    """

    partition: Partition
    user_arn: str
    access_key_id: str
    mfa_serial: str
    duration: timedelta
    ends_at: datetime
    secret_access_key: str = field(repr=False)
    mfa_code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CognitoCall:
    """cognito-identity:GetId and GetCredentialsForIdentity (the enhanced flow): an hour, always, and no policy.

    `logins`: provider name to token, verified already. `ends_at` must be an hour away at least. `role_arn`: which role
    the answer must be of (and the custom role that is asked for).
    """

    identity_pool_id: str
    account_id: str
    role_arn: str
    ends_at: datetime
    logins: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeveloperIdentityCall:
    """cognito-identity:GetOpenIdTokenForDeveloperIdentity by the hub, then sts:AssumeRoleWithWebIdentity (basic flow).

    `user`: what the developer provider calls the person. The token lives `token_duration` (1 to 86,400 s).
    """

    identity_pool_id: str
    developer_provider: str
    user: str
    role_arn: str
    session_name: str
    duration: timedelta
    max_session: timedelta
    ends_at: datetime
    token_duration: timedelta = timedelta(minutes=5)
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class RootTaskCall:
    """One sts:AssumeRoot on a member account, for one of AWS's task policies: 900 s at most, no policy of ours."""

    partition: Partition
    account_id: str
    task: str
    duration: timedelta
    ends_at: datetime
    region: str = ""


@dataclass(frozen=True, slots=True)
class SamlForAws:
    """What a verified assertion says to AWS: which roles by which provider, and the name of the session.

    Source: IAM User Guide, "Configure SAML assertions for the authentication response". `session_duration`: the
    SessionDuration attribute, which counts for the console alone.
    """

    identity: SamlIdentity
    roles: tuple[tuple[str, str], ...]
    session_name: str
    session_duration: timedelta | None = None
    source_identity: str = ""

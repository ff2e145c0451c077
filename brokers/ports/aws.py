"""What the portal may ask of AWS."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from brokers.ports.partner_roles import PartnerPorts
from brokers.types import (
    AssumeRoleCall,
    CognitoCall,
    Credentials,
    DenyTarget,
    DeveloperIdentityCall,
    FederationTokenCall,
    HubSpec,
    IssuedSession,
    OwnPolicy,
    Partition,
    ProbeAnswer,
    ProbeCall,
    RootTaskCall,
    SamlCall,
    Scope,
    SessionTokenCall,
    SignInUrl,
    StandingDeny,
    WebIdentityCall,
)


class CredentialsBroker(Protocol):
    """Obtains temporary credentials. Every call is validated before it leaves and carries the grant's end.

    Does *not* check that anybody was granted anything: that is `portal.access`'s work, before it calls.

    Raises:
        LimitExceeded, NotPossible: before any call.
        AwsRefused, AwsAccessDenied, PolicyTooLarge, AwsUnavailable: what AWS did.
    """

    def assume_role(self, call: AssumeRoleCall) -> IssuedSession: ...

    def get_federation_token(self, call: FederationTokenCall) -> IssuedSession: ...


class EveryCall(CredentialsBroker, Protocol):
    """All calls that give temporary credentials. Raises as CredentialsBroker."""

    def assume_role_with_saml(self, call: SamlCall) -> IssuedSession:
        """The assertion was verified before: AWS is only who it is meant for."""

    def assume_role_with_web_identity(self, call: WebIdentityCall) -> IssuedSession: ...

    def get_session_token(self, call: SessionTokenCall) -> IssuedSession:
        """With the user's own key, never the hub's. Raises NotPossible where it would outlive the grant."""

    def get_cognito_credentials(self, call: CognitoCall) -> IssuedSession:
        """GetId and GetCredentialsForIdentity. Raises NotPossible where the grant ends within the hour."""

    def get_developer_credentials(self, call: DeveloperIdentityCall) -> IssuedSession: ...

    def assume_root(self, call: RootTaskCall) -> IssuedSession: ...


class ConsoleBroker(Protocol):
    """Turns temporary credentials into a console sign-in URL, by POST, for the partition's own hosts only.

    `session_duration` is for AssumeRole credentials of an unchained role alone (900 to 43,200 s); None for
    federation tokens and chained roles, where AWS refuses it.
    """

    def sign_in_url(
        self,
        credentials: Credentials,
        *,
        partition: Partition,
        destination: str,
        issuer: str,
        session_duration: timedelta | None,
    ) -> SignInUrl: ...

    def check_destination(self, partition: Partition, destination: str) -> None:
        """Raise NotPossible unless `destination` is https on one of the partition's console hosts."""

    def sign_in_origins(self) -> tuple[str, ...]:
        """Return the origins that a sign-in redirect can lead to (the pages' form-action must list them)."""


class DenyWriter(Protocol):
    """Reads and replaces what is the portal's own on a role or user to end sessions: nothing else is touched.

    One inline policy, and, where that has no room, managed policies of the portal's own. Does *not* merge: the
    caller holds the target's lease and gives all entries. Safe to repeat.
    """

    def read(self, target: DenyTarget) -> StandingDeny:
        """Return what stands in AWS now. AwsRefused with NoSuchEntity: the principal is gone."""

    def write(
        self, target: DenyTarget, entries: Collection[str], *, issued_before: datetime | None = None
    ) -> None:
        """Have exactly `entries` denied; with none (and no `issued_before`), leave nothing of ours behind.

        Raises:
            LimitExceeded: the principal has no room for all of them; nothing was changed then.
            NotPossible: AWS keeps the principal for itself.
        """


class Prober(Protocol):
    """Finds out by a real call whether AWS denies a session of that name. The session is thrown away at once.

    Does *not* retry, and does not judge: NOT_ALLOWED is neither allowed nor denied by us.
    """

    def probe(self, call: ProbeCall) -> ProbeAnswer:
        """Raise as CredentialsBroker where no session is to be had, AwsUnavailable where no answer came."""


@dataclass(frozen=True, slots=True)
class HubPorts:
    """As whom AWS is asked for an account's roles.

    `is_chained`: on temporary credentials, so that AssumeRole gives an hour at most. `prober`: by whom that hub's roles
    are tried: they trust no other.
    """

    credentials: EveryCall
    is_chained: bool
    prober: Prober


class PrincipalReader(Protocol):
    """Reads what AWS knows of a role or user."""

    def unique_id(self, target: DenyTarget) -> str:
        """Return the RoleId (AROA...) or UserId (AIDA...). AwsRefused with NoSuchEntity when there is none."""


class PolicyLister(Protocol):
    """Finds what of the portal's own may have been left behind in an account."""

    def own_policies(self, target: DenyTarget) -> Sequence[OwnPolicy]:
        """Return all managed policies under the portal's path in `target`'s account, by way of its role."""


@dataclass(frozen=True, slots=True)
class AwsPorts:
    """All that the portal asks of AWS, as `portal.wiring` puts it together.

    `hub_is_chained`: the hub works on temporary credentials, so AssumeRole gives an hour at most and
    GetFederationToken is not possible. `check_scope` raises as issuing would when the policy that the scope
    and the grant's end make is not fit to send; `check_deny_entries` where an entry is not one session's.
    `canary_name`: the session name of the portal's own neighbour, which nothing ever denies. `grant_of`: the grant
    that a session name was made from, whether the portal knows it or not; None when it is none of the portal's names.
    `hub_of`: another hub than the portal's own (None: that one), calling the STS of a region (empty: the hub's own).
    """

    credentials: CredentialsBroker
    console: ConsoleBroker
    deny: DenyWriter
    prober: Prober
    principals: PrincipalReader
    policies: PolicyLister
    session_name: Callable[[UUID], str]
    grant_of: Callable[[str], UUID | None]
    source_identity: Callable[[UUID], str]
    partners: PartnerPorts
    canary_name: str
    check_deny_entries: Callable[[Iterable[str]], None]
    check_scope: Callable[[Scope, datetime], None]
    hub_is_chained: bool
    hub_of: Callable[[HubSpec | None, str], HubPorts]

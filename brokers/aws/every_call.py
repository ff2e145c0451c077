"""All calls that give temporary credentials, by one hub."""

from collections.abc import Callable
from datetime import datetime

from brokers.aws.cognito import CognitoCredentials
from brokers.aws.hub import Hub
from brokers.aws.sts import StsCredentials, utc_now
from brokers.aws.sts_bare import BareCredentials
from brokers.aws.sts_proofs import ProofCredentials
from brokers.types import (
    AssumeRoleCall,
    CognitoCall,
    DeveloperIdentityCall,
    FederationTokenCall,
    IssuedSession,
    RootTaskCall,
    SamlCall,
    SessionTokenCall,
    WebIdentityCall,
)


class HubCalls:
    """`brokers.ports.EveryCall`: each call where its own limits are known. Safe to share between threads."""

    def __init__(self, hub: Hub, *, now: Callable[[], datetime] = utc_now) -> None:
        self._sts = StsCredentials(hub, now=now)
        self._proofs = ProofCredentials(hub, now=now)
        self._bare = BareCredentials(hub, now=now)
        self._cognito = CognitoCredentials(hub, self._proofs, now=now)

    def assume_role(self, call: AssumeRoleCall) -> IssuedSession:
        """See `brokers.aws.sts`."""
        return self._sts.assume_role(call)

    def get_federation_token(self, call: FederationTokenCall) -> IssuedSession:
        """See `brokers.aws.sts`."""
        return self._sts.get_federation_token(call)

    def assume_role_with_saml(self, call: SamlCall) -> IssuedSession:
        """See `brokers.aws.sts_proofs`."""
        return self._proofs.assume_role_with_saml(call)

    def assume_role_with_web_identity(self, call: WebIdentityCall) -> IssuedSession:
        """See `brokers.aws.sts_proofs`."""
        return self._proofs.assume_role_with_web_identity(call)

    def get_session_token(self, call: SessionTokenCall) -> IssuedSession:
        """See `brokers.aws.sts_bare`."""
        return self._bare.get_session_token(call)

    def get_cognito_credentials(self, call: CognitoCall) -> IssuedSession:
        """See `brokers.aws.cognito`."""
        return self._cognito.get_cognito_credentials(call)

    def get_developer_credentials(self, call: DeveloperIdentityCall) -> IssuedSession:
        """See `brokers.aws.cognito`."""
        return self._cognito.get_developer_credentials(call)

    def assume_root(self, call: RootTaskCall) -> IssuedSession:
        """See `brokers.aws.sts_bare`."""
        return self._bare.assume_root(call)

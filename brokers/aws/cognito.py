"""Amazon Cognito identity pools: the enhanced flow, and the basic one with developer identities.

Source: Amazon Cognito Federated Identities API reference, GetId, GetCredentialsForIdentity and
GetOpenIdTokenForDeveloperIdentity; Amazon Cognito Developer Guide, "Identity pools authentication flow".
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from brokers.aws import limits_cognito, sts_answers
from brokers.aws.aws_errors import translated
from brokers.aws.call_arns import pool_region
from brokers.aws.grant_end import before_end, over_by
from brokers.aws.hub import Hub, partition_of
from brokers.aws.partitions import RoleArn, parse_role_arn, require_account_id, require_partition
from brokers.aws.sts_proofs import ProofCredentials
from brokers.errors import AwsRefused, NotPossible
from brokers.types import CognitoCall, Credentials, DeveloperIdentityCall, IssuedSession, WebIdentityCall

_HOUR = timedelta(hours=1)
_ENHANCED = "cognito-identity:GetCredentialsForIdentity"


class CognitoCredentials:
    """The calls through an identity pool. Safe to share between threads."""

    def __init__(self, hub: Hub, proofs: ProofCredentials, *, now: Callable[[], datetime]) -> None:
        self._hub = hub
        self._proofs = proofs
        self._now = now

    def get_cognito_credentials(self, call: CognitoCall) -> IssuedSession:
        """Obtain credentials by the enhanced flow: an hour, always.

        Cognito doesn't say of which role they are, and a pool's role mappings may choose another than was asked for:
        STS is asked, which is the third call and needs no permission.

        Raises:
            NotPossible: the grant ends within the hour.
            AwsRefused: the pool gave another role's credentials; they are thrown away.
        """
        role = parse_role_arn(call.role_arn)
        client = self._pool(call.identity_pool_id, role)
        require_account_id(call.account_id)
        if not call.logins:
            raise NotPossible("Without a login Cognito would make a session of the pool's role for anybody.")
        limits_cognito.logins(call.logins)
        now = self._now()
        before_end(_HOUR, call.ends_at, now, shortest=_HOUR, call="Cognito's GetCredentialsForIdentity")
        identity = _identity(client, call)
        # The token was taken a moment ago: what is refused now is the role.
        with translated(_ENHANCED):
            answer = client.get_credentials_for_identity(
                IdentityId=identity, Logins=dict(call.logins), CustomRoleArn=str(role)
            )
        given = sts_answers.word(_ENHANCED, answer, "IdentityId")
        sts_answers.require(_ENHANCED, given == identity, "another identity")
        issued = sts_answers.issued(_ENHANCED, _as_of_sts(answer), "", "", now + _HOUR, self._now())
        arn, userid = self._whose(issued.credentials, role)
        return over_by(replace(issued, arn=arn, userid=userid, identity_id=identity), call.ends_at, _ENHANCED)

    def get_developer_credentials(self, call: DeveloperIdentityCall) -> IssuedSession:
        """Obtain a token for the portal's own word about somebody, signed by the hub, and a role with it."""
        operation = "cognito-identity:GetOpenIdTokenForDeveloperIdentity"
        role = parse_role_arn(call.role_arn)
        client = self._pool(call.identity_pool_id, role)
        logins = {call.developer_provider: call.user}
        limits_cognito.developer_user(call.developer_provider, call.user)
        seconds = limits_cognito.token_duration(call.token_duration)
        # What the second call would be refused for must not cost the first.
        self._proofs.check_web_identity(_second(call, "not fetched yet"))
        with translated(operation):
            answer = client.get_open_id_token_for_developer_identity(
                IdentityPoolId=call.identity_pool_id, Logins=logins, TokenDuration=seconds
            )
        identity = _checked_identity(operation, answer, call.identity_pool_id)
        token = sts_answers.word(operation, answer, "Token")
        issued = self._proofs.assume_role_with_web_identity(_second(call, token))
        return replace(issued, identity_id=identity)

    def _pool(self, identity_pool_id: str, role: RoleArn) -> Any:
        region = pool_region(identity_pool_id)
        require_partition(partition_of(region), role.partition, what="The identity pool")
        require_partition(role.partition, self._hub.partition, what="The role")
        return self._hub.cognito(region)

    def _whose(self, credentials: Credentials, role: RoleArn) -> tuple[str, str]:
        sts = self._hub.sts_as(
            credentials.access_key_id, credentials.secret_access_key, credentials.session_token
        )
        with translated("sts:GetCallerIdentity"):
            who = sts.get_caller_identity()
            arn, userid = who["Arn"], who["UserId"]
        if not arn.startswith(sts_answers.sessions_of(role)):
            raise AwsRefused(
                _ENHANCED,
                "OtherRole",
                f"the identity pool gave a session of {arn}, not of {role}.",
                advice="Look at the pool's roles and role mappings. The credentials were thrown away.",
            )
        return arn, userid


def _identity(client: Any, call: CognitoCall) -> str:
    operation = "cognito-identity:GetId"
    with translated(operation, with_proof=True):
        answer: Mapping[str, Any] = client.get_id(
            AccountId=call.account_id, IdentityPoolId=call.identity_pool_id, Logins=dict(call.logins)
        )
    return _checked_identity(operation, answer, call.identity_pool_id)


def _as_of_sts(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return Cognito's answer with the secret under STS's name for it."""
    found = sts_answers.part(_ENHANCED, answer, "Credentials")
    return {**answer, "Credentials": {**found, "SecretAccessKey": found.get("SecretKey")}}


def _checked_identity(operation: str, answer: Mapping[str, Any], pool: str) -> str:
    """Return the IdentityId: a deny names it, so it must read as one, of the pool's own region."""
    identity = sts_answers.word(operation, answer, "IdentityId")
    sts_answers.require(
        operation, limits_cognito.is_identity_of(identity, pool), "an IdentityId that is none"
    )
    return identity


def _second(call: DeveloperIdentityCall, token: str) -> WebIdentityCall:
    return WebIdentityCall(
        role_arn=call.role_arn,
        session_name=call.session_name,
        duration=call.duration,
        max_session=call.max_session,
        ends_at=call.ends_at,
        token=token,
        scope=call.scope,
    )

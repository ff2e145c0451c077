"""From a grant to the one call that its role's definition names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from brokers.errors import BrokerError, NotPossible
from brokers.ports import AwsPorts
from brokers.types import (
    AssumeRoleCall,
    CognitoCall,
    DeveloperIdentityCall,
    FederationTokenCall,
    IssuedSession,
    Partition,
    RootTaskCall,
    SamlCall,
    SessionTokenCall,
    WebIdentityCall,
)
from portal.access.models import Grant
from portal.access.operations.credentials.account_hubs import every_call, plain_calls
from portal.access.operations.credentials.write_sessions import Asked
from portal.access.operations.grants.granting_rules import scope_of
from portal.access.policy import LENGTH_RULES
from portal.access.proofs import ReadyKey, ReadyProof, SamlProof, TokenProof, VerifiedProof
from portal.catalog.models import AwsRole
from portal.kernel.tallies import count

Method = AwsRole.Method


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for under a grant, of which AWS, and with which proof."""

    asked: Asked
    aws: AwsPorts
    proof: ReadyProof | None

    @property
    def grant(self) -> Grant:
        return self.asked.grant

    @property
    def role(self) -> AwsRole:
        return self.asked.grant.role


def call_sts(asked: Asked, aws: AwsPorts, proof: ReadyProof | None = None) -> IssuedSession:
    """Call, and count how it went: `ok`, or the error's stable code.

    Raises:
        BrokerError: AWS refused or did not answer.
    """
    outcome = "portal.fault"
    try:
        issued = CALLS[Method(asked.grant.role.method)](Order(asked, aws, proof))
        outcome = "ok"
    except BrokerError as problem:
        outcome = problem.code
        raise
    finally:
        count("sts_calls", f"{asked.grant.role.method}:{outcome}")
    return issued


def _assume_role(order: Order) -> IssuedSession:
    role, session = order.role, order.asked.session
    return plain_calls(role, order.aws).assume_role(
        AssumeRoleCall(
            role_arn=role.arn,
            session_name=session.session_name,
            duration=order.asked.length.duration,
            max_session=role.max_session,
            ends_at=order.asked.ends_at,
            scope=scope_of(order.grant),
            tags=_tags(order.grant),
            source_identity=session.source_identity or None,
            via_role_arn=role.via.arn if role.via else None,
        )
    )


def _federation_token(order: Order) -> IssuedSession:
    return plain_calls(order.role, order.aws).get_federation_token(
        FederationTokenCall(
            partition=Partition(order.role.account.partition),
            name=order.asked.session.session_name,
            duration=order.asked.length.duration,
            ends_at=order.asked.ends_at,
            scope=scope_of(order.grant),
            tags=_tags(order.grant),
            user_arn=order.role.arn,
        )
    )


def _with_saml(order: Order) -> IssuedSession:
    proof = order.proof
    if not isinstance(proof, VerifiedProof) or not isinstance(proof.proof, SamlProof):
        raise _no_proof(order)
    return every_call(order.role, order.aws).assume_role_with_saml(
        SamlCall(
            role_arn=order.role.arn,
            provider_arn=order.role.provider_arn,
            duration=order.asked.length.duration,
            max_session=order.role.max_session,
            ends_at=order.asked.ends_at,
            session_name=order.asked.session.session_name,
            assertion=proof.proof.assertion,
            scope=scope_of(order.grant),
        )
    )


def _with_web_identity(order: Order) -> IssuedSession:
    return every_call(order.role, order.aws).assume_role_with_web_identity(
        WebIdentityCall(
            role_arn=order.role.arn,
            session_name=order.asked.session.session_name,
            duration=order.asked.length.duration,
            max_session=order.role.max_session,
            ends_at=order.asked.ends_at,
            token=_token(order),
            scope=scope_of(order.grant),
        )
    )


def _cognito(order: Order) -> IssuedSession:
    return every_call(order.role, order.aws).get_cognito_credentials(
        CognitoCall(
            identity_pool_id=order.role.identity_pool_id,
            account_id=order.role.account.account_id,
            role_arn=order.role.arn,
            ends_at=order.asked.ends_at,
            logins={order.role.login_name: _token(order)},
        )
    )


def _developer_identity(order: Order) -> IssuedSession:
    return every_call(order.role, order.aws).get_developer_credentials(
        DeveloperIdentityCall(
            identity_pool_id=order.role.identity_pool_id,
            developer_provider=order.role.login_name,
            user=str(order.grant.holder.pk),
            role_arn=order.role.arn,
            session_name=order.asked.session.session_name,
            duration=order.asked.length.duration,
            max_session=order.role.max_session,
            ends_at=order.asked.ends_at,
            scope=scope_of(order.grant),
        )
    )


def _session_token(order: Order) -> IssuedSession:
    key = order.proof
    if not isinstance(key, ReadyKey):
        raise _no_proof(order)
    return every_call(order.role, order.aws).get_session_token(
        SessionTokenCall(
            partition=Partition(order.role.account.partition),
            user_arn=order.role.arn,
            access_key_id=key.access_key_id,
            secret_access_key=key.secret_access_key,
            mfa_serial=key.mfa_serial,
            mfa_code=key.code,
            duration=order.asked.length.duration,
            ends_at=order.asked.ends_at,
        )
    )


def _root_task(order: Order) -> IssuedSession:
    return every_call(order.role, order.aws).assume_root(
        RootTaskCall(
            partition=Partition(order.role.account.partition),
            account_id=order.role.account.account_id,
            task=order.role.root_task,
            duration=order.asked.length.duration,
            ends_at=order.asked.ends_at,
            region=order.role.region,
        )
    )


def _none_of_ours(order: Order) -> IssuedSession:
    raise NotPossible(f"{order.role.name} is a partner's to take: the portal calls nothing for it.")


CALLS: Mapping[AwsRole.Method, Callable[[Order], IssuedSession]] = {
    Method.ASSUME_ROLE: _assume_role,
    Method.FEDERATION_TOKEN: _federation_token,
    Method.CROSS_ACCOUNT: _none_of_ours,
    Method.SAML: _with_saml,
    Method.WEB_IDENTITY: _with_web_identity,
    Method.SESSION_TOKEN: _session_token,
    Method.COGNITO: _cognito,
    Method.COGNITO_DEVELOPER: _developer_identity,
    Method.ROOT_TASK: _root_task,
}


def _tags(grant: Grant) -> Mapping[str, str]:
    if not grant.role.sends_tags:
        return {}
    return {"SallyportGrant": str(grant.pk), "SallyportPerson": str(grant.person_id)}


def _token(order: Order) -> str:
    proof = order.proof
    if not isinstance(proof, VerifiedProof) or not isinstance(proof.proof, TokenProof):
        raise _no_proof(order)
    return proof.proof.id_token


def _no_proof(order: Order) -> NotPossible:
    """Only where a caller forgot `check_callable`, which asks for it before anything is written."""
    return NotPossible(
        f"{LENGTH_RULES[order.role.method].call} needs somebody's own proof, and none came along."
    )

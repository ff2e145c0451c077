"""Verify what somebody hands over for credentials at AWS: an assertion or an ID token of the role's own provider."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from brokers.errors import BrokerError, IdentityUnavailable
from brokers.ports import AwsAssertionReader, IdTokenReader, SamlMetadataReader
from brokers.types import OidcProvider, ProvenIdentity
from portal.access.proofs import ProofRefusedError, SamlProof, TokenProof, VerifiedProof
from portal.catalog.models import AwsRole
from portal.directory.models import IdentityProvider
from portal.identity.identity_providers import as_saml
from portal.identity.operations.complete_sign_in import factor_of
from portal.identity.operations.oidc_claims import proven_by_oidc
from portal.identity.operations.refusing import unavailable
from portal.identity.operations.saml_sign_in import proven_by_saml
from portal.kernel.clock import database_now


@dataclass(frozen=True, slots=True)
class ProofPorts:
    """What reads proofs."""

    assertions: AwsAssertionReader
    id_tokens: IdTokenReader
    read_metadata: SamlMetadataReader


def verify_proof(
    *, role: AwsRole, proof: SamlProof | TokenProof, ports: Callable[[], ProofPorts]
) -> VerifiedProof:
    """Return whose it is, by the word of the provider that vouches for the role; whom that means the caller asks.

    Not to be called in a transaction: the provider's keys may be asked for.

    Raises:
        ProofRefusedError: with the one reason, for the audit trail.
        UpstreamError: the provider's keys can't be had now.
    """
    provider = role.vouched_by
    is_saml = isinstance(proof, SamlProof)
    kind = IdentityProvider.Kind.SAML if is_saml else IdentityProvider.Kind.OIDC
    if provider is None or not provider.is_enabled or provider.kind != kind:
        raise ProofRefusedError("provider_off")
    try:
        if isinstance(proof, SamlProof):
            return _assertion(provider, proof, ports())
        return _id_token(provider, role, proof, ports())
    except IdentityUnavailable as problem:
        raise unavailable(provider, problem) from None
    except BrokerError as problem:
        raise ProofRefusedError(problem.code) from None


def _assertion(provider: IdentityProvider, proof: SamlProof, ports: ProofPorts) -> VerifiedProof:
    idp = as_saml(provider, ports.read_metadata)
    told = ports.assertions(idp, proof.assertion, at=database_now())
    once = f"{told.identity.issuer}\n{told.identity.assertion_id}"
    verified = _verified(provider, proven_by_saml(provider, told.identity), proof)
    return replace(
        verified,
        over_at=told.identity.valid_until,
        session_name=told.session_name,
        source_identity=told.source_identity,
        roles=told.roles,
        digest=hashlib.sha256(once.encode()).hexdigest(),
    )


def _id_token(
    provider: IdentityProvider, role: AwsRole, proof: TokenProof, ports: ProofPorts
) -> VerifiedProof:
    settings = provider.oidc
    told = ports.id_tokens(
        OidcProvider(issuer=settings.issuer, client_id=settings.client_id),
        proof.id_token,
        audience=role.audience,
        at=database_now(),
    )
    verified = _verified(provider, proven_by_oidc(provider, told), proof)
    return replace(verified, over_at=told.expires_at)


def _verified(
    provider: IdentityProvider, proven: ProvenIdentity, proof: SamlProof | TokenProof
) -> VerifiedProof:
    gave_factor = bool(factor_of(provider, proven))
    return VerifiedProof(
        proof=proof,
        provider_id=provider.pk,
        subject=proven.subject,
        subject_format=proven.subject_format,
        over_at=proven.authenticated_at,
        factor_at=proven.authenticated_at if gave_factor else None,
        said_at=proven.authenticated_at,
    )

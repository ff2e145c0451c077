"""Roles that are opened by somebody's own assertion, token or MFA code, and the people who can open them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from brokers.oidc import IdTokens, RelyingParty
from brokers.saml import AwsAssertions, MetadataReader
from portal import wiring
from portal.access.proofs import SamlProof, TokenProof
from portal.catalog.models import AwsRole
from portal.directory.models import ExternalIdentity, IdentityProvider, OidcSettings, Person, SamlSettings
from portal.identity.operations.verify_proof import ProofPorts
from tests.oidc_forge import Forge as TokenForge
from tests.oidc_forge import Signer, running_forge, sign
from tests.oidc_forge.provider import guarded
from tests.saml_forge.aws import for_aws
from tests.saml_forge.metadata import Described

PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
IN_IAM = "arn:aws:iam::222222222222:saml-provider/Example"
POOL = "eu-central-1:00000000-0000-4000-8000-000000000001"
AUDIENCE = "aws-app"
ISSUER = "https://tokens.example.test"


def saml_provider(slug: str = "aws-saml", **fields: Any) -> IdentityProvider:
    made = IdentityProvider.objects.create(slug=slug, name=f"Provider {slug}", **fields)
    SamlSettings.objects.create(
        provider=made, entity_id="https://idp.example.test/metadata", metadata=Described().text()
    )
    return made


def oidc_provider(issuer: str = ISSUER, slug: str = "aws-oidc", **fields: Any) -> IdentityProvider:
    made = IdentityProvider.objects.create(slug=slug, name=f"Provider {slug}", kind="oidc", **fields)
    OidcSettings.objects.create(provider=made, issuer=issuer, client_id="the-portals-own")
    return made


def known_as(person: Person, provider: IdentityProvider, subject: str) -> ExternalIdentity:
    """Have the provider know the person by that name."""
    form = PERSISTENT if provider.kind == IdentityProvider.Kind.SAML else ""
    return ExternalIdentity.objects.create(
        provider=provider, person=person, subject=subject, subject_format=form
    )


def saml_role(
    make_role: Any, provider: IdentityProvider, name: str = "ByAssertion", **fields: Any
) -> AwsRole:
    made: AwsRole = make_role(name, method="saml", provider_arn=IN_IAM, vouched_by=provider, **fields)
    return made


def token_role(make_role: Any, provider: IdentityProvider, name: str = "ByToken", **fields: Any) -> AwsRole:
    made: AwsRole = make_role(name, method="web_identity", audience=AUDIENCE, vouched_by=provider, **fields)
    return made


def cognito_role(make_role: Any, provider: IdentityProvider, name: str = "ByPool", **fields: Any) -> AwsRole:
    made: AwsRole = make_role(
        name,
        method="cognito",
        audience=AUDIENCE,
        vouched_by=provider,
        identity_pool_id=POOL,
        login_name="tokens.example.test",
        requires_scope=False,
        **fields,
    )
    return made


def user_role(make_role: Any, name: str = "ben", **fields: Any) -> AwsRole:
    made: AwsRole = make_role(name, method="session_token", allows_console=False, **fields)
    return made


def assertion(role: AwsRole, name_id: str, **fields: Any) -> SamlProof:
    told = {"session_name": f"{name_id}@example.test", **fields}
    return SamlProof(for_aws(roles=[f"{role.arn},{role.provider_arn}"], name_id=name_id, **told).response())


def id_token(forge: TokenForge, subject: str, signer: Signer | None = None, **changes: Any) -> TokenProof:
    told = forge.claims({"client_id": AUDIENCE, "nonce": "theirs"}, sub=subject, **changes)
    return TokenProof(sign(told, signer or Signer()))


def ports() -> ProofPorts:
    return ProofPorts(AwsAssertions(), IdTokens(RelyingParty(guarded())), MetadataReader())


@contextmanager
def real_readers() -> Iterator[TokenForge]:
    """The brokers' own readers, which may ask a forging provider on this machine."""
    kept = ports()
    with pytest.MonkeyPatch.context() as patch, running_forge() as forge:
        patch.setattr(wiring, "proof_ports", lambda: kept)
        yield forge

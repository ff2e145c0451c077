"""Exchanging assertions and ID tokens for credentials: providers, roles, holders."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from portal.access.models import Grant
from portal.catalog.models import AwsRole
from portal.directory.models import ExternalIdentity, IdentityProvider, Person
from tests.oidc_forge import Forge
from tests.proof_world import (
    known_as,
    oidc_provider,
    real_readers,
    saml_provider,
    saml_role,
    token_role,
)
from tests.unit.identity.exchanging_proofs.exchanging import Make


@pytest.fixture
def forge() -> Iterator[Forge]:
    with real_readers() as running:
        yield running


@pytest.fixture
def saml(forge: Forge) -> IdentityProvider:
    return saml_provider()


@pytest.fixture
def oidc(forge: Forge) -> IdentityProvider:
    return oidc_provider(forge.issuer)


@pytest.fixture
def by_assertion(make_role: Make, saml: IdentityProvider) -> AwsRole:
    return saml_role(make_role, saml)


@pytest.fixture
def by_token(make_role: Make, oidc: IdentityProvider) -> AwsRole:
    return token_role(make_role, oidc)


@pytest.fixture
def holder(
    make_grant: Make, ben: Person, saml: IdentityProvider, oidc: IdentityProvider
) -> Callable[..., Grant]:
    """Give Ben a grant of a role; both providers know him."""

    def hold(role: AwsRole, **order: Any) -> Grant:
        for provider, subject in ((saml, "ben"), (oidc, "ben-1")):
            if not ExternalIdentity.objects.filter(provider=provider, person=ben).exists():
                known_as(ben, provider, subject)
        made: Grant = make_grant(ben, role=role, **order)
        return made

    return hold

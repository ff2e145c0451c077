import pytest

from portal.directory.models import IdentityProvider
from tests.fakes import FakeAws
from tests.integration.scim.calling import Scim, scim_of


@pytest.fixture(autouse=True)
def _no_real_aws(aws: FakeAws) -> None:
    """What ends here may find no real AWS."""


@pytest.fixture
def acme(db: None) -> IdentityProvider:
    return IdentityProvider.objects.create(slug="acme", name="Acme", kind="saml")


@pytest.fixture
def scim(acme: IdentityProvider) -> Scim:
    return scim_of(acme)


@pytest.fixture
def neighbour(db: None) -> Scim:
    """Another provider's client."""
    return scim_of(IdentityProvider.objects.create(slug="globex", name="Globex", kind="oidc"))

from collections.abc import Iterator

import pytest

from portal import wiring
from portal.directory.models import IdentityProvider
from tests.fakes import FakeAws
from tests.integration.web.saml_visits import make_provider


@pytest.fixture(autouse=True)
def _no_real_aws(aws: FakeAws) -> None:
    """Every page asks where its forms may lead: none of these tests may find a real AWS."""


@pytest.fixture(autouse=True)
def _saml_anew() -> Iterator[None]:
    wiring.saml_ports.cache_clear()
    yield
    wiring.saml_ports.cache_clear()


@pytest.fixture
def provider(db: None) -> IdentityProvider:
    return make_provider()

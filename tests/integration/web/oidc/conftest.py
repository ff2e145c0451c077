"""A forging provider that the portal may call, and a provider's row for it: fixtures to import."""

from collections.abc import Iterator
from typing import Any

import pytest

from brokers.addresses import AllowedPlaces
from portal import wiring
from portal.directory.models import IdentityProvider
from tests.integration.web.oidc_visits import make_oidc_provider
from tests.oidc_forge import Forge, running_forge


@pytest.fixture(autouse=True)
def _oidc_anew(settings: Any) -> Iterator[None]:
    settings.IDENTITY_NETWORKS = AllowedPlaces.read(["127.0.0.0/8"])
    wiring.oidc_ports.cache_clear()
    yield
    wiring.oidc_ports.cache_clear()


@pytest.fixture
def forge() -> Iterator[Forge]:
    with running_forge() as running:
        yield running


@pytest.fixture
def corp(db: None, forge: Forge) -> IdentityProvider:
    return make_oidc_provider(forge)

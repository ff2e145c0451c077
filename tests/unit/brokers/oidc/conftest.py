from collections.abc import Iterator

import pytest

from brokers.oidc import RelyingParty
from tests.oidc_forge import Forge, running_forge
from tests.oidc_forge.provider import guarded


@pytest.fixture
def forge() -> Iterator[Forge]:
    with running_forge() as running:
        yield running


@pytest.fixture
def party() -> RelyingParty:
    return RelyingParty(guarded())

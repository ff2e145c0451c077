"""One MiniStack for the tests of partners' roles across processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from brokers.aws import HubCredentials
from tests.integration.partners.house import seed_hub
from tests.servers.ministack import MiniStack, ministack


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    with ministack(Path(tmp_path_factory.mktemp("partners"))) as server:
        yield server


@pytest.fixture(scope="package")
def hub_key(stack: MiniStack) -> HubCredentials:
    return seed_hub(stack)

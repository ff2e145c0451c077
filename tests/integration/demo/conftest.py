"""One sandbox for all tests of this directory that only look, or leave things as they were."""

from collections.abc import Iterator

import pytest

from tests.servers.demo_idp import DemoIdp, demo_idp
from tests.servers.sandbox import Sandbox, sandbox


@pytest.fixture(scope="session")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoIdp]:
    """The demo's identity provider, which the sandbox's IAM knows."""
    with demo_idp(tmp_path_factory.mktemp("idp")) as running:
        yield running


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory, idp: DemoIdp) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("sandbox"), identity_provider=idp.base_url) as running:
        yield running

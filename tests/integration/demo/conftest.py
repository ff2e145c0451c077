"""One sandbox for all tests of this directory that only look, or leave things as they were."""

from collections.abc import Iterator

import pytest

from tests.servers.sandbox import Sandbox, sandbox


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running

"""One sandbox for the proofs: its façade refuses what is over IAM's limits, MiniStack behind it really denies."""

from collections.abc import Iterator

import pytest

from tests.servers.sandbox import Sandbox, sandbox


@pytest.fixture(scope="package")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running

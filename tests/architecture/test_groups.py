"""Tests of one group stay with one worker: what they start is started once."""

import os

import pytest

GROUP = "groups are kept"


@pytest.mark.xdist_group(GROUP)
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="runs in one process, without workers")
def test_a_group_is_known_by_its_name(request: pytest.FixtureRequest) -> None:
    """pytest-xdist keeps together what ends alike, and is silent where a newer pytest lets it write no such end."""
    assert request.node.nodeid.endswith(f"@{GROUP}")

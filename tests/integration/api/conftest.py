import pytest

from tests.fakes import FakeAws


@pytest.fixture(autouse=True)
def _no_real_aws(aws: FakeAws) -> None:
    """No script's call may find a real AWS."""

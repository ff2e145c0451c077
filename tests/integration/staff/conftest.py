import pytest

from portal.directory.models import Person
from tests.fakes import FakeAws
from tests.world import make_person


@pytest.fixture(autouse=True)
def _no_real_aws(aws: FakeAws) -> None:
    """No page of the admin may find a real AWS."""


@pytest.fixture
def root(db: None) -> Person:
    return make_person("Ruth Root", is_staff=True, is_superuser=True)

import pytest

from portal import wiring
from portal.directory.models import Person
from tests.integration.web.doubles import FakeAws
from tests.integration.web.world import make_person


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    fake = FakeAws()
    monkeypatch.setattr(wiring, "aws_ports", fake.ports)
    return fake


@pytest.fixture
def ben(db: None) -> Person:
    return make_person("Ben Lindqvist")


@pytest.fixture
def root(db: None) -> Person:
    return make_person("Ruth Root", is_staff=True, is_superuser=True)

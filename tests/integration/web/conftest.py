from collections.abc import Iterator

import pytest

from portal import wiring
from portal.directory.models import Person
from tests.integration.web.doubles import FakeAws
from tests.integration.web.world import make_person


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    fake = FakeAws()
    monkeypatch.setattr(wiring, "aws_ports", fake.ports)
    return fake


@pytest.fixture(autouse=True)
def _no_real_aws(aws: FakeAws) -> None:
    """Every page asks where its forms may lead: none of these tests may find a real AWS."""


@pytest.fixture(autouse=True)
def _saml_anew() -> Iterator[None]:
    wiring.saml_ports.cache_clear()
    yield
    wiring.saml_ports.cache_clear()


@pytest.fixture
def ben(db: None) -> Person:
    return make_person("Ben Lindqvist")


@pytest.fixture
def mallory(db: None) -> Person:
    return make_person("Mallory Quick")

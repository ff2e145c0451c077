"""A directory at the port, people it knows, and syncs of it."""

import pytest

from brokers.types import AccountState
from portal.directory.models import (
    ExternalIdentity,
    IdentityProvider,
    Person,
)
from tests.fake_ldap import FakeLdap, make_directory
from tests.unit.identity.ldap_sync.syncing import Make


@pytest.fixture
def ldap() -> FakeLdap:
    return FakeLdap()


@pytest.fixture
def office(db: None) -> IdentityProvider:
    return make_directory()


@pytest.fixture
def known(office: IdentityProvider, ldap: FakeLdap, person: Make) -> Make:
    """Make people whom the directory and the portal know: known("ann")."""

    def make(login: str, state: AccountState = AccountState.USABLE) -> Person:
        entry = ldap.add(login, state)
        made: Person = person(login.capitalize(), email=f"{login}@example.test", vouched=False)
        ExternalIdentity.objects.create(
            provider=office, person=made, subject=entry.stable_id, subject_format="ldap", login=login
        )
        return made

    return make

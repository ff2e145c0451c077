"""Identity providers, who looks at their pages, and what is done there."""

import pytest
from django.test import Client

from portal import wiring
from portal.directory.models import (
    IdentityProvider,
    Person,
    SamlSettings,
)
from tests.fake_ldap import FakeLdap, make_directory
from tests.integration.web.providers.world import NOW
from tests.saml_forge import rsa_key
from tests.saml_forge.metadata import Described
from tests.world import make_admin, make_person, signed_in


@pytest.fixture
def root(db: None) -> Person:
    return make_person("Ruth Root", is_staff=True, is_superuser=True)


@pytest.fixture
def client(root: Person) -> Client:
    return signed_in(root)


@pytest.fixture
def clerk(db: None) -> Client:
    """An admin who may do all that permissions give, and is no superuser."""
    rights = [f"{verb}_identityprovider" for verb in ("view", "add", "change", "delete")]
    return signed_in(make_admin(*rights, name="Carl Clerk"))


@pytest.fixture
def office(db: None) -> IdentityProvider:
    return make_directory()


@pytest.fixture
def ldap(monkeypatch: pytest.MonkeyPatch) -> FakeLdap:
    fake = FakeLdap()
    monkeypatch.setattr(wiring, "ldap_ports", lambda: fake)
    return fake


@pytest.fixture
def offered(db: None) -> IdentityProvider:
    """A provider whose address shows another key and another sign-in address."""
    pinned, newer = Described(), Described(keys=(rsa_key("next"),))
    made = IdentityProvider.objects.create(slug="corp", name="Corp")
    SamlSettings.objects.create(
        provider=made,
        entity_id=pinned.entity_id,
        metadata=pinned.text(),
        metadata_url="https://idp.example.test/metadata",
        offered_metadata=newer.text().replace("/sso", "/new-sso"),
        offered_at=NOW,
    )
    return made

"""A partner's SCIM client beyond the number of people: a clear error, nothing half done, and the neighbour goes on."""

import pytest

from portal.directory.models import ExternalIdentity, Person, ScimUser
from tests.integration.scim.calling import USER, Scim, refused
from tests.partners import make_partner

pytestmark = pytest.mark.django_db


@pytest.fixture
def _one_place(scim: Scim) -> None:
    scim.provider.partner = make_partner("Acme", people_quota=1)
    scim.provider.save()


@pytest.mark.usefixtures("_one_place")
def test_one_too_many(scim: Scim, neighbour: Scim) -> None:
    ann = scim.user("ann")
    body = {"schemas": [USER], "userName": "ben", "active": True}
    detail = refused(scim.post("Users", body), 403)
    assert detail.startswith("Acme has one place for active people here, and all are taken")
    assert not ScimUser.objects.filter(user_name="ben").exists()
    assert not ExternalIdentity.objects.filter(subject="ben").exists()
    assert not Person.objects.filter(name="ben").exists()
    neighbour.user("ben")
    away = scim.post("Users", {**body, "active": False}).json()
    on = {"op": "replace", "path": "active", "value": True}
    refused(scim.patch(f"Users/{away['id']}", on), 403)
    scim.patch(f"Users/{ann['id']}", {**on, "value": False})
    assert scim.patch(f"Users/{away['id']}", on).status_code == 200
    refused(scim.patch(f"Users/{ann['id']}", on), 403)

"""Staff give rights to nobody, superusers not to themselves; nobody becomes somebody else."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from portal.directory.models import ExternalIdentity, IdentityProvider, Person
from tests.integration.staff.pages import fields_of, save, trail
from tests.world import make_admin, make_person, signed_in

pytestmark = pytest.mark.django_db
RIGHTS = {"is_staff": "on", "is_superuser": "on"}


@pytest.fixture
def clerk(db: None) -> Person:
    """An admin who may manage people, providers and identities by permission, and is no superuser."""
    codenames = [
        f"{verb}_{model}"
        for verb in ("view", "add", "change", "delete")
        for model in ("person", "identityprovider", "externalidentity", "group", "groupmembership")
    ]
    return make_admin(*codenames, name="Carl Clerk")


def page(person: Person) -> str:
    return reverse("admin:directory_person_change", args=[person.pk])


def rights(person: Person) -> tuple[bool, bool, int]:
    person.refresh_from_db()
    return person.is_staff, person.is_superuser, person.user_permissions.count()


def forge(client: Client, address: str, **more: object) -> int:
    """Send the page's own form with more in it than it shows."""
    rights = Permission.objects.filter(content_type__app_label="access")
    everything = [str(pk) for pk in rights.values_list("pk", flat=True)]
    sent = {
        **fields_of(client.get(address)),
        **RIGHTS,
        "user_permissions": everything,
        "is_active": "on",
        **more,
    }
    return client.post(address, sent).status_code


def test_staff_cannot_promote_themselves(clerk: Person) -> None:
    before = rights(clerk)
    assert forge(signed_in(clerk), page(clerk), name="Carl the Great") == 302
    assert rights(clerk) == before
    assert clerk.name == "Carl the Great"


def test_staff_cannot_promote_others(clerk: Person, ben: Person) -> None:
    assert forge(signed_in(clerk), page(ben)) == 302
    assert rights(ben) == (False, False, 0)


def test_staff_cannot_make_a_new_superuser(clerk: Person) -> None:
    assert forge(signed_in(clerk), reverse("admin:directory_person_add"), name="Sock Puppet") == 302
    assert rights(Person.objects.get(name="Sock Puppet")) == (False, False, 0)


def test_staff_cannot_edit_another_admin(clerk: Person, root: Person) -> None:
    sent = {"name": "Mallory", "email": "mallory@evil.example", "time_zone": "UTC"}
    assert signed_in(clerk).post(page(root), sent).status_code == 403
    assert signed_in(clerk).get(page(root)).status_code == 200
    root.refresh_from_db()
    assert root.name == "Ruth Root"


def test_a_superuser_promotes_others(root: Person, ben: Person) -> None:
    assert forge(signed_in(root), page(ben)) == 302
    assert rights(ben)[:2] == (True, True)
    event = trail("staff.record.changed")[-1]
    assert (event.person_id, event.actor_id) == (ben.pk, root.pk)
    assert {"is_staff", "is_superuser", "user_permissions"} <= set(event.details["fields"])


def test_not_even_a_superuser_changes_their_own_rights(root: Person) -> None:
    assert save(signed_in(root), page(root), is_staff=None, is_superuser=None, name="Ruth").status_code == 302
    assert forge(signed_in(root), page(root)) == 302
    assert rights(root) == (True, True, 0)


def test_a_form_can_not_switch_people_on_or_off(root: Person, ben: Person) -> None:
    save(signed_in(root), page(ben), is_active=None, deactivated_at="2026-01-01 00:00:00")
    ben.refresh_from_db()
    assert (ben.is_active, ben.deactivated_at) == (True, None)


def test_nobody_is_deleted(root: Person, ben: Person) -> None:
    assert (
        signed_in(root)
        .post(reverse("admin:directory_person_delete", args=[ben.pk]), {"post": "yes"})
        .status_code
        == 403
    )
    assert Person.objects.filter(pk=ben.pk).exists()


def test_staff_cannot_become_somebody_else_by_a_linked_identity(clerk: Person, root: Person) -> None:
    provider = IdentityProvider.objects.create(slug="own", name="Own")
    add = reverse("admin:directory_externalidentity_add")
    sent = {"provider": str(provider.pk), "person": str(root.pk), "subject": "carl", "subject_format": ""}
    assert signed_in(clerk).post(add, sent).status_code == 403
    assert not ExternalIdentity.objects.filter(provider=provider).exists()
    assert signed_in(root).post(add, sent).status_code == 302
    assert trail("staff.record.added")[-1].details["record"] == "external identity"


def test_staff_cannot_put_another_provider_in_anothers_place(clerk: Person) -> None:
    provider = IdentityProvider.objects.create(slug="own", name="Own")
    address = reverse("admin:directory_identityprovider_change", args=[provider.pk])
    assert signed_in(clerk).post(address, {"metadata": "<mine/>"}).status_code == 403
    assert signed_in(clerk).get(address).status_code == 200


def test_there_is_no_second_way_to_rights() -> None:
    """Whoever could edit one of Django's groups of rights, and is in it, would promote themselves."""
    assert (
        signed_in(make_person("R", is_staff=True, is_superuser=True)).get("/manage/auth/group/").status_code
        == 404
    )

"""Who is who at a provider, in the management pages: by the rules of its kind, and what ends with it."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from portal.directory.models import ExternalIdentity, Group, IdentityProvider, LdapSettings, Person
from portal.identity.operations.ask_anew import SUBJECT_FORMAT
from portal.identity.operations.subjects import UNSPECIFIED
from tests.integration.staff.pages import errors_of, save, trail
from tests.world import make_admin, signed_in

pytestmark = pytest.mark.django_db
LINK = "/manage/directory/externalidentity/add/"
GUID = "9d2f1c1e-0b6a-4f0e-8d1c-2f6b3a7e5c40"


@pytest.fixture
def client(root: Person) -> Client:
    return signed_in(root)


def provider(kind: str, id_attribute: str = "objectGUID") -> IdentityProvider:
    made = IdentityProvider.objects.create(slug=kind, name=kind, kind=kind)
    if kind == "ldap":
        LdapSettings.objects.create(
            provider=made, urls=["ldaps://dc1"], people_base="dc=x", id_attribute=id_attribute
        )
    return made


def link(
    client: Client, at: IdentityProvider, person: Person, subject: str, subject_format: str = ""
) -> set[str]:
    sent = {
        "provider": str(at.pk),
        "person": str(person.pk),
        "subject": subject,
        "subject_format": subject_format,
    }
    return set(errors_of(client.post(LINK, sent)))


@pytest.mark.parametrize("subject", [GUID, GUID.upper(), "{" + GUID + "}"])
def test_a_directorys_guid_is_kept_in_its_usual_form(client: Client, ben: Person, subject: str) -> None:
    directory = provider("ldap")
    assert link(client, directory, ben, "ben") == {"subject"}
    assert link(client, directory, ben, subject) == set()
    made = ExternalIdentity.objects.get(provider=directory)
    assert (made.subject, made.subject_format) == (GUID, SUBJECT_FORMAT)


def test_another_id_attribute_is_taken_as_it_is(client: Client, ben: Person) -> None:
    assert link(client, provider("ldap", "uidNumber"), ben, "1042") == set()


@pytest.mark.parametrize("kind", ["ldap", "oidc"])
def test_only_saml_has_formats(client: Client, ben: Person, kind: str) -> None:
    assert link(client, provider(kind), ben, GUID, "urn:x") == {"subject_format"}
    assert link(client, provider("saml"), ben, GUID, "urn:x") == set()


@pytest.mark.parametrize(("told", "kept"), [("", UNSPECIFIED), ("urn:x", "urn:x")])
def test_a_format_left_blank_is_what_sign_ins_without_one_have(
    client: Client, ben: Person, told: str, kept: str
) -> None:
    assert link(client, provider("saml"), ben, "ben", told) == set()
    assert ExternalIdentity.objects.get(subject="ben").subject_format == kept


def test_a_sub_is_no_longer_than_a_sub_can_be(client: Client, ben: Person) -> None:
    op = provider("oidc")
    assert link(client, op, ben, "x" * 256) == {"subject"}
    assert link(client, op, ben, "x" * 255) == set()


def test_local_accounts_are_not_made_by_linking(client: Client, ben: Person) -> None:
    assert link(client, provider("local"), ben, "ben") == {"provider"}
    assert not ExternalIdentity.objects.filter(provider__kind="local").exists()


def test_gone_is_shown(client: Client, ben: Person) -> None:
    gone_at = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
    at = provider("oidc")
    identity = ExternalIdentity.objects.create(
        provider=at, person=ben, subject="ben", gone_at=gone_at, gone_why="disabled"
    )
    Person.objects.filter(pk=ben.pk).update(
        is_active=False, deactivated_at=gone_at, deactivated_by_provider=at
    )
    for page in (
        f"/manage/directory/externalidentity/{identity.pk}/change/",
        "/manage/directory/externalidentity/",
        f"/manage/directory/person/{ben.pk}/change/",
    ):
        assert "2026-03-04 05:06:00 UTC: disabled" in client.get(page).content.decode()
    assert "oidc" in client.get(f"/manage/directory/person/{ben.pk}/change/").content.decode()


def test_whose_it_is_stays(client: Client, ben: Person, mallory: Person) -> None:
    at = provider("oidc")
    identity = ExternalIdentity.objects.create(provider=at, person=ben, subject="ben")
    page = f"/manage/directory/externalidentity/{identity.pk}/change/"
    assert errors_of(save(client, page, person=str(mallory.pk), subject="ben2")) == {}
    identity.refresh_from_db()
    assert (identity.person, identity.subject) == (ben, "ben2")


def test_unlinking_asks_why_and_takes_the_providers_groups_along(client: Client, ben: Person) -> None:
    at = provider("oidc")
    identity = ExternalIdentity.objects.create(provider=at, person=ben, subject="ben")
    group = Group.objects.create(name="Theirs", provider=at)
    group.members.add(ben)
    delete = f"/manage/directory/externalidentity/{identity.pk}/delete/"
    clerk = signed_in(make_admin("view_externalidentity", "delete_externalidentity"))
    assert clerk.post(delete, {"confirmed": "yes", "reason": "x"}).status_code == 403
    assert client.get(delete).status_code == client.post(delete, {"post": "yes"}).status_code == 200
    assert client.post(delete, {"confirmed": "yes", "reason": ""}).status_code == 200
    assert ExternalIdentity.objects.filter(pk=identity.pk).exists()
    assert client.post(delete, {"confirmed": "yes", "reason": "left the team"}).status_code == 302
    assert not ExternalIdentity.objects.filter(pk=identity.pk).exists()
    assert not group.members.exists()
    assert trail("directory.identity.unlinked")[0].details["reason"] == "left the team"

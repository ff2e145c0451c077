"""A provider's metadata is read as sign-in will read it, and says itself which provider it is."""

import pytest
from django.test import Client

from portal.directory.models import ExternalIdentity, IdentityProvider, OidcSettings, Partner, Person
from tests.integration.staff.pages import errors_of, save, trail
from tests.integration.web.saml_visits import OTHER, OWN, described
from tests.saml_forge.keys import rsa_key
from tests.sign_ins import browser_of
from tests.world import signed_in

pytestmark = pytest.mark.django_db
ADD = "/manage/directory/identityprovider/add/?kind=saml"
LINK = "/manage/directory/externalidentity/add/"


@pytest.fixture
def client(root: Person) -> Client:
    return signed_in(root)


def form(entity_id: str = OWN, **changes: str) -> dict[str, str]:
    known = {
        "name": "Own company",
        "slug": "own",
        "is_enabled": "on",
        "saml-0-metadata": described(entity_id, rsa_key("own")),
        "saml-0-max_assertion_minutes": "70",
        "sign_in_hours": "8",
        "max_age_hours": "24",
        "scim_subject": "userName",
        "saml-TOTAL_FORMS": "1",
        "saml-INITIAL_FORMS": "0",
    }
    return {**known, **changes}


def test_the_entity_id_comes_from_the_metadata(client: Client) -> None:
    assert errors_of(client.post(ADD, form(entity_id_typed="x") | {"entity_id": "urn:typed"})) == {}
    provider = IdentityProvider.objects.get(slug="own")
    assert provider.saml.entity_id == OWN
    assert trail("staff.record.added")[0].details["record"] == "identity provider"
    address = f"/manage/directory/identityprovider/{provider.pk}/change/"
    assert errors_of(save(client, address, **{"saml-0-metadata": described(OTHER, rsa_key("own"))})) == {}
    provider.refresh_from_db()
    assert provider.saml.entity_id == OTHER


@pytest.mark.parametrize("metadata", ["", "<x/>", "not xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_metadata_that_can_not_be_used(client: Client, metadata: str) -> None:
    assert set(errors_of(client.post(ADD, form(**{"saml-0-metadata": metadata})))) == {"saml-0-metadata"}
    assert not IdentityProvider.objects.exclude(slug="tests").exists()


def test_the_same_provider_twice_is_an_error_and_not_a_crash(client: Client) -> None:
    client.post(ADD, form())
    assert "saml-0-__all__" in errors_of(client.post(ADD, form(slug="again")))
    assert errors_of(client.post(ADD, form(OTHER, slug="again"))) == {}


def test_another_provider_does_not_take_over_whom_this_one_vouched_for(client: Client, ben: Person) -> None:
    client.post(ADD, form())
    provider = IdentityProvider.objects.get(slug="own")
    ExternalIdentity.objects.create(provider=provider, person=ben, subject="ben")
    address = f"/manage/directory/identityprovider/{provider.pk}/change/"
    refused = errors_of(save(client, address, **{"saml-0-metadata": described(OTHER, rsa_key("own"))}))
    assert "another provider" in refused["saml-0-metadata"][0]
    assert errors_of(save(client, address, **{"saml-0-metadata": described(OWN, rsa_key("next"))})) == {}
    provider.refresh_from_db()
    assert provider.saml.metadata == described(OWN, rsa_key("next"))


def test_it_is_disabled_and_never_deleted(client: Client) -> None:
    client.post(ADD, form())
    provider = IdentityProvider.objects.get(slug="own")
    address = f"/manage/directory/identityprovider/{provider.pk}/"
    assert client.post(f"{address}delete/", {"post": "yes"}).status_code == 403
    assert errors_of(save(client, f"{address}change/", is_enabled=None)) == {}
    assert not IdentityProvider.objects.get(slug="own").is_enabled


def test_who_came_in_by_a_provider_that_is_switched_off_goes(ben: Person, root: Person) -> None:
    own, other = (
        IdentityProvider.objects.create(slug=slug, name=slug, kind="oidc") for slug in ("own", "other")
    )
    for provider in (own, other):
        OidcSettings.objects.create(
            provider=provider, issuer=f"https://{provider.slug}.example.test", client_id="portal"
        )
    admin, theirs, elsewhere = (
        browser_of(root, provider=own),
        browser_of(ben, provider=own),
        browser_of(ben, provider=other),
    )
    address = f"/manage/directory/identityprovider/{own.pk}/change/"
    assert errors_of(save(admin, address, name="Own company")) == {}
    assert theirs.get("/").status_code == 200, "another change ends nothing"
    assert errors_of(save(admin, address, is_enabled=None)) == {}
    assert theirs.get("/").status_code == 303
    assert elsewhere.get("/").status_code == 200
    assert admin.get(address).status_code == 200, "whoever does it can go on"
    [ended] = trail("directory.sign_in.ended_by_provider")
    assert (ended.details["why"], ended.person_id) == ("provider switched off", ben.pk)


@pytest.mark.parametrize("subject", ["b en", "b\u00a0en", "b\u0435n", "ben\u200b", "b\x7f"])
def test_look_alikes_are_not_linked(client: Client, ben: Person, subject: str) -> None:
    client.post(ADD, form())
    provider = IdentityProvider.objects.get(slug="own")
    sent = {"provider": str(provider.pk), "person": str(ben.pk), "subject_format": ""}
    assert set(errors_of(client.post(LINK, {**sent, "subject": subject}))) == {"subject"}
    assert errors_of(client.post(LINK, {**sent, "subject": "ben@example.com"})) == {}


def test_a_provider_vouches_for_its_own_companys_people_only(
    client: Client, ben: Person, partner: Partner
) -> None:
    client.post(ADD, form(partner=str(partner.pk)))
    provider = IdentityProvider.objects.get(slug="own")
    sent = {"provider": str(provider.pk), "person": str(ben.pk), "subject": "ben", "subject_format": ""}
    assert set(errors_of(client.post(LINK, sent))) == {"provider"}
    Person.objects.filter(pk=ben.pk).update(partner=partner)
    assert errors_of(client.post(LINK, sent)) == {}

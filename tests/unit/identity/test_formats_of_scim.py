"""SCIM and sign-ins mean one identity: under two NameID formats whoever leaves by one would stay by the other."""

from datetime import UTC, datetime

import pytest

from brokers.types import ProvenIdentity
from portal.directory.models import ExternalIdentity, IdentityProvider, Person
from portal.identity.operations.complete_sign_in import SignedIn, complete_sign_in
from portal.identity.operations.provision_user import deprovision_user, provision_user
from portal.identity.operations.provisioning import ToldUser
from portal.identity.operations.refusing import SignInRefusedError
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import ConflictError

pytestmark = pytest.mark.django_db
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
NOBODY = Actor(ActorKind.NOBODY, "nobody")
SCIM = Actor.system("SCIM of own")


@pytest.fixture
def own(db: None) -> IdentityProvider:
    return IdentityProvider.objects.create(slug="own", name="Own", kind="saml")


def sign_in(provider: IdentityProvider, subject: str = "ada") -> SignedIn:
    proven = ProvenIdentity(subject=subject, subject_format=PERSISTENT, authenticated_at=datetime.now(UTC))
    return complete_sign_in(provider=provider, proven=proven, next_path="/", actor=NOBODY)


def tell(provider: IdentityProvider, name: str = "ada") -> ExternalIdentity:
    told = ToldUser(user_name=name, external_id="", is_active=True, name="", email="", resource={})
    return provision_user(provider=provider, told=told, actor=SCIM).identity


def test_scim_makes_no_second_person_of_who_signs_in_by_another_format(own: IdentityProvider) -> None:
    ada = sign_in(own).person
    with pytest.raises(ConflictError, match="persistent"):
        tell(own)
    assert tell(own, "ben").person != ada, "who never came is made"
    IdentityProvider.objects.update(scim_subject_format=PERSISTENT)
    own.refresh_from_db()
    assert tell(own).person == ada


def test_nobody_signs_in_as_a_second_person_beside_the_one_of_scim(own: IdentityProvider) -> None:
    tell(own)
    before = Person.objects.count()
    with pytest.raises(SignInRefusedError) as refusal:
        sign_in(own)
    assert refusal.value.reason == "directory.forbidden"
    assert "NameID format" in refusal.value.detail
    assert Person.objects.count() == before
    assert sign_in(own, "ben").person.is_active, "of whom SCIM told nothing"


def test_a_format_that_was_put_right_works_from_then_on(own: IdentityProvider) -> None:
    wrong = tell(own)
    deprovision_user(provider=own, user_id=wrong.scim_user.pk, actor=SCIM)
    IdentityProvider.objects.update(scim_subject_format=PERSISTENT)
    own.refresh_from_db()
    assert tell(own).person == sign_in(own).person != wrong.person


def test_by_the_same_format_they_are_one(own: IdentityProvider) -> None:
    IdentityProvider.objects.update(scim_subject_format=PERSISTENT)
    own.refresh_from_db()
    assert tell(own).person == sign_in(own).person

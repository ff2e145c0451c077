# ruff: noqa: E501  # addresses
"""Who a SCIM user is in the portal: RFC 7643, 3.1 and 4.1; RFC 7644, 3.3, 3.5.1, 3.6."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from brokers.types import ProvenIdentity
from portal.audit.models import AuditEvent
from portal.directory.models import (
    ExternalIdentity,
    IdentityProvider,
    Partner,
    Person,
    ScimToken,
    ScimUser,
    SignIn,
)
from portal.directory.vouching import vouched_until
from portal.identity.operations.admit_person import person_for
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import ForbiddenError
from tests.integration.scim.calling import USER, Scim, refused

pytestmark = [pytest.mark.django_db, pytest.mark.thorough]
NOBODY = Actor(ActorKind.NOBODY, "nobody")


def proven(subject: str, **more: Any) -> ProvenIdentity:
    told: dict[str, Any] = {"subject": subject, "login": subject, "groups": None, "attributes": {}}
    return ProvenIdentity(**told | {"authenticated_at": timezone.now()} | more)


def signs_in(provider: IdentityProvider, subject: str) -> Person:
    return person_for(provider=provider, proven=proven(subject), actor=NOBODY).person


def events(*kinds: str) -> list[str]:
    rows = (
        AuditEvent.objects.filter(type__startswith="directory.").order_by("pk").values_list("type", flat=True)
    )
    return [
        row.removeprefix("directory.") for row in rows if not kinds or row.removeprefix("directory.") in kinds
    ]


def test_a_new_user_is_a_new_person(scim: Scim, acme: IdentityProvider) -> None:
    """3.3: 201, with its location."""
    body = {
        "schemas": [USER], "userName": "ben@acme.com", "externalId": "7", "name": {"givenName": "Ben", "familyName": "L"},
        "emails": [{"value": "home@x.org"}, {"value": "ben@acme.com", "primary": True}],
    }  # fmt: skip
    made = scim.post("Users", body)
    person = Person.objects.get()

    assert (
        made["Location"]
        == made.json()["meta"]["location"]
        == f"http://localhost:8000/scim/v2/acme/Users/{made.json()['id']}"
    )
    assert (person.name, person.email, person.is_active) == ("Ben L", "ben@acme.com", True)
    identity = ExternalIdentity.objects.get()
    assert (identity.subject, identity.login, identity.is_provisioned) == (
        "ben@acme.com",
        "ben@acme.com",
        True,
    )
    assert signs_in(acme, "ben@acme.com") == person
    assert events() == ["scim_token.created", "person.admitted", "scim.user_changed"]
    event = AuditEvent.objects.get(type="directory.scim.user_changed")
    assert (event.actor_label, event.person_id, event.details["what"]) == (
        "SCIM of acme, token Entra",
        person.pk,
        "made",
    )


def test_scims_word_stands_while_a_token_does(scim: Scim) -> None:
    scim.user("ben")
    person, now = Person.objects.get(), timezone.now()
    until = vouched_until(person.pk, at=now)
    assert until is not None
    assert until > now + timedelta(days=365)

    ScimToken.objects.update(revoked_at=now)
    until = vouched_until(person.pk, at=now)
    assert until is not None
    assert until < now + timedelta(days=2)


def test_a_name_is_had_once(scim: Scim, neighbour: Scim) -> None:
    """3.3 and 3.12: 409 uniqueness, without regard to case (RFC 7643, 4.1.1); another provider's is another's."""
    scim.user("ben")
    for name in ("ben", "BEN"):
        refused(scim.post("Users", {"schemas": [USER], "userName": name}), 409, "uniqueness")
    eve = scim.user("eve")
    refused(
        scim.patch(f"Users/{eve['id']}", {"op": "replace", "path": "userName", "value": "Ben"}),
        409,
        "uniqueness",
    )
    assert neighbour.user("ben")
    assert Person.objects.count() == 3


def test_whoever_signed_in_before_is_taken_over(scim: Scim, acme: IdentityProvider) -> None:
    """By provider, format and subject exactly: neither case nor e-mail makes anybody somebody else."""
    ben, other = signs_in(acme, "ben"), signs_in(acme, "BEN2")
    Person.objects.update(email="ben@acme.com")
    made = scim.user("ben", displayName="Ben Provisioned", emails=[{"value": "ben@acme.com"}])
    assert Person.objects.count() == 2
    ben.refresh_from_db()
    assert ben.name == "Ben Provisioned"
    assert ScimUser.objects.get(pk=made["id"]).identity.person == ben
    assert ExternalIdentity.objects.get(person=ben).is_provisioned

    scim.user("ben2", emails=[{"value": "ben@acme.com"}])
    assert Person.objects.count() == 3
    assert not ScimUser.objects.filter(identity__person=other).exists()


def test_the_format_belongs_to_the_subject(scim: Scim, acme: IdentityProvider) -> None:
    ben = signs_in(acme, "ben")
    IdentityProvider.objects.update(scim_subject_format="urn:persistent")
    # Two people by one name, of whom one would stay when the other leaves: somebody has to say which is meant.
    refused(scim.post("Users", {"schemas": [USER], "userName": "ben"}), 409)
    ExternalIdentity.objects.update(gone_at=timezone.now(), gone_why="removed")
    scim.user("ben")
    assert Person.objects.count() == 2
    found = person_for(
        provider=acme, proven=proven("ben", subject_format="urn:persistent"), actor=NOBODY
    ).person
    assert found != ben


def test_external_id_as_the_subject(scim: Scim, acme: IdentityProvider) -> None:
    IdentityProvider.objects.update(scim_subject="externalId")
    refused(scim.post("Users", {"schemas": [USER], "userName": "ben"}), 400, "invalidValue")
    ben = scim.user("ben", externalId="o-1")
    person = Person.objects.get()
    assert signs_in(acme, "o-1") == person
    renamed = scim.patch(f"Users/{ben['id']}", {"op": "replace", "path": "userName", "value": "benjamin"})
    assert renamed.status_code == 200
    assert ExternalIdentity.objects.get().login == "benjamin"
    refused(
        scim.post("Users", {"schemas": [USER], "userName": "eve", "externalId": "o-1"}), 409, "uniqueness"
    )


def test_a_partners_users_are_the_partners(
    scim: Scim, acme: IdentityProvider, partner: Partner, person: Any
) -> None:
    IdentityProvider.objects.filter(pk=acme.pk).update(partner=partner)
    own = person("In-house")
    ExternalIdentity.objects.create(provider=acme, person=own, subject="guest")

    scim.user("ben")
    assert Person.objects.get(name="ben").partner == partner
    refused(scim.post("Users", {"schemas": [USER], "userName": "guest"}), 409)
    assert not ScimUser.objects.filter(identity__person=own).exists()


RENAME = {"op": "replace", "path": "userName", "value": "benjamin"}


def test_a_name_that_nobody_signed_in_by_changes(scim: Scim, acme: IdentityProvider) -> None:
    ben = scim.user("ben")
    assert scim.patch(f"Users/{ben['id']}", RENAME).json()["userName"] == "benjamin"
    assert signs_in(acme, "benjamin") == Person.objects.get()


@pytest.mark.parametrize("held", ["signed in", "an admin", "another identity", "a grant"])
def test_a_name_that_is_a_key_to_something_stays(
    scim: Scim, acme: IdentityProvider, neighbour: Scim, make_grant: Any, held: str
) -> None:
    """mutability: whoever has a SCIM token could else make another subject the key to what a person holds."""
    ben = scim.user("ben")
    person = Person.objects.get()
    if held == "signed in":
        signs_in(acme, "ben")
    elif held == "an admin":
        Person.objects.update(is_staff=True)
    elif held == "a grant":
        make_grant(person)
    else:
        ExternalIdentity.objects.create(provider=neighbour.provider, person=person, subject="x")

    refused(scim.patch(f"Users/{ben['id']}", RENAME), 400, "mutability")
    refused(scim.put(f"Users/{ben['id']}", {"schemas": [USER], "userName": "benjamin"}), 400, "mutability")
    assert ExternalIdentity.objects.get(provider=acme).subject == "ben"
    assert (
        scim.patch(f"Users/{ben['id']}", {"op": "replace", "path": "title", "value": "x"}).status_code == 200
    )


def test_a_rename_follows_an_identity_that_was_linked(scim: Scim, acme: IdentityProvider) -> None:
    ben = scim.user("ben")
    person = signs_in(acme, "ben")
    linked = ExternalIdentity.objects.create(provider=acme, person=person, subject="benjamin")

    assert scim.patch(f"Users/{ben['id']}", RENAME).status_code == 200
    linked.refresh_from_db()
    assert linked.is_provisioned
    assert not ExternalIdentity.objects.get(subject="ben").is_provisioned
    assert ScimUser.objects.get().identity == linked


def test_a_rename_to_somebody_else_is_refused(scim: Scim, acme: IdentityProvider) -> None:
    ben = scim.user("ben")
    eve = signs_in(acme, "benjamin")
    refused(scim.patch(f"Users/{ben['id']}", RENAME), 409, "uniqueness")
    assert signs_in(acme, "benjamin") == eve


@pytest.mark.parametrize("how", ["patch", "put", "delete"])
def test_gone_and_back(scim: Scim, acme: IdentityProvider, how: str) -> None:
    """3.6: DELETE, and active: false; nobody signs in by it any more, and active: true lets them again."""
    ben, eve = scim.user("ben"), scim.user("eve")
    person = signs_in(acme, "ben")
    path = f"Users/{ben['id']}"
    if how == "patch":
        scim.patch(path, {"op": "replace", "path": "active", "value": False})
    elif how == "put":
        scim.put(path, {"schemas": [USER], "userName": "ben", "active": False})
    else:
        assert scim.delete(path).status_code == 204
        refused(scim.get(path), 404)
        refused(scim.delete(path), 404)
    person.refresh_from_db()
    assert not person.is_active
    with pytest.raises(ForbiddenError):
        signs_in(acme, "ben")
    assert signs_in(acme, "eve").is_active
    assert scim.get(f"Users/{eve['id']}").json()["active"] is True
    assert events("identity.gone", "person.changed") == ["identity.gone", "person.changed"]

    if how == "delete":
        scim.user("ben")
    else:
        scim.patch(path, {"op": "replace", "value": {"active": True}})
    assert signs_in(acme, "ben") == person
    assert not SignIn.objects.exists()


def test_whom_an_admin_deactivated_scim_does_not_bring_back(scim: Scim, acme: IdentityProvider) -> None:
    ben = scim.user("ben")
    Person.objects.update(is_active=False, deactivated_at=timezone.now())
    for active in (False, True):
        scim.patch(f"Users/{ben['id']}", {"op": "replace", "path": "active", "value": active})
    with pytest.raises(ForbiddenError):
        signs_in(acme, "ben")


def test_made_inactive_is_gone_from_the_start(scim: Scim, acme: IdentityProvider) -> None:
    assert scim.user("ben", active=False)["active"] is False
    with pytest.raises(ForbiddenError):
        signs_in(acme, "ben")


def test_a_put_that_does_not_say_leaves_active_as_it_was(scim: Scim) -> None:
    """3.5.1 lets the service choose: nobody is let in, or thrown out, by what was left unsaid."""
    ben, eve = scim.user("ben", active=False, title="x"), scim.user("eve")
    for user, active in ((ben, False), (eve, True)):
        told = {"schemas": [USER], "userName": user["userName"]}
        put = scim.put(f"Users/{user['id']}", told).json()
        assert (put["active"], "title" in put) == (active, False)


def test_a_person_who_holds_more_elsewhere_stays(scim: Scim, acme: IdentityProvider, neighbour: Scim) -> None:
    IdentityProvider.objects.update(gone_everywhere=False)
    ben = scim.user("ben")
    person = Person.objects.get()
    ExternalIdentity.objects.create(provider=neighbour.provider, person=person, subject="x")
    scim.delete(f"Users/{ben['id']}")
    person.refresh_from_db()
    assert person.is_active
    with pytest.raises(ForbiddenError):
        signs_in(acme, "ben")
    assert signs_in(neighbour.provider, "x") == person

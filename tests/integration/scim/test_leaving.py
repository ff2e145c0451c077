"""What ends with a user and with a membership: sessions, tokens, grants and what is live in AWS; and nobody else's."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from brokers.types import ProvenIdentity
from portal.access.models import Grant, Revocation
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.cutting.work_off import work_off
from portal.access.operations.grants.take_entitlement import take_entitlement
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole, Entitlement
from portal.directory.models import (
    ApiToken,
    ExternalIdentity,
    Group,
    GroupMembership,
    IdentityProvider,
    Person,
    ScimGroup,
    ScimUser,
)
from portal.directory.operations.api_tokens import create_token
from portal.identity.operations.admit_person import person_for
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import NotFoundError
from portal.kernel.models import OutboxMessage
from tests.fakes import FakeAws
from tests.integration.scim.calling import Scim, refused
from tests.world import signed_in

pytestmark = pytest.mark.django_db
Taking = Callable[[Person, Entitlement], Grant]


@pytest.fixture
def take(aws: FakeAws, actor_of: Any) -> Taking:
    """Take it, and have credentials issued."""

    def act(who: Person, offer: Entitlement) -> Grant:
        order = {"entitlement_id": offer.pk, "minutes": 60, "reason": "work", "aws": aws.ports()}
        grant = take_entitlement(**order, actor=actor_of(who))  # type: ignore[arg-type]  # as it wants them
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(who))
        return grant

    return act


def person_of(user: dict[str, Any]) -> Person:
    return ScimUser.objects.get(pk=user["id"]).identity.person


def offer_to(group: dict[str, Any], role: AwsRole) -> Entitlement:
    return Entitlement.objects.create(group=ScimGroup.objects.get(pk=group["id"]).group, role=role)


def userids(grant: Grant) -> set[str]:
    return set(grant.aws_sessions.values_list("userid", flat=True))


def state(grant: Grant) -> str:
    grant.refresh_from_db()
    return grant.state


INACTIVE = {"op": "replace", "value": {"active": False}}


@pytest.mark.parametrize("how", ["inactive", "deleted"])
def test_who_is_gone_loses_live_access_and_the_neighbour_none(  # noqa: PLR0917  # fixtures
    scim: Scim, take: Taking, role: AwsRole, aws: FakeAws, actor_of: Any, how: str
) -> None:
    ben, eve = scim.user("ben"), scim.user("eve")
    offer = offer_to(scim.group("g", ben, eve), role)
    person, stays = person_of(ben), person_of(eve)
    gone, kept = take(person, offer), take(stays, offer)
    browser, other_browser = signed_in(person), signed_in(stays)
    for one in (person, stays):
        create_token(name="t", scopes=["grants:read"], days=1, actor=actor_of(one))
    assert browser.get("/").status_code == 200
    OutboxMessage.objects.all().delete()

    if how == "deleted":
        assert scim.delete(f"Users/{ben['id']}").status_code == 204
    else:
        assert scim.patch(f"Users/{ben['id']}", INACTIVE).status_code == 200

    assert (state(gone), state(kept)) == ("suspended", "active")
    assert browser.get("/").status_code != 200
    assert other_browser.get("/").status_code == 200
    assert list(ApiToken.objects.filter(revoked_at=None).values_list("person", flat=True)) == [stays.pk]
    assert OutboxMessage.objects.filter(delivered_at=None).exists(), "a worker is woken"
    work_off(aws=aws.ports(), holder="worker")
    assert Revocation.objects.get().state == "applied"
    assert aws.denied() == userids(gone)
    assert issue_credentials(grant_id=kept.pk, aws=aws.ports(), actor=actor_of(stays))


def test_who_left_a_group_loses_what_it_gave(
    scim: Scim, take: Taking, make_role: Any, aws: FakeAws, actor_of: Any
) -> None:
    ben, eve = scim.user("ben"), scim.user("eve")
    one, other = scim.group("one", ben, eve), scim.group("other", ben)
    lost = take(person_of(ben), offer_to(one, make_role("One")))
    kept = take(person_of(ben), offer_to(other, make_role("Other")))
    theirs = take(person_of(eve), Entitlement.objects.get(role__name="One"))

    scim.patch(f"Groups/{one['id']}", {"op": "remove", "path": f'members[value eq "{ben["id"]}"]'})

    assert (state(lost), state(kept), state(theirs)) == ("suspended", "active", "active")
    assert lost.end_reason == "They are no longer in one."
    work_off(aws=aws.ports(), holder="worker")
    assert aws.denied() == userids(lost)
    with pytest.raises(NotFoundError):
        take(person_of(ben), lost.entitlement)  # type: ignore[arg-type]  # it was taken through one
    event = AuditEvent.objects.filter(type="directory.person.groups_changed").latest("pk")
    assert (event.person_id, event.details["left"]) == (person_of(ben).pk, ["one"])


def test_a_put_without_them_and_a_deleted_group_end_it_too(scim: Scim, take: Taking, make_role: Any) -> None:
    ben = scim.user("ben")
    group, other = scim.group("g", ben), scim.group("h", ben)
    first = take(person_of(ben), offer_to(group, make_role("One")))
    second = take(person_of(ben), offer_to(other, make_role("Two")))

    scim.put(f"Groups/{group['id']}", {"schemas": group["schemas"], "displayName": "g"})
    assert (state(first), state(second)) == ("suspended", "active")
    assert scim.delete(f"Groups/{other['id']}").status_code == 204
    assert state(second) == "suspended"


def test_a_deleted_group_that_gives_something_stays_without_members(scim: Scim, role: AwsRole) -> None:
    """PROTECT: the entitlement needs its group; the next group of that name takes it over."""
    ben = scim.user("ben")
    group, plain = scim.group("g", ben), scim.group("plain", ben)
    offer = offer_to(group, role)
    for one in (group, plain):
        assert scim.delete(f"Groups/{one['id']}").status_code == 204
        refused(scim.get(f"Groups/{one['id']}"), 404)

    assert [row.name for row in Group.objects.all()] == ["g"]
    assert not GroupMembership.objects.exists()
    scim.group("g", ben)
    offer.refresh_from_db()
    assert list(offer.group.members.all()) == [person_of(ben)]


def test_a_group_that_was_there_is_taken_over(scim: Scim, acme: IdentityProvider, person: Any) -> None:
    """From then on its members are those that SCIM tells: nobody else stays in."""
    stranger, ben = person("Stranger"), scim.user("ben")
    there = Group.objects.create(provider=acme, name="g")
    GroupMembership.objects.create(group=there, person=stranger)
    GroupMembership.objects.create(group=there, person=person_of(ben))

    group = scim.group("g", ben)
    assert list(there.members.all()) == [person_of(ben)]
    refused(scim.post("Groups", {"schemas": group["schemas"], "displayName": "g"}), 409, "uniqueness")
    other = scim.group("h")
    rename = {"op": "replace", "path": "displayName", "value": "g"}
    refused(scim.patch(f"Groups/{other['id']}", rename), 409, "uniqueness")


def test_who_comes_back_is_in_their_groups_again_and_holds_nothing(
    scim: Scim, take: Taking, role: AwsRole
) -> None:
    """Clients tell memberships once: being inactive for a while is not leaving a group."""
    ben = scim.user("ben")
    group, left = scim.group("g", ben), scim.group("left", ben)
    offer = offer_to(group, role)
    grant = take(person_of(ben), offer)
    scim.patch(f"Users/{ben['id']}", INACTIVE)
    assert not GroupMembership.objects.exists()
    assert len(scim.get(f"Groups/{group['id']}").json()["members"]) == 1
    scim.patch(f"Groups/{left['id']}", {"op": "remove", "path": "members"})

    scim.patch(f"Users/{ben['id']}", {"op": "replace", "value": {"active": True}})
    assert [one.group.name for one in GroupMembership.objects.all()] == ["g"]
    assert state(grant) == "suspended"
    assert take(person_of(ben), offer)


def test_an_inactive_user_joins_on_paper_alone(scim: Scim) -> None:
    ben = scim.user("ben", active=False)
    group = scim.group("g", ben)
    assert [one["value"] for one in group["members"]] == [ben["id"]]
    assert not GroupMembership.objects.exists()


def test_a_sign_in_that_names_no_groups_takes_nobody_out_of_scims(scim: Scim, acme: IdentityProvider) -> None:
    ben = scim.user("ben")
    scim.group("told by scim", ben)
    scim.group("not theirs")
    for named in ((), ("by assertion", "not theirs")):
        told = ProvenIdentity(
            subject="ben", login="ben", groups=named, attributes={}, authenticated_at=database_now()
        )
        person_for(provider=acme, proven=told, actor=Actor.system("tests"))
    held = GroupMembership.objects.filter(person=person_of(ben)).values_list("group__name", flat=True)
    assert sorted(held) == ["by assertion", "told by scim"]


@pytest.mark.thorough
def test_thousands_of_members_take_a_fixed_number_of_statements(scim: Scim, acme: IdentityProvider) -> None:
    users = plant(acme, 3000)

    def statements(*operations: dict[str, Any]) -> int:
        with CaptureQueriesContext(connection) as seen:
            assert scim.patch(f"Groups/{group['id']}", *operations).status_code == 204
        return len(seen)

    group = scim.group("g")
    few = statements({"op": "add", "path": "members", "value": [{"value": str(one)} for one in users[:3]]})
    many = statements({"op": "add", "path": "members", "value": [{"value": str(one)} for one in users]})
    assert GroupMembership.objects.count() == 3000
    # Inserts go a thousand at a time, on SQLite some hundred.
    more = 8 if connection.vendor == "postgresql" else 60
    assert many <= few + more
    gone = statements({"op": "replace", "path": "members", "value": []})
    assert not GroupMembership.objects.exists()
    assert gone <= few + more
    assert AuditEvent.objects.filter(type="directory.person.groups_changed").count() == 6000


def plant(provider: IdentityProvider, number: int) -> list[Any]:
    """Users as rows."""
    now = database_now()
    people = Person.objects.bulk_create(Person(name=f"Person {one}", password="!") for one in range(number))
    identities = ExternalIdentity.objects.bulk_create(
        ExternalIdentity(provider=provider, person=one, subject=one.name) for one in people
    )
    made = ScimUser.objects.bulk_create(
        ScimUser(provider=provider, identity=one, user_name=one.subject, created_at=now, modified_at=now)
        for one in identities
    )
    return [one.pk for one in made]

"""Taking what a group is entitled to: who may, for how long, by all the rules of every grant."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from portal.access.models import Grant
from portal.access.offers import offers_to
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.grants.extend_grant import extend_grant
from portal.access.operations.grants.make_grant import GrantOrder, make_grant
from portal.access.operations.grants.release_grant import release_grant
from portal.access.operations.grants.take_entitlement import take_entitlement
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole, Entitlement
from portal.directory.models import ExternalIdentity, IdentityProvider, Partner, Person
from portal.directory.vouching import SignInTooOldError
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import (
    ConflictError,
    DomainError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from tests.entitled import be_gone, entitle, make_group
from tests.fakes import FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
HOUR = timedelta(hours=1)
SHELL = Actor.command("tests")


@pytest.fixture
def offer(ben: Person, role: AwsRole) -> Entitlement:
    """Ben's group may take the role for two hours at a time."""
    return entitle(make_group(ben), role, longest_minutes=120)


@pytest.fixture
def take(offer: Entitlement, ben: Person, aws: FakeAws, actor_of: Make) -> Make:
    def act(what: Any = offer, minutes: int = 60, who: Any = ben, **more: Any) -> Grant:
        actor = who if isinstance(who, Actor) else actor_of(who)
        given = {"reason": "on call", "entitlement_id": what.pk, "aws": aws.ports()}
        return take_entitlement(minutes=minutes, actor=actor, **given | more)

    return act


def refused(
    act: Callable[[], object], kind: type[DomainError], match: str | None = None, field: str = ""
) -> None:
    with pytest.raises(kind, match=match) as problem:
        act()
    assert getattr(problem.value, "field", "") == field
    assert not Grant.objects.exists()


def test_a_member_takes_it_and_uses_it_at_once(
    take: Make, offer: Entitlement, ben: Person, aws: FakeAws, actor_of: Make
) -> None:
    before = datetime.now(UTC)
    grant = take(minutes=120)
    assert (grant.person, grant.role, grant.entitlement, grant.granted_by) == (ben, offer.role, offer, None)
    assert (grant.state, grant.reason, grant.accepted_no_kill_switch) == ("active", "on call", False)
    assert before + timedelta(minutes=120, seconds=-1) <= grant.ends_at <= datetime.now(UTC) + 2 * HOUR
    assert grant.ends_at.microsecond == 0
    issued = issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(ben))
    assert issued.ends_at <= grant.ends_at
    event = AuditEvent.objects.get(type="access.grant.made")
    assert (event.actor_id, event.person_id, event.grant_id) == (ben.pk, ben.pk, grant.pk)
    assert event.details["entitlement"] == str(offer.pk)
    assert event.details["group"] == "operators"


def test_by_a_token_too(take: Make, ben: Person, actor_of: Make) -> None:
    assert take(who=actor_of(ben, ActorKind.TOKEN)).person == ben


def test_a_grant_that_an_admin_makes_says_nothing_of_a_group(make_grant: Make) -> None:
    assert make_grant().entitlement is None
    assert "group" not in AuditEvent.objects.get(type="access.grant.made").details


def test_who_is_not_in_the_group_sees_none_and_takes_none(
    take: Make, offer: Entitlement, mallory: Person, admin: Person, role: AwsRole
) -> None:
    other = entitle(make_group(mallory, name="others"), role)
    assert list(offers_to(mallory.pk)) == [other]
    for who in (mallory, admin, SHELL, Actor(ActorKind.NOBODY, "nobody")):
        refused(lambda who=who: take(who=who), NotFoundError)  # type: ignore[misc]  # bound at once
    refused(lambda: take(Entitlement(pk=uuid4())), NotFoundError)
    assert take()


@pytest.mark.parametrize("minutes", [-1, 0, 121, 10**9])
def test_no_longer_than_it_allows(take: Make, minutes: int) -> None:
    refused(lambda: take(minutes=minutes), InvalidError, "for 1 to 120 minutes", "minutes")


@pytest.mark.parametrize("minutes", [1, 120])
def test_the_shortest_and_the_longest(take: Make, minutes: int) -> None:
    grant = take(minutes=minutes)
    length = grant.ends_at - grant.starts_at
    assert timedelta(minutes=minutes, seconds=-1) < length <= timedelta(minutes=minutes)


@pytest.mark.parametrize("reason", ["", "  "])
def test_it_asks_for_a_reason(take: Make, reason: str) -> None:
    refused(lambda: take(reason=reason), InvalidError, "what the access is for", "reason")


def test_not_twice_at_once_and_again_after_it_was_given_back(
    take: Make, ben: Person, role: AwsRole, actor_of: Make, mallory: Person
) -> None:
    grant = take()
    with pytest.raises(ConflictError, match=f"until .* UTC .grant {grant.pk}"):
        take()
    make_group(mallory)
    assert take(who=mallory), "the neighbour in the group takes it at the same time"
    assert take(entitle(make_group(ben, name="night"), role)), "and through another group so does Ben"
    release_grant(grant_id=grant.pk, actor=actor_of(ben))
    assert take().pk != grant.pk


def test_one_that_is_over_but_not_swept_is_not_in_the_way(take: Make, move_time: Make) -> None:
    grant = take(minutes=1)
    move_time(grant.pk, 61)
    assert take().state == "active"
    grant.refresh_from_db()
    assert grant.state == "active", "no sweep has been there"


def test_switched_off_is_offered_to_nobody(
    take: Make, offer: Entitlement, ben: Person, role: AwsRole
) -> None:
    for rows in (Entitlement.objects.filter(pk=offer.pk), AwsRole.objects.filter(pk=role.pk)):
        rows.update(is_enabled=False)
        assert not offers_to(ben.pk)
        refused(take, NotFoundError)
        rows.update(is_enabled=True)
        assert list(offers_to(ben.pk)) == [offer]
    assert take()


def test_a_group_whose_provider_no_longer_vouches_gives_nothing(
    take: Make, offer: Entitlement, ben: Person
) -> None:
    own = ExternalIdentity.objects.create(
        provider=IdentityProvider.objects.create(slug="other", name="Other"),
        person=ben,
        subject="ben",
        confirmed_at=datetime.now(UTC),
    )
    be_gone(ben)  # the other provider still vouches, and knows nothing of that group
    refused(take, NotFoundError)
    be_gone(ben, gone_at=None, gone_why="")
    IdentityProvider.objects.filter(slug="tests").update(is_enabled=False)
    refused(take, NotFoundError)
    IdentityProvider.objects.filter(slug="tests").update(is_enabled=True)
    assert list(offers_to(ben.pk)) == [offer]
    own.delete()
    assert take()


def test_the_portals_own_group_needs_no_provider_but_somebody_who_vouches(
    take: Make, ben: Person, role: AwsRole
) -> None:
    offer = entitle(make_group(ben, name="house", told=False), role)
    be_gone(ben, gone_at=None, gone_why="", confirmed_at=datetime(2025, 1, 1, tzinfo=UTC))
    refused(lambda: take(offer), SignInTooOldError, "sign in again at The tests")
    be_gone(ben, gone_at=None, gone_why="", confirmed_at=datetime.now(UTC))
    assert take(offer)


def test_the_scope_is_filled_and_frozen(  # noqa: PLR0917  # fixtures
    take: Make, ben: Person, role: AwsRole, template: Any, aws: FakeAws, actor_of: Make
) -> None:
    offer = entitle(make_group(ben), role, scope_template=template, scope_parameters={"bucket": "reports"})
    grant = take(offer)
    assert grant.scope_summary == "Read the bucket reports"
    assert grant.scope_policy["Statement"][0]["Resource"] == "arn:aws:s3:::reports/*"
    template.policy = {"Version": "2012-10-17", "Statement": []}
    template.save()
    Entitlement.objects.filter(pk=offer.pk).update(scope_parameters={"bucket": "secrets"})
    issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(ben))
    [call] = aws.asked("assume_role")
    assert call.scope.policy["Statement"][0]["Resource"] == "arn:aws:s3:::reports/*"


def test_a_scope_that_is_wrong_by_now_gives_nothing(
    take: Make, ben: Person, make_role: Make, role: AwsRole, template: Any
) -> None:
    group, needs = make_group(ben), make_role("Scoped", requires_scope=True)
    refused(lambda: take(entitle(group, needs)), InvalidError, "with a scope only", "scope_template")
    refused(
        lambda: take(entitle(group, needs, scope_template=template)),
        InvalidError,
        "made for this role",
        "scope_template",
    )
    refused(
        lambda: take(entitle(group, role, scope_template=template)),
        InvalidError,
        "bucket",
        "scope_parameters",
    )


def test_no_kill_switch_must_have_been_accepted_by_whoever_made_it(
    take: Make, ben: Person, make_role: Make
) -> None:
    kept = make_role("Kept", is_writable=False)
    offer = entitle(make_group(ben), kept)
    refused(lambda: take(offer), InvalidError, "No kill switch", "accepts_no_kill_switch")
    Entitlement.objects.filter(pk=offer.pk).update(accepts_no_kill_switch=True)
    assert take(offer).accepted_no_kill_switch


def test_a_partners_people_within_their_contract_and_not_while_suspended(
    take: Make, partner: Partner, person: Make, role: AwsRole
) -> None:
    guest = person("Noa Guest", partner=partner)
    offer = entitle(make_group(guest, name="guests"), role, longest_minutes=43_200)
    Partner.objects.update(contract_ends_at=datetime.now(UTC) + HOUR)
    refused(lambda: take(offer, 61, guest), InvalidError, "contract ends", "ends_at")
    Partner.objects.update(suspended_at=datetime.now(UTC))
    refused(lambda: take(offer, 30, guest), InvalidError, "is suspended", "person")
    Partner.objects.update(suspended_at=None)
    assert take(offer, 30, guest)


def test_nobody_deactivated_takes_anything(take: Make, ben: Person) -> None:
    Person.objects.filter(pk=ben.pk).update(is_active=False, deactivated_at=datetime.now(UTC))
    refused(take, InvalidError, "active", "person")


def test_an_admin_extends_it_and_its_holder_does_not(
    take: Make, ben: Person, admin: Person, aws: FakeAws, actor_of: Make
) -> None:
    grant = take()
    later = {"grant_id": grant.pk, "ends_at": grant.ends_at + HOUR, "reason": "r", "aws": aws.ports()}
    with pytest.raises(ForbiddenError, match="Only an admin"):
        extend_grant(**later, actor=actor_of(ben))
    assert extend_grant(**later, actor=actor_of(admin)).ends_at == grant.ends_at + HOUR


def test_an_admin_still_grants_nothing_to_themselves(
    admin: Person, role: AwsRole, aws: FakeAws, actor_of: Make, take: Make
) -> None:
    offer = entitle(make_group(admin), role)
    order = GrantOrder(admin.pk, role.pk, datetime.now(UTC) + HOUR, "mine")
    refused(
        lambda: make_grant(order=order, aws=aws.ports(), actor=actor_of(admin)), ForbiddenError, "themselves"
    )
    assert take(offer, who=admin).granted_by is None, "what everybody in the group may take, they may too"

"""Gone is gone: whom their provider no longer vouches for has nothing left, at once; and nobody else loses a thing."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.access.models import ConsoleLink, Grant, Revocation
from portal.access.operations.credentials.console_links import make_console_link
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.cutting.work_off import work_off
from portal.access.operations.grants.deactivate_person import deactivate_person
from portal.access.operations.grants.take_entitlement import take_entitlement
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole, Entitlement
from portal.directory.models import (
    ApiToken,
    ExternalIdentity,
    GroupMembership,
    IdentityProvider,
    Person,
    SignIn,
)
from portal.directory.operations.api_tokens import create_token
from portal.directory.vouching import SignInTooOldError
from portal.identity.operations.gone import person_back, person_gone
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError, DomainError, NotFoundError
from tests.entitled import entitle, make_group
from tests.fakes import CONSOLE, FakeAws
from tests.sign_ins import browser_of
from tests.vouched import TESTS

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
SYNC = Actor.system("sync")
PROMISE = 60.0  # seconds from what the portal learns to what AWS denies


@dataclass
class Holder:
    """Somebody who holds one of everything."""

    person: Person
    actor: Actor
    browser: Client
    token: str
    link: str
    direct: Grant
    taken: Grant

    @property
    def identity(self) -> ExternalIdentity:
        return self.person.identities.get(provider__slug=TESTS)

    def states(self) -> tuple[str, str]:
        for grant in (self.direct, self.taken):
            grant.refresh_from_db()
        return self.direct.state, self.taken.state

    def userids(self, *grants: Grant) -> set[str]:
        found = grants or (self.direct, self.taken)
        return {session.userid for grant in found for session in grant.aws_sessions.all()}

    def is_in(self) -> bool:
        return self.browser.get(reverse("web:my-access")).status_code == 200

    def clicks(self) -> int:
        return self.browser.post(reverse("web:console-link", args=[self.link])).status_code

    def calls(self) -> int:
        client = Client(headers={"Authorization": f"Bearer {self.token}"})
        return client.get(reverse("api:grants")).status_code


@pytest.fixture
def offer(role: AwsRole) -> Entitlement:
    return entitle(make_group(), role)


@pytest.fixture
def holder(offer: Entitlement, make_grant: Make, aws: FakeAws, actor_of: Make) -> Make:
    """Give somebody one of everything, with a live session in AWS under each grant."""

    def make(person: Person) -> Holder:
        make_group(person)
        by: dict[str, Any] = {"aws": aws.ports(), "actor": actor_of(person)}
        direct = make_grant(person)
        taken = take_entitlement(entitlement_id=offer.pk, minutes=60, reason="work", **by)
        for grant in (direct, taken):
            issue_credentials(grant_id=grant.pk, **by)
        return Holder(
            person=person,
            actor=actor_of(person),
            browser=browser_of(person),
            token=create_token(
                name="t", scopes=list(ApiToken.Scope.values), days=1, actor=actor_of(person)
            ).plain,
            link=make_console_link(grant_id=direct.pk, destination=CONSOLE, **by).token,
            direct=direct,
            taken=taken,
        )

    return make


@pytest.fixture
def ada(holder: Make, person: Make) -> Holder:
    made: Holder = holder(person("Ada Brook"))
    return made


@pytest.fixture
def neighbour(holder: Make, person: Make) -> Holder:
    """In the same group, by the same provider, on the same role."""
    made: Holder = holder(person("Nia Neighbour"))
    return made


def gone(who: Holder, why: str = "disabled") -> bool:
    return person_gone(identity_id=who.identity.pk, why=why, actor=SYNC)


def second_identity(who: Holder, **fields: Any) -> ExternalIdentity:
    provider = IdentityProvider.objects.create(slug="second", name="Second", **fields)
    return ExternalIdentity.objects.create(
        provider=provider, person=who.person, subject="ada", confirmed_at=datetime.now(UTC)
    )


def assert_has_everything(who: Holder, aws: FakeAws) -> None:
    assert who.person.is_active
    assert who.is_in()
    assert who.calls() == 200
    assert who.states() == ("active", "active")
    assert not who.userids() & aws.denied()
    for grant in (who.direct, who.taken):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=who.actor)
    assert who.clicks() == 303


def test_everything_ends_at_once_and_the_neighbour_notices_nothing(
    ada: Holder, neighbour: Holder, aws: FakeAws
) -> None:
    assert ada.is_in()
    assert ada.calls() == 200
    asked_at = time.monotonic()
    assert gone(ada)
    # What closes with the transaction itself.
    assert not ada.is_in()
    assert ada.calls() == 401
    assert ada.states() == ("suspended", "suspended")
    assert not ConsoleLink.objects.filter(grant=ada.direct).exists()
    assert not SignIn.objects.filter(person=ada.person).exists()
    assert not GroupMembership.objects.filter(person=ada.person).exists()
    for grant in (ada.direct, ada.taken):
        with pytest.raises(DomainError):
            issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=ada.actor)
    # What the worker brings to AWS.
    work_off(aws=aws.ports(), holder="worker")
    took = time.monotonic() - asked_at
    assert aws.denied() == ada.userids()
    assert {row.state for row in Revocation.objects.all()} == {"applied"}
    assert took < PROMISE
    ada.person.refresh_from_db()
    assert (ada.person.is_active, ada.person.deactivated_by_provider) == (
        False,
        IdentityProvider.objects.get(slug=TESTS),
    )
    assert_has_everything(neighbour, aws)


def test_the_trail_tells_why(ada: Holder) -> None:
    gone(ada, "removed")
    event = AuditEvent.objects.get(type="directory.identity.gone")
    assert (event.person_id, event.details["why"]) == (ada.person.pk, "removed")
    changed = AuditEvent.objects.get(type="directory.person.changed", person_id=ada.person.pk)
    assert (changed.details["reason"], changed.details["grants_ended"]) == ("removed at The tests", 2)
    assert changed.details["tokens_revoked"] == 1
    ended = AuditEvent.objects.filter(type="access.grant.suspended").values_list("grant_id", flat=True)
    assert set(ended) == {ada.direct.pk, ada.taken.pk}


def test_told_twice_it_is_news_once(ada: Holder) -> None:
    assert gone(ada)
    rows = AuditEvent.objects.count()
    assert not gone(ada)
    assert AuditEvent.objects.count() == rows


def test_coming_back_gives_back_the_sign_in_alone(ada: Holder, aws: FakeAws) -> None:
    gone(ada)
    work_off(aws=aws.ports(), holder="worker")
    assert person_back(identity_id=ada.identity.pk, actor=SYNC)
    ada.person.refresh_from_db()
    assert (ada.person.is_active, ada.person.deactivated_by_provider) == (True, None)
    assert not ada.is_in(), "the browser that was open stays shut"
    assert ada.calls() == 401
    assert ada.clicks() in {303, 404}
    assert ada.states() == ("suspended", "suspended")
    assert aws.denied() == ada.userids()
    assert not GroupMembership.objects.filter(person=ada.person).exists()
    with pytest.raises(ConflictError):
        issue_credentials(grant_id=ada.direct.pk, aws=aws.ports(), actor=ada.actor)
    ada.browser = browser_of(ada.person)
    assert ada.is_in()
    assert ada.clicks() == 404
    assert not person_back(identity_id=ada.identity.pk, actor=SYNC)


def test_who_is_back_can_be_given_and_take_again(
    ada: Holder, offer: Entitlement, make_grant: Make, aws: FakeAws
) -> None:
    gone(ada)
    person_back(identity_id=ada.identity.pk, actor=SYNC)
    by: dict[str, Any] = {"aws": aws.ports(), "actor": ada.actor}
    again = make_grant(ada.person)
    issue_credentials(grant_id=again.pk, **by)
    with pytest.raises(NotFoundError):
        take_entitlement(entitlement_id=offer.pk, minutes=5, reason="r", **by)
    make_group(ada.person)
    assert take_entitlement(entitlement_id=offer.pk, minutes=5, reason="r", **by)


def test_where_the_word_does_not_count_everywhere_only_what_it_gave_is_lost(
    ada: Holder, neighbour: Holder, aws: FakeAws
) -> None:
    """The other provider still vouches: its sign-in, the tokens and what admins gave stay."""
    IdentityProvider.objects.update(gone_everywhere=False)
    second_identity(ada)
    elsewhere = browser_of(ada.person, provider=IdentityProvider.objects.get(slug="second"))
    assert gone(ada)
    work_off(aws=aws.ports(), holder="worker")
    assert not ada.is_in()
    assert elsewhere.get("/").status_code == 200
    assert ada.calls() == 200
    assert ada.states() == ("active", "suspended")
    assert aws.denied() == ada.userids(ada.taken)
    issue_credentials(grant_id=ada.direct.pk, aws=aws.ports(), actor=ada.actor)
    ada.person.refresh_from_db()
    assert ada.person.is_active
    assert_has_everything(neighbour, aws)


def test_where_it_does_count_everywhere_another_provider_does_not_help(ada: Holder) -> None:
    second_identity(ada)
    elsewhere = browser_of(ada.person, provider=IdentityProvider.objects.get(slug="second"))
    gone(ada)
    assert elsewhere.get("/").status_code == 303
    assert ada.states() == ("suspended", "suspended")
    assert ada.calls() == 401


@pytest.mark.parametrize("own", [True, False])
def test_a_partners_word_counts_everywhere_for_its_own_people_alone(
    ada: Holder, partner: Any, *, own: bool
) -> None:
    """Somebody in-house whom an admin linked there as a guest loses what they hold by it, and no more."""
    second_identity(ada)
    IdentityProvider.objects.exclude(slug="second").update(partner=partner)
    if own:
        Person.objects.filter(pk=ada.person.pk).update(partner=partner)
    assert gone(ada)
    ada.person.refresh_from_db()
    assert ada.person.is_active is not own


@pytest.mark.parametrize("fields", [{"is_enabled": False}, None])
def test_the_last_word_counts_everywhere_whatever_the_setting(
    ada: Holder, fields: dict[str, Any] | None
) -> None:
    """Nobody else vouches: there is no other provider, or it is switched off."""
    IdentityProvider.objects.update(gone_everywhere=False)
    if fields is not None:
        second_identity(ada, **fields)
    gone(ada)
    ada.person.refresh_from_db()
    assert not ada.person.is_active
    assert ada.states() == ("suspended", "suspended")


def test_who_is_left_with_an_old_word_keeps_grants_and_is_issued_nothing(ada: Holder, aws: FakeAws) -> None:
    IdentityProvider.objects.update(gone_everywhere=False)
    second = second_identity(ada)
    ExternalIdentity.objects.filter(pk=second.pk).update(confirmed_at=datetime(2025, 1, 1, tzinfo=UTC))
    gone(ada)
    assert ada.states() == ("active", "suspended")
    with pytest.raises(SignInTooOldError, match="sign in again at Second"):
        issue_credentials(grant_id=ada.direct.pk, aws=aws.ports(), actor=ada.actor)


def test_whom_an_admin_deactivated_the_source_does_not_bring_back(
    ada: Holder, admin: Person, actor_of: Make
) -> None:
    deactivate_person(person_id=ada.person.pk, reason="under investigation", actor=actor_of(admin))
    assert gone(ada)
    assert person_back(identity_id=ada.identity.pk, actor=SYNC)
    ada.person.refresh_from_db()
    assert (ada.person.is_active, ada.person.deactivated_by_provider) == (False, None)
    assert not ada.is_in()


def test_another_provider_does_not_bring_back_whom_this_one_took_away(ada: Holder) -> None:
    second = second_identity(ada)
    gone(ada)
    ExternalIdentity.objects.filter(pk=second.pk).update(gone_at=datetime.now(UTC), gone_why="left")
    person_back(identity_id=second.pk, actor=SYNC)
    ada.person.refresh_from_db()
    assert not ada.person.is_active
    person_back(identity_id=ada.identity.pk, actor=SYNC)
    ada.person.refresh_from_db()
    assert ada.person.is_active


def test_ten_at_once_are_denied_within_the_minute(
    holder: Make, person: Make, neighbour: Holder, aws: FakeAws
) -> None:
    """As a sync does it, one after another; measured from the first word to the last deny."""
    leaving = [holder(person(f"Leaver {number}")) for number in range(10)]
    began = time.monotonic()
    for one in leaving:
        gone(one)
    while work_off(aws=aws.ports(), holder="worker"):
        pass
    took = time.monotonic() - began
    assert aws.denied() == {userid for one in leaving for userid in one.userids()}
    assert took < PROMISE, f"{took:.1f} s"
    assert_has_everything(neighbour, aws)

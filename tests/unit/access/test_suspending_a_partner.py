"""Suspending a company: what its people hold ends at once, and they get nothing until it is resumed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db.models import F

from portal.access.models import AwsSession, Grant, Revocation
from portal.access.operations.credentials.console_links import make_console_link
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.partners.suspend_partner import (
    preview_suspension,
    resume_partner,
    suspend_partner,
)
from portal.audit.models import AuditEvent
from portal.directory.models import Partner
from portal.directory.operations.api_tokens import create_token, find_token
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from portal.kernel.models import OutboxMessage
from tests.fakes import CONSOLE, FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
HOUR = timedelta(hours=1)
SHELL = Actor.command("tests")


@pytest.fixture
def pat(person: Make, partner: Any) -> Any:
    return person("Pat", partner=partner)


@pytest.fixture
def issue(aws: FakeAws, actor_of: Make) -> Make:
    def act(grant: Grant) -> AwsSession:
        by = actor_of(grant.person)
        return issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=by).session

    return act


def test_all_that_its_people_hold_ends_and_nobody_elses(
    make_grant: Make, issue: Make, pat: Any, ben: Any, partner: Any
) -> None:
    active, scheduled, neighbour = make_grant(pat), make_grant(pat, starts_in=600), make_grant(ben)
    session, _ = issue(active), issue(neighbour)
    foreseen = preview_suspension(partner.pk)
    assert (set(foreseen.grants), foreseen.live_sessions) == ({active, scheduled}, {active.pk: 1})
    assert set(Grant.objects.filter(ended_at=None)) == {active, scheduled, neighbour}, (
        "a preview ends nothing"
    )
    done = suspend_partner(partner_id=partner.pk, reason=" contract broken ", actor=SHELL)
    assert (done.grants, done.revocations) == (2, 1)
    ended = Grant.objects.filter(state="suspended", end_reason="Acme was suspended: contract broken")
    assert set(ended) == {active, scheduled}
    [revocation] = Revocation.objects.all()
    assert (revocation.grant_id, revocation.userids) == (
        active.pk,
        [AwsSession.objects.get(pk=session.pk).userid],
    )
    assert issue(neighbour)
    assert preview_suspension(partner.pk).grants == []
    event = AuditEvent.objects.get(type="directory.partner.suspended")
    assert event.details == {
        "partner": str(partner.pk),
        "name": "Acme",
        "reason": "contract broken",
        "grants_ended": 2,
        "revocations": 1,
        "roles": 0,
    }
    assert AuditEvent.objects.filter(type="access.grant.suspended").count() == 2
    assert OutboxMessage.objects.filter(topic="directory.partner.suspended").count() == 1


def test_a_preview_shows_the_sessions_that_are_alive_alone(
    make_grant: Make, issue: Make, pat: Any, partner: Any
) -> None:
    grant = make_grant(pat)
    over, alive = issue(grant), issue(grant)
    AwsSession.objects.filter(pk=over.pk).update(asked_at=F("asked_at") - 12 * HOUR, expires_at=F("asked_at"))
    assert preview_suspension(partner.pk).sessions == [alive]


def test_while_it_is_suspended_nothing_is_granted_and_resuming_gives_nothing_back(
    make_grant: Make, issue: Make, pat: Any, partner: Any
) -> None:
    grant = make_grant(pat)
    suspend_partner(partner_id=partner.pk, reason="r", actor=SHELL)
    with pytest.raises(InvalidError, match="Acme is suspended") as refused:
        make_grant(pat)
    assert refused.value.field == "person"
    with pytest.raises(ConflictError, match="suspended already"):
        suspend_partner(partner_id=partner.pk, reason="r", actor=SHELL)
    resume_partner(partner_id=partner.pk, reason=" settled ", actor=SHELL)
    with pytest.raises(ConflictError, match="not suspended"):
        resume_partner(partner_id=partner.pk, reason="r", actor=SHELL)
    grant.refresh_from_db()
    assert grant.state == "suspended"
    with pytest.raises(ConflictError, match="has ended"):
        issue(grant)
    assert issue(make_grant(pat))
    [event] = AuditEvent.objects.filter(type="directory.partner.resumed")
    assert event.details == {"partner": str(partner.pk), "name": "Acme", "reason": "settled"}


def test_a_living_grant_under_a_suspended_partner_issues_nothing(
    make_grant: Make, issue: Make, aws: FakeAws, actor_of: Make, pat: Any
) -> None:
    """As where somebody was moved into a company that is suspended: the door itself asks, under the lock."""
    grant, actor = make_grant(pat), actor_of(pat, ActorKind.TOKEN)
    link = {"grant_id": grant.pk, "destination": CONSOLE, "aws": aws.ports(), "actor": actor}
    assert issue(grant)
    assert make_console_link(**link)
    token = create_token(name="ci", scopes=["credentials:issue"], days=1, actor=actor_of(pat)).plain
    Partner.objects.update(suspended_at=grant.made_at)
    for act in (lambda: issue(grant), lambda: make_console_link(**link)):
        with pytest.raises(ForbiddenError, match="Acme is suspended"):
            act()
    assert find_token(plain=token) is not None, "it still signs its people in: they are told why"
    Partner.objects.update(suspended_at=None)
    aws.after["assume_role"] = lambda: Partner.objects.update(suspended_at=grant.made_at)
    with pytest.raises(ConflictError, match=r"Acme is suspended.*Nothing was handed out"):
        issue(grant)
    assert AwsSession.objects.filter(state="discarded").count() == 1
    assert "suspended" in AuditEvent.objects.get(type="access.session.discarded").details["why"]


def test_a_suspension_while_aws_is_asked_throws_the_answer_away_and_denies_it(
    make_grant: Make, issue: Make, aws: FakeAws, pat: Any, partner: Any
) -> None:
    grant = make_grant(pat)
    aws.after["assume_role"] = lambda: suspend_partner(partner_id=partner.pk, reason="r", actor=SHELL)
    with pytest.raises(ConflictError, match="ended while AWS was asked"):
        issue(grant)
    session = AwsSession.objects.get()
    assert session.state == "discarded"
    assert Revocation.objects.get().userids == [session.userid]


@pytest.mark.parametrize("operation", [suspend_partner, resume_partner])
def test_who_may(operation: Make, person: Make, partner: Any, actor_of: Make) -> None:
    if operation is resume_partner:
        suspend_partner(partner_id=partner.pk, reason="r", actor=SHELL)

    def act(actor: Actor, partner_id: Any = partner.pk, reason: str = "r") -> None:
        operation(partner_id=partner_id, reason=reason, actor=actor)

    for reason in (" ", "x" * 301):
        with pytest.raises(InvalidError):
            act(SHELL, reason=reason)
    former = person("Former")
    former.user_permissions.set(Permission.objects.filter(codename="change_partner"))
    looker = person("Lou", is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename="view_partner"))
    for actor in (actor_of(former), actor_of(looker), Actor(ActorKind.NOBODY, "nobody")):
        with pytest.raises(NotFoundError):
            act(actor)
    with pytest.raises(NotFoundError):
        act(SHELL, uuid4())
    type(former).objects.filter(pk=former.pk).update(is_staff=True)
    act(actor_of(former))

"""Ends before the end: released, cut now or let run out, suspended with its partner; and nobody else's ends with it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission

from portal.access.lifecycle import ENDED, GRANT_NEXT, LIVING, GrantState
from portal.access.models import AwsSession, ConsoleLink, Grant, Revocation
from portal.access.operations.credentials.console_links import make_console_link
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.cutting.cut_sessions import cut_sessions
from portal.access.operations.grants.deactivate_person import deactivate_person
from portal.access.operations.grants.release_grant import release_grant
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.partners.suspend_partner import suspend_partner
from portal.access.operations.running.sweep_grants import activate_batch, expire_batch
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import ConflictError, DomainError, ForbiddenError, InvalidError, NotFoundError
from portal.kernel.models import OutboxMessage
from tests.fakes import CONSOLE, FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
SHELL = Actor.command("tests")
WHY = "out of the office"


@pytest.fixture
def issue(aws: FakeAws, actor_of: Make) -> Make:
    def act(grant: Grant) -> AwsSession:
        issued = issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
        return AwsSession.objects.get(pk=issued.session.pk)

    return act


def audited(event: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(type=f"access.grant.{event}").order_by("id"))


def test_a_holder_gives_back_what_is_theirs(
    make_grant: Make, issue: Make, aws: FakeAws, actor_of: Make
) -> None:
    grant, scheduled = make_grant(), make_grant(starts_in=600)
    holder = actor_of(grant.person)
    session = issue(grant)
    make_console_link(grant_id=grant.pk, destination=CONSOLE, aws=aws.ports(), actor=holder)
    released = release_grant(grant_id=grant.pk, reason=" done early ", actor=holder)
    assert (released.state, released.end_reason, released.ended_by_id) == (
        "released",
        "done early",
        grant.person_id,
    )
    assert Revocation.objects.get().userids == [session.userid]
    assert not ConsoleLink.objects.exists()
    with pytest.raises(ConflictError, match="has ended"):
        issue(grant)
    by_token = actor_of(scheduled.person, ActorKind.TOKEN)
    assert release_grant(grant_id=scheduled.pk, actor=by_token).end_reason == "given back by its holder"
    assert [event.grant_id for event in audited("released")] == [grant.pk, scheduled.pk]
    with pytest.raises(ConflictError, match="released already"):
        release_grant(grant_id=grant.pk, actor=holder)


def test_nobody_else_gives_it_back(make_grant: Make, person: Make, admin: Any, actor_of: Make) -> None:
    grant = make_grant()
    for stranger in (actor_of(person("Mallory")), Actor(ActorKind.NOBODY, "nobody")):
        with pytest.raises(NotFoundError):
            release_grant(grant_id=grant.pk, actor=stranger)
    for other in (actor_of(admin), SHELL):
        with pytest.raises(ForbiddenError, match="revoke it instead"):
            release_grant(grant_id=grant.pk, actor=other)
    with pytest.raises(NotFoundError):
        release_grant(grant_id=uuid4(), actor=actor_of(grant.person))
    with pytest.raises(InvalidError):
        release_grant(grant_id=grant.pk, reason="x" * 501, actor=actor_of(grant.person))
    type(grant.person).objects.filter(pk=grant.person_id).update(
        is_active=False, deactivated_at=datetime.now(UTC)
    )
    with pytest.raises(NotFoundError):
        release_grant(grant_id=grant.pk, actor=actor_of(grant.person))
    assert Grant.objects.get().state == "active"


def test_sessions_are_cut_unless_they_are_let_run_out(make_grant: Make, issue: Make) -> None:
    cut, let = make_grant(), make_grant()
    session, running = issue(cut), issue(let)
    assert not revoke_grant(grant_id=cut.pk, reason=WHY, actor=SHELL).sessions_run_out
    assert revoke_grant(grant_id=let.pk, reason=WHY, actor=SHELL, cut=False).sessions_run_out
    assert [row.userids for row in Revocation.objects.all()] == [[session.userid]]
    assert [event.details.get("sessions_run_out", False) for event in audited("revoked")] == [False, True]
    with pytest.raises(ConflictError, match="has ended"):
        issue(let)
    revocation = cut_sessions(grant_id=let.pk, reason=" they went on ", actor=SHELL)
    assert (revocation.grant_id, revocation.state, revocation.userids) == (
        let.pk,
        "pending",
        [running.userid],
    )
    assert not Grant.objects.get(pk=let.pk).sessions_run_out
    [event] = audited("sessions_cut")
    assert event.details == {"reason": "they went on", "entries": [running.userid]}
    assert OutboxMessage.objects.filter(topic="access.grants.ended").count() == 3


def test_what_cannot_be_cut_says_why(make_grant: Make, issue: Make, move_time: Make) -> None:
    living, cut, idle, late, fixed = (make_grant() for _ in range(5))
    for grant in (living, cut, late, fixed):
        issue(grant)
    revoke_grant(grant_id=cut.pk, reason=WHY, actor=SHELL)
    for grant in (idle, late, fixed):
        revoke_grant(grant_id=grant.pk, reason=WHY, actor=SHELL, cut=False)
    AwsSession.objects.filter(grant=late).update(
        asked_at=datetime(2025, 1, 1, tzinfo=UTC),
        expires_at=datetime(2025, 1, 2, tzinfo=UTC),
        ends_at=datetime(2025, 1, 2, tzinfo=UTC),
    )
    for grant, words in (
        (living, "has not ended"),
        (cut, "were cut off"),
        (idle, "no session"),
        (late, "no session"),
    ):
        with pytest.raises(ConflictError, match=words):
            cut_sessions(grant_id=grant.pk, reason=WHY, actor=SHELL)
    AwsRole.objects.update(is_writable=False)
    with pytest.raises(ConflictError, match="no kill switch"):
        cut_sessions(grant_id=fixed.pk, reason=WHY, actor=SHELL)
    AwsRole.objects.update(is_writable=True)
    cut_sessions(grant_id=fixed.pk, reason=WHY, actor=SHELL)
    with pytest.raises(ConflictError, match="were cut off"):
        cut_sessions(grant_id=fixed.pk, reason=WHY, actor=SHELL)
    assert Revocation.objects.count() == 2


def test_who_may_cut(make_grant: Make, issue: Make, person: Make, actor_of: Make) -> None:
    grant = make_grant()
    issue(grant)
    revoke_grant(grant_id=grant.pk, reason=WHY, actor=SHELL, cut=False)
    for reason in (" ", "x" * 501):
        with pytest.raises(InvalidError):
            cut_sessions(grant_id=grant.pk, reason=reason, actor=SHELL)
    with pytest.raises(ForbiddenError):
        cut_sessions(grant_id=grant.pk, reason=WHY, actor=actor_of(grant.person))
    rita = person("Rita", is_staff=True)
    with pytest.raises(NotFoundError):
        cut_sessions(grant_id=grant.pk, reason=WHY, actor=actor_of(rita))
    rita.user_permissions.set(Permission.objects.filter(codename="revoke_grant"))
    assert cut_sessions(grant_id=grant.pk, reason=WHY, actor=actor_of(rita)).grant_id == grant.pk


@pytest.mark.parametrize("suspends", [True, False])
def test_whoever_is_suspended_keeps_nothing_that_was_let_run_out_and_others_do(
    make_grant: Make, issue: Make, pat: Any, ben: Any, partner: Any, *, suspends: bool
) -> None:
    mine, dead, idle, others = make_grant(pat), make_grant(pat), make_grant(pat), make_grant(ben)
    for grant in (mine, dead, others):
        issue(grant)
    for grant in (mine, dead, idle, others):
        revoke_grant(grant_id=grant.pk, reason=WHY, actor=SHELL, cut=False)
    long_ago = datetime(2025, 1, 2, tzinfo=UTC)
    AwsSession.objects.filter(grant=dead).update(
        asked_at=datetime(2025, 1, 1, tzinfo=UTC), expires_at=long_ago, ends_at=long_ago
    )
    if suspends:
        done = suspend_partner(partner_id=partner.pk, reason="a leak", actor=SHELL).revocations
    else:
        done = deactivate_person(person_id=pat.pk, reason="a leak", actor=SHELL).revocations
    assert done == 1
    assert [row.grant_id for row in Revocation.objects.all()] == [mine.pk]
    assert set(Grant.objects.filter(sessions_run_out=True)) == {dead, idle, others}
    [event] = audited("sessions_cut")
    assert (event.grant_id, "a leak" in event.details["reason"]) == (mine.pk, True)


def test_what_comes_too_late_for_a_grant_let_run_out_is_thrown_away_and_cut_with_the_rest(
    make_grant: Make, issue: Make, aws: FakeAws
) -> None:
    grant = make_grant()
    aws.after["assume_role"] = lambda: revoke_grant(grant_id=grant.pk, reason=WHY, actor=SHELL, cut=False)
    with pytest.raises(ConflictError, match="ended while AWS was asked"):
        issue(grant)
    [session] = AwsSession.objects.all()
    assert session.state == "discarded"
    assert cut_sessions(grant_id=grant.pk, reason=WHY, actor=SHELL).userids == [session.userid]


@pytest.fixture
def pat(person: Make, partner: Any) -> Any:
    return person("Pat", partner=partner)


@pytest.fixture
def end(move_time: Make) -> Make:
    """End a grant as the state says, by the operation whose it is: end(grant, GrantState.REVOKED)."""

    def by(grant: Grant, state: GrantState) -> object:
        person = grant.holder
        holder = Actor(ActorKind.PERSON, person.name, person.pk)
        act: dict[GrantState, Callable[[], object]] = {
            GrantState.ACTIVE: lambda: (move_time(grant.pk, 601), activate_batch().grants),
            GrantState.EXPIRED: lambda: (move_time(grant.pk, 1300), expire_batch().grants),
            GrantState.REVOKED: lambda: revoke_grant(grant_id=grant.pk, reason=WHY, actor=SHELL),
            GrantState.RELEASED: lambda: release_grant(grant_id=grant.pk, actor=holder),
            GrantState.SUSPENDED: lambda: suspend_partner(
                partner_id=person.partner_id or uuid4(), reason=WHY, actor=SHELL
            ),
        }
        return act[state]()

    return by


@pytest.mark.parametrize("state", [GrantState.REVOKED, GrantState.RELEASED, GrantState.EXPIRED])
def test_of_two_grants_of_one_person_on_one_role_one_ends_and_cuts_itself_alone(
    make_grant: Make, issue: Make, end: Make, ben: Any, state: GrantState
) -> None:
    ended, other = make_grant(ben, seconds=1300), make_grant(ben, seconds=5400)
    session, neighbour = issue(ended), issue(other)
    assert session.userid != neighbour.userid
    end(ended, state)
    assert set(Grant.objects.filter(state="active")) == {other}
    assert neighbour.userid not in {userid for row in Revocation.objects.all() for userid in row.userids}
    assert issue(other).userid == neighbour.userid
    with pytest.raises(ConflictError, match="has ended"):
        issue(ended)


def test_a_grant_that_comes_to_its_end_cuts_its_own_sessions_alone(
    make_grant: Make, issue: Make, ben: Any, move_time: Make
) -> None:
    ended, other = make_grant(ben, seconds=300), make_grant(ben)
    session, _ = issue(ended), issue(other)
    move_time(ended.pk, 300)  # AWS's shortest session lives for ten minutes more
    assert expire_batch().grants == 1
    assert [row.userids for row in Revocation.objects.all()] == [[session.userid]]


@pytest.mark.parametrize("before", list(GrantState))
@pytest.mark.parametrize("after", sorted(ENDED | {GrantState.ACTIVE}))
def test_an_operation_does_what_the_table_of_transitions_allows_and_nothing_else(
    make_grant: Make, pat: Any, end: Make, before: GrantState, after: GrantState
) -> None:
    grant = make_grant(pat, seconds=600, starts_in=600 if before == GrantState.SCHEDULED else 0)
    if before in ENDED:
        end(grant, before)
    grant.refresh_from_db()
    assert grant.state == before
    told = _attempt(lambda: end(grant, after))
    allowed = after in GRANT_NEXT[before]
    assert not (told and allowed)
    assert told in {
        "",
        "Acme is suspended already.",
        f"Nothing was changed: this grant is {before} already; what has ended stays ended.",
    }
    grant.refresh_from_db()
    assert grant.state == (after if allowed else before)
    assert (grant.ended_at is None) == (grant.state in LIVING)
    events = [event.type.rpartition(".")[2] for event in AuditEvent.objects.filter(grant_id=grant.pk)]
    passed = {"made", *([before] if before in ENDED else [])}
    if allowed:
        passed.add("activated" if after == GrantState.ACTIVE else after)
    assert sorted(events) == sorted(passed)


def _attempt(act: Callable[[], object]) -> str:
    try:
        act()
    except DomainError as refused:
        return str(refused)
    return ""

"""Doors that close for everybody: hold; and what comes through one that closes while AWS is asked."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from portal.access.models import AwsSession, ConsoleLink, Grant, Hold, Revocation
from portal.access.operations.credentials.console_links import make_console_link
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.credentials.open_console import open_console
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError, InvalidError, UpstreamError
from tests.fakes import CONSOLE, UNAVAILABLE, FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
SHELL = Actor.command("tests")


@pytest.fixture
def issue(aws: FakeAws, actor_of: Make) -> Make:
    def act(grant: Grant) -> AwsSession:
        by = actor_of(grant.person)
        return issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=by).session

    return act


def hold() -> Hold:
    return Hold.objects.create(entered_at=datetime.now(UTC), reason="a restored backup")


def release() -> None:
    now = datetime.now(UTC)
    Hold.objects.update(looked_at=now, released_at=now)


def test_in_hold_nothing_is_issued_and_no_link_is_made(
    make_grant: Make, issue: Make, aws: FakeAws, actor_of: Make
) -> None:
    grant = make_grant()
    hold()
    link = {"grant_id": grant.pk, "destination": CONSOLE, "aws": aws.ports(), "actor": actor_of(grant.person)}
    for act in (lambda: issue(grant), lambda: make_console_link(**link)):
        with pytest.raises(ConflictError, match="hold"):
            act()
    assert aws.count("assume_role") == 0
    assert not AwsSession.objects.exists()
    assert not ConsoleLink.objects.exists()
    assert AuditEvent.objects.filter(type="access.session.refused").count() == 2
    release()
    assert issue(grant)
    assert make_console_link(**link)


def test_a_hold_that_begins_while_aws_is_asked_throws_the_answer_away(
    make_grant: Make, issue: Make, aws: FakeAws
) -> None:
    grant = make_grant()
    aws.after["assume_role"] = hold
    with pytest.raises(ConflictError, match=r"hold.*Nothing was handed out"):
        issue(grant)
    assert AwsSession.objects.get().state == "discarded"
    assert "hold" in AuditEvent.objects.get(type="access.session.discarded").details["why"]
    # Whoever ends the grant later covers what AWS made.
    revoke_grant(grant_id=grant.pk, reason="r", actor=SHELL)
    assert Revocation.objects.get().userids == [AwsSession.objects.get().userid]


def test_a_kind_that_the_role_ceases_to_give_meanwhile_is_not_handed_out(
    make_grant: Make, issue: Make, aws: FakeAws
) -> None:
    grant = make_grant()
    aws.after["assume_role"] = lambda: AwsRole.objects.update(allows_credentials=False)
    with pytest.raises(ConflictError, match="does not allow the credentials"):
        issue(grant)
    assert AwsSession.objects.get().state == "discarded"
    del aws.after["assume_role"]
    AwsRole.objects.update(allows_credentials=True)
    assert issue(grant)


def test_a_sign_in_that_fails_after_the_end_leaves_nothing_undenied(
    make_grant: Make, aws: FakeAws, actor_of: Make
) -> None:
    grant = make_grant()
    AwsRole.objects.update(unique_id=aws.role_id("Reader"))
    aws.role_ids["Reader"] = "AROA9999999999999999"
    aws.after["assume_role"] = lambda: revoke_grant(grant_id=grant.pk, reason="r", actor=SHELL)
    aws.fail["sign_in_url"] = UNAVAILABLE
    with pytest.raises(UpstreamError):
        open_console(
            grant_id=grant.pk,
            destination=CONSOLE,
            issuer="https://portal.example",
            aws=aws.ports(),
            actor=actor_of(grant.person),
        )
    session = AwsSession.objects.get()
    assert (session.state, session.userid.partition(":")[0]) == ("lost", "AROA9999999999999999")
    assert session.userid in Revocation.objects.get().userids


@pytest.mark.parametrize("state", ["proven", "cleaned", "failing"])
def test_what_comes_too_late_under_another_id_reopens_the_revocation_whatever_it_came_to(
    make_grant: Make, issue: Make, aws: FakeAws, state: str
) -> None:
    grant, now = make_grant(), datetime.now(UTC)
    AwsRole.objects.update(unique_id=aws.role_id("Reader"))
    aws.role_ids["Reader"] = "AROA9999999999999999"
    known: dict[str, dict[str, Any]] = {
        "proven": {"applied_at": now, "proven_at": now, "probes": 3, "proof_note": "n"},
        "cleaned": {"applied_at": now, "proven_at": now, "cleaned_at": now},
        "failing": {"last_error": "no room"},
    }
    fields = known[state]

    def meanwhile() -> None:
        revoke_grant(grant_id=grant.pk, reason="r", actor=SHELL)
        Revocation.objects.update(state=state, **fields)

    aws.after["assume_role"] = meanwhile
    with pytest.raises(ConflictError, match="ended while AWS was asked"):
        issue(grant)
    [row] = Revocation.objects.all()
    assert (row.state, row.applied_at, row.proven_at, row.cleaned_at) == ("pending", None, None, None)
    assert AwsSession.objects.get().userid in row.userids
    assert AuditEvent.objects.filter(type="access.revocation.reopened").count() == 1


def test_a_role_without_kill_switch_is_granted_to_whoever_accepts_that_and_is_cut_by_nobody(
    make_grant: Make, make_role: Make, issue: Make, aws: FakeAws
) -> None:
    theirs = make_role("Theirs", is_writable=False)
    with pytest.raises(InvalidError, match="No kill switch") as refused:
        make_grant(role=theirs)
    assert refused.value.field == "accepts_no_kill_switch"
    aws.fail["unique_id"] = UNAVAILABLE  # which AWS may not tell; no deny needs it
    grant = make_grant(role=theirs, accepts_no_kill_switch=True)
    assert issue(grant)
    revoke_grant(grant_id=grant.pk, reason="r", actor=SHELL)
    assert not Revocation.objects.exists()
    with pytest.raises(ConflictError, match="has ended"):
        issue(grant)


def test_accepting_it_of_a_role_that_has_one_counts_nothing(make_grant: Make, issue: Make) -> None:
    grant = make_grant(accepts_no_kill_switch=True)
    assert not grant.accepted_no_kill_switch
    issue(grant)
    revoke_grant(grant_id=grant.pk, reason="r", actor=SHELL)
    assert Revocation.objects.count() == 1
    assert [
        event.details["accepted_no_kill_switch"]
        for event in AuditEvent.objects.filter(type="access.grant.made")
    ] == [False]

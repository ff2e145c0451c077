"""A partner's role is made, kept right and taken away, whatever fails meanwhile."""

from datetime import timedelta
from typing import Any

import pytest

from portal.access.lifecycle import ProofState
from portal.access.models import ExternalIdProof, Grant, PartnerRole
from portal.access.operations.grants.extend_grant import extend_grant
from portal.access.operations.partners.partner_role_leases import (
    bring_up,
)
from portal.access.operations.running.hold import enter_hold
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsAccount
from portal.kernel.clock import database_now
from tests.fakes import DENIED, UNAVAILABLE, FakeAws
from tests.partner_world import (
    DAY,
    SHELL,
    connect,
    due_now,
    events_of,
    prove,
    row_of,
    work,
)
from tests.unit.access.partner_roles.roles import MADE, MINUTE, TAKEN, revoke, role_calls

pytestmark = pytest.mark.django_db


def test_a_role_is_made_and_taken_away(standing: Grant, ours: Any, theirs: Any, aws: FakeAws) -> None:
    row = row_of(standing)
    assert (row.state, row.written, row.wanted, row.due_at, row.behind_since) == (
        "standing",
        1,
        1,
        None,
        None,
    )
    assert row.made_at is not None
    assert row.check_at is not None
    assert row.role.unique_id.startswith("AROA")
    assert list(aws.partners.roles) == [(ours.account_id, row.role.name)]
    assert work(aws) == 0
    revoke(standing)
    assert work(aws) == 1
    row = row_of(standing)
    assert (row.state, row.due_at, row.behind_since, row.role.is_enabled) == ("gone", None, None, False)
    assert row.closing_at is not None
    assert row.closed_at is not None
    assert row.gone_at is not None
    assert not aws.partners.roles
    assert events_of(standing) == MADE + TAKEN
    told = AuditEvent.objects.filter(grant_id=standing.pk)
    assert {event.partner_id for event in told} == {theirs.partner_id}
    assert role_calls(aws) == ["make_role", "close_role", "delete_role", "read_role"]


def test_no_role_is_made_before_the_external_id_was_proven(
    grant: Grant, ours: Any, theirs: Any, aws: FakeAws
) -> None:
    work(aws)
    row = row_of(grant)
    assert (row.state, row.attempts) == ("making", 0)
    assert "yet to be proven in Data" in row.last_error
    assert row.due_at is not None
    assert row.due_at > database_now()
    assert ExternalIdProof.objects.get().state == ProofState.ASKED
    assert role_calls(aws) == []
    prove(theirs, ours, ProofState.FAILED)
    due_now()
    work(aws)
    assert "was not proven" in row_of(grant).last_error
    assert role_calls(aws) == []
    prove(theirs, ours)
    due_now()
    work(aws)
    assert row_of(grant).state == "standing"
    assert events_of(grant) == MADE


def test_a_proof_in_another_account_does_not_count(
    grant: Grant, ours: Any, theirs: Any, aws: FakeAws
) -> None:
    other = connect(AwsAccount.objects.create(name="Other", account_id="212121212121"))
    prove(theirs, other)
    work(aws)
    assert row_of(grant).state == "making"
    assert role_calls(aws) == []


def test_what_ends_before_it_was_made_is_proven_absent_all_the_same(grant: Grant, aws: FakeAws) -> None:
    revoke(grant)
    assert work(aws) == 1
    assert row_of(grant).state == "gone"
    assert events_of(grant) == ["grant.made", *TAKEN]
    assert role_calls(aws) == ["close_role", "delete_role", "read_role"]


def test_a_failure_is_shown_and_tried_again_for_ever(
    grant: Grant, ours: Any, theirs: Any, aws: FakeAws
) -> None:
    prove(theirs, ours)
    aws.fail["make_role"] = DENIED
    for attempt in range(1, 12):
        due_now()
        work(aws)
        row = row_of(grant)
        assert (row.state, row.attempts) == ("making", attempt)
    assert "AccessDenied" in row.last_error
    assert row.due_at is not None
    assert timedelta(seconds=25) < row.due_at - database_now() <= MINUTE
    assert events_of(grant) == ["grant.made", "partner_role.failing"]
    del aws.fail["make_role"]
    due_now()
    work(aws)
    row = row_of(grant)
    assert (row.state, row.attempts, row.last_error) == ("standing", 0, "")
    assert events_of(grant) == ["grant.made", "partner_role.failing", "partner_role.made"]


@pytest.mark.parametrize("step", ["close_role", "delete_role", "read_role"])
@pytest.mark.parametrize("is_lost", [False, True])
def test_taking_away_goes_on_from_where_it_stopped(
    standing: Grant, aws: FakeAws, step: str, *, is_lost: bool
) -> None:
    revoke(standing)
    faults = aws.lose_answer if is_lost else aws.fail
    faults[step] = UNAVAILABLE
    work(aws)
    row = row_of(standing)
    assert (row.state, row.attempts) == ("closing", 1)
    assert (row.closed_at is None) == (step == "close_role")
    faults.clear()
    due_now()
    work(aws)
    assert row_of(standing).state == "gone"
    assert not aws.partners.roles
    told = [event for event in events_of(standing) if event != "partner_role.failing"]
    assert told == MADE + TAKEN


def test_what_aws_still_shows_is_not_called_gone(standing: Grant, aws: FakeAws) -> None:
    revoke(standing)
    kept = dict(aws.partners.roles)
    aws.after["delete_role"] = lambda: aws.partners.roles.update(kept)
    work(aws)
    row = row_of(standing)
    assert (row.state, row.last_error) == ("closing", "AWS took the deletion of the role, but shows it still")
    del aws.after["delete_role"]
    due_now()
    work(aws)
    assert row_of(standing).state == "gone"


def test_an_extension_is_brought_to_aws(standing: Grant, ours: Any, theirs: Any, aws: FakeAws) -> None:
    later = (database_now() + 20 * DAY).replace(microsecond=0)
    extend_grant(grant_id=standing.pk, ends_at=later, reason="longer", aws=aws.ports(), actor=SHELL)
    row = row_of(standing)
    assert (row.wanted, row.written, row.state) == (2, 1, "standing")
    assert row.behind_since is not None
    made_at = row.made_at
    work(aws)
    row = row_of(standing)
    assert row.made_at == made_at, "it stands since it was first made"
    assert (row.wanted, row.written, row.behind_since, row.due_at) == (2, 2, None, None)
    assert aws.asked("make_role")[-1].ends_at == later
    assert events_of(standing) == [*MADE, "grant.extended", "partner_role.changed"]
    told = AuditEvent.objects.filter(grant_id=standing.pk, type="access.grant.extended").get()
    assert told.partner_id == theirs.partner_id


def test_a_grant_that_ends_while_its_role_is_made_is_taken_away(
    grant: Grant, ours: Any, theirs: Any, aws: FakeAws
) -> None:
    prove(theirs, ours)
    aws.after["make_role"] = lambda: revoke(grant)
    assert work(aws) == 2
    row = row_of(grant)
    assert (row.state, row.made_at) == ("gone", None)
    assert not aws.partners.roles
    assert events_of(grant) == ["grant.made", *TAKEN]


def test_what_changes_while_it_is_made_is_made_once_more(
    grant: Grant, ours: Any, theirs: Any, aws: FakeAws
) -> None:
    prove(theirs, ours)

    behind = []

    def change() -> None:
        behind.append(row_of(grant).behind_since)
        aws.before["make_role"] = lambda: behind.append(row_of(grant).behind_since)
        aws.after.clear()
        bring_up(PartnerRole.objects.filter(grant=grant), at=database_now())

    aws.after["make_role"] = change
    assert work(aws) == 2
    assert behind == [grant.made_at, grant.made_at], (
        "late is counted from the first change that is not there yet"
    )
    row = row_of(grant)
    assert (row.state, row.written, row.wanted, row.behind_since) == ("standing", 2, 2, None)
    assert events_of(grant) == [*MADE, "partner_role.changed"]


def test_nothing_is_written_in_hold(standing: Grant, aws: FakeAws) -> None:
    revoke(standing)
    enter_hold(reason="look first", actor=SHELL)
    assert work(aws) == 0
    assert role_calls(aws) == ["make_role"]
    assert row_of(standing).state == "closing"

"""Whose turn it is: what is due, what comes first, and accounts that don't answer."""

from typing import Any

import pytest

from portal.access.lifecycle import AlarmKind
from portal.access.models import Alarm, Grant, PartnerRole
from portal.access.operations.cutting.alarms import alarm_late_roles
from portal.access.operations.partners.partner_role_leases import (
    take_role_lease,
)
from portal.access.operations.partners.work_partner_roles import (
    ACCOUNT_SHARE,
    due_partner_roles,
    fail_due_partner_roles,
    work_partner_roles,
)
from portal.catalog.models import AwsAccount
from portal.kernel.clock import database_now
from tests.fakes import DENIED, UNAVAILABLE, FakeAws
from tests.partner_world import (
    DAY,
    connect,
    due_now,
    grant_to,
    prove,
    row_of,
    work,
)
from tests.unit.access.partner_roles.roles import MINUTE, pass_time, revoke

pytestmark = pytest.mark.django_db


def test_what_is_to_go_comes_before_what_is_to_be_made(
    standing: Grant, ours: Any, theirs: Any, template: Any, aws: FakeAws
) -> None:
    older = grant_to(theirs, ours, template, aws)
    PartnerRole.objects.filter(grant=older).update(due_at=database_now() - DAY)
    revoke(standing)
    assert due_partner_roles(at=database_now()) == [row_of(standing).pk, row_of(older).pk]


def test_a_silent_account_holds_a_few_workers_at_most_and_never_starves_the_others(
    ours: Any, theirs: Any, template: Any, aws: FakeAws
) -> None:
    other = connect(AwsAccount.objects.create(name="Other", account_id="212121212121"))
    prove(theirs, ours)
    prove(theirs, other)
    silent = [grant_to(theirs, ours, template, aws) for _ in range(5)]
    neighbour = grant_to(theirs, other, template, aws)
    now = database_now()
    due = due_partner_roles(at=now)
    assert len(due) == ACCOUNT_SHARE + 1
    assert row_of(neighbour).pk in due[:2]
    for row_id in [row for row in due if row != row_of(neighbour).pk]:
        assert take_role_lease(row_id, "stuck") is not None
    assert due_partner_roles(at=database_now()) == [row_of(neighbour).pk]
    work(aws)
    assert row_of(neighbour).state == "standing"
    assert [row_of(grant).state for grant in silent] == ["making"] * 5


def test_one_worker_turns_to_the_others_once_an_account_was_silent(
    ours: Any, theirs: Any, template: Any, aws: FakeAws
) -> None:
    other = connect(AwsAccount.objects.create(name="Other", account_id="212121212121"))
    prove(theirs, ours)
    prove(theirs, other)
    for _ in range(3):
        grant_to(theirs, ours, template, aws)
    last = grant_to(theirs, other, template, aws)
    PartnerRole.objects.filter(grant=last).update(due_at=database_now())

    def answer() -> None:
        aws.fail.pop("make_role", None)
        if row_of(last).leased_until is None:
            aws.fail["make_role"] = UNAVAILABLE

    aws.before["make_role"] = answer
    work_partner_roles(aws=aws.ports(), holder="alone", at_most=2)
    assert row_of(last).state == "standing"


def test_a_poisoned_role_holds_up_no_other(
    ours: Any, theirs: Any, template: Any, aws: FakeAws, caplog: pytest.LogCaptureFixture
) -> None:
    prove(theirs, ours)
    poisoned, other = (grant_to(theirs, ours, template, aws) for _ in range(2))

    def break_down() -> None:
        if row_of(poisoned).leased_until is not None:
            raise RuntimeError("not foreseen")

    aws.before["make_role"] = break_down
    work(aws)
    assert row_of(other).state == "standing"
    row = row_of(poisoned)
    assert (row.state, row.attempts, row.holder) == ("making", 1, "")
    assert "fault of the portal itself (RuntimeError)" in row.last_error
    assert "was not brought to AWS" in caplog.text


def test_without_credentials_for_aws_the_rows_say_so(grant: Grant, aws: FakeAws) -> None:
    fail_due_partner_roles(problem=UNAVAILABLE, holder="tests")
    row = row_of(grant)
    assert (row.attempts, row.holder) == (1, "")
    assert "got no usable answer" in row.last_error


@pytest.mark.parametrize("ends_it", [False, True])
def test_what_is_late_raises_an_alarm_that_ends_with_it(
    grant: Grant, ours: Any, theirs: Any, aws: FakeAws, *, ends_it: bool
) -> None:
    row = row_of(grant)
    if ends_it:
        revoke(grant)
    aws.fail.update({"make_role": DENIED, "close_role": DENIED})
    prove(theirs, ours)
    work(aws)
    assert alarm_late_roles(at=database_now()) == 0
    pass_time(row, 5 * MINUTE)
    assert alarm_late_roles(at=database_now()) == 1
    assert alarm_late_roles(at=database_now()) == 0
    alarm = Alarm.objects.get(kind=AlarmKind.ROLE_LATE.value)
    assert "AccessDenied" in alarm.text
    assert ("is not taken away yet" in alarm.text) == ends_it
    aws.fail.clear()
    due_now()
    work(aws)
    alarm_late_roles(at=database_now())
    alarm.refresh_from_db()
    assert alarm.cleared_at is not None

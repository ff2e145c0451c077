"""Workers that were overtaken record nothing and undo nothing."""

from typing import Any

import pytest

from portal.access.models import Grant, PartnerRole
from portal.access.operations.partners import work_partner_roles as working
from portal.access.operations.partners.do_partner_role import do_partner_role
from portal.access.operations.partners.partner_role_leases import (
    LATE_CALL,
    bring_up,
    take_role_lease,
)
from portal.access.operations.partners.record_partner_roles import (
    record_standing,
)
from portal.access.operations.partners.work_partner_roles import (
    fail_due_partner_roles,
)
from portal.kernel.clock import database_now
from tests.fakes import UNAVAILABLE, FakeAws
from tests.partner_world import (
    DAY,
    events_of,
    prove,
    row_of,
    work,
)
from tests.unit.access.partner_roles.roles import (
    MADE,
    MINUTE,
    RECORDS,
    TAKEN,
    overtake,
    pass_time,
    revoke,
    role_calls,
)

pytestmark = pytest.mark.django_db


def test_a_held_lease_keeps_others_away_and_a_dead_one_is_followed(standing: Grant, aws: FakeAws) -> None:
    revoke(standing)
    row = row_of(standing)
    assert take_role_lease(row.pk, "one") is not None
    assert take_role_lease(row.pk, "two") is None
    assert work(aws) == 0
    pass_time(row, MINUTE)
    work(aws)
    row.refresh_from_db()
    # A call of the dead one may yet land: it is looked for once more before it is called gone.
    assert (row.state, row.holder) == ("closing", "")
    assert row.closed_at is not None
    assert row.due_at == row.unsure_until
    assert not aws.partners.roles
    pass_time(row, LATE_CALL + MINUTE)
    work(aws)
    assert row_of(standing).state == "gone"
    assert events_of(standing) == MADE + TAKEN


def test_an_overtaken_worker_records_nothing_and_aws_is_looked_at_again(
    grant: Grant, ours: Any, theirs: Any, aws: FakeAws
) -> None:
    prove(theirs, ours)
    row = row_of(grant)
    late = take_role_lease(row.pk, "late")
    assert late is not None
    pass_time(row, MINUTE)
    work(aws)
    assert row_of(grant).state == "standing"
    shown = next(iter(aws.partners.roles.values()))
    assert not record_standing(late, shown)
    row = row_of(grant)
    assert row.due_at is not None
    assert row.wanted == row.written + 1
    assert events_of(grant) == MADE


def test_what_was_made_after_its_end_is_taken_away_by_who_made_it(
    grant: Grant, ours: Any, theirs: Any, aws: FakeAws
) -> None:
    """A worker that slept through its lease makes a role whose row another one has called gone meanwhile."""
    prove(theirs, ours)
    row = row_of(grant)

    def meanwhile() -> None:
        aws.before.clear()
        revoke(grant)
        for _ in range(2):
            pass_time(row, 2 * MINUTE)
            work(aws)
        assert row_of(grant).state == "gone"

    aws.before["make_role"] = meanwhile
    work(aws)
    assert not aws.partners.roles
    assert row_of(grant).state == "gone"
    assert events_of(grant) == ["grant.made", *TAKEN]


@pytest.mark.parametrize("step", ["close_role", "delete_role", "read_role"])
def test_who_is_overtaken_while_taking_away_asks_nothing_more_and_records_nothing(
    standing: Grant, aws: FakeAws, step: str
) -> None:
    revoke(standing)
    row = row_of(standing)
    aws.after[step] = lambda: overtake(row)
    lease = take_role_lease(row.pk, "late")
    assert lease is not None
    assert do_partner_role(lease, aws.ports()) is None
    assert role_calls(aws)[-1] == step
    row.refresh_from_db()
    assert row.state == "closing"
    assert "partner_role.gone" not in events_of(standing)
    aws.after.clear()
    pass_time(row, MINUTE)
    for _ in range(2):
        pass_time(row, LATE_CALL)
        work(aws)
    assert row_of(standing).state == "gone"


def test_who_is_overtaken_and_fails_or_waits_records_nothing(
    grant: Grant, ours: Any, theirs: Any, aws: FakeAws
) -> None:
    row = row_of(grant)
    for act in RECORDS:
        lease = take_role_lease(row.pk, "late")
        assert lease is not None
        overtake(row)
        act(lease)
        row.refresh_from_db()
        assert (row.attempts, row.last_error) == (0, "")
        PartnerRole.objects.filter(pk=row.pk).update(leased_until=None, holder="", due_at=database_now())


def test_who_fails_or_waits_for_what_is_wanted_no_more_leaves_it_due(grant: Grant, aws: FakeAws) -> None:
    row = row_of(grant)
    for act in RECORDS:
        lease = take_role_lease(row.pk, "one")
        assert lease is not None
        bring_up(PartnerRole.objects.filter(pk=row.pk), at=database_now())
        act(lease)
        row.refresh_from_db()
        assert (row.attempts, row.last_error, row.holder) == (0, "", "")
        assert row.due_at is not None
        assert row.due_at <= database_now()


def test_a_look_that_was_asked_for_while_it_went_is_made_before_it_is_called_gone(
    standing: Grant, aws: FakeAws
) -> None:
    revoke(standing)
    row = row_of(standing)

    def ask() -> None:
        aws.after.clear()
        bring_up(PartnerRole.objects.filter(pk=row.pk), at=database_now())

    aws.after["read_role"] = ask
    work(aws)
    assert row_of(standing).state == "gone"
    assert role_calls(aws) == [
        "make_role",
        "close_role",
        "delete_role",
        "read_role",
        "delete_role",
        "read_role",
    ]
    assert events_of(standing) == MADE + TAKEN


def test_nothing_is_made_whose_end_has_come(grant: Grant, ours: Any, theirs: Any, aws: FakeAws) -> None:
    """The sweep is late: the grant is over, and nobody has ended it yet."""
    prove(theirs, ours)
    now = database_now()
    Grant.objects.filter(pk=grant.pk).update(starts_at=now - 2 * DAY, ends_at=now - DAY)
    work(aws)
    assert role_calls(aws) == []
    assert row_of(grant).last_error == "Its end has come: it is about to be taken away."


def test_what_stands_is_written_once_more_where_an_older_call_may_land(
    grant: Grant, ours: Any, theirs: Any, aws: FakeAws
) -> None:
    prove(theirs, ours)
    row = row_of(grant)
    assert take_role_lease(row.pk, "dead") is not None
    pass_time(row, MINUTE)
    work(aws)
    row.refresh_from_db()
    assert row.state == "standing"
    assert row.due_at == row.unsure_until
    assert row.due_at is not None
    pass_time(row, LATE_CALL + MINUTE)
    work(aws)
    found = row_of(grant)
    assert (found.due_at, found.unsure_until) == (None, None)
    assert role_calls(aws) == ["make_role", "make_role"]
    assert events_of(grant) == MADE


def test_of_what_is_not_due_nobody_gets_the_lease(standing: Grant) -> None:
    assert take_role_lease(row_of(standing).pk, "one") is None
    assert row_of(standing).fence == 1


def test_what_another_worker_was_quicker_to_take_stays_as_it_is(
    grant: Grant, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "take_role_lease", lambda *_: None)
    assert work(aws) == 0
    fail_due_partner_roles(problem=UNAVAILABLE, holder="tests")
    assert row_of(grant).attempts == 0


def test_who_is_overtaken_while_making_leaves_what_stands(
    grant: Grant, ours: Any, theirs: Any, aws: FakeAws
) -> None:
    prove(theirs, ours)
    row = row_of(grant)
    lease = take_role_lease(row.pk, "late")
    assert lease is not None
    aws.after["make_role"] = lambda: overtake(row)
    assert do_partner_role(lease, aws.ports()) is None
    assert role_calls(aws) == ["make_role"]
    row.refresh_from_db()
    assert (row.state, row.made_at) == ("making", None)
    assert events_of(grant) == ["grant.made"]

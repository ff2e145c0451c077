"""The work of making and taking away the role of a grant to a partner: each step once, and again after any fault."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from portal.access.lifecycle import AlarmKind, ProofState
from portal.access.models import Alarm, ExternalIdProof, Grant, PartnerRole
from portal.access.operations.cutting.alarms import alarm_late_roles
from portal.access.operations.grants.extend_grant import extend_grant
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.partners import work_partner_roles as working
from portal.access.operations.partners.do_partner_role import do_partner_role
from portal.access.operations.partners.partner_role_leases import (
    LATE_CALL,
    RoleLease,
    bring_up,
    take_role_lease,
)
from portal.access.operations.partners.record_partner_roles import (
    record_failing,
    record_standing,
    record_waiting,
)
from portal.access.operations.partners.work_partner_roles import (
    ACCOUNT_SHARE,
    due_partner_roles,
    fail_due_partner_roles,
    work_partner_roles,
)
from portal.access.operations.running.hold import enter_hold
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsAccount
from portal.kernel.clock import database_now
from tests.fakes import DENIED, UNAVAILABLE, FakeAws
from tests.partner_world import (
    DAY,
    SHELL,
    add_account,
    add_partner,
    add_template,
    connect,
    due_now,
    events_of,
    grant_to,
    prove,
    row_of,
    work,
)

pytestmark = pytest.mark.django_db
MADE = ["grant.made", "partner_role.made"]
TAKEN = ["grant.revoked", "partner_role.closed", "partner_role.gone"]
MINUTE = timedelta(minutes=1)
RECORDS: tuple[Callable[[RoleLease], None], ...] = (
    lambda lease: record_failing(lease, UNAVAILABLE),
    lambda lease: record_waiting(lease, "something"),
)


@pytest.fixture
def ours(account: Any) -> Any:
    return connect(account)


@pytest.fixture
def theirs(db: None) -> Any:
    return add_account(add_partner())


@pytest.fixture
def template(db: None) -> Any:
    return add_template()


@pytest.fixture
def grant(ours: Any, theirs: Any, template: Any, aws: FakeAws) -> Grant:
    return grant_to(theirs, ours, template, aws)


@pytest.fixture
def standing(grant: Grant, ours: Any, theirs: Any, aws: FakeAws) -> Grant:
    prove(theirs, ours)
    assert work(aws) == 1
    return grant


def revoke(grant: Grant) -> None:
    revoke_grant(grant_id=grant.pk, reason="over", actor=SHELL)


def role_calls(aws: FakeAws) -> list[str]:
    return [name for name, _ in aws.calls if name in {"make_role", "close_role", "delete_role", "read_role"}]


def pass_time(row: PartnerRole, by: timedelta) -> None:
    """Have all moments of the work lie so much further back."""
    row.refresh_from_db()
    moments = (
        "asked_at",
        "behind_since",
        "due_at",
        "leased_until",
        "unsure_until",
        "closing_at",
        "closed_at",
    )
    for name in moments:
        if (moment := getattr(row, name)) is not None:
            setattr(row, name, moment - by)
    row.save()


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


def overtake(row: PartnerRole) -> None:
    """Have another worker hold the lease."""
    PartnerRole.objects.filter(pk=row.pk).update(fence=F("fence") + 1)


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

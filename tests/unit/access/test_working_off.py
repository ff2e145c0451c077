"""Who is served when: by age, by turns among accounts, whatever one of them does; and the alarms of what is late."""

from datetime import timedelta

import pytest

from brokers.errors import AwsRefused, NotPossible
from portal.access.lifecycle import AlarmKind, GrantState
from portal.access.models import Alarm, DenyDocument, Hold, KeptDeny, Revocation
from portal.access.operations.cutting import alarms
from portal.access.operations.cutting.alarms import alarm_late_revocations, clear_past_alarms
from portal.access.operations.cutting.record_revocations import REVOKER
from portal.access.operations.cutting.work_off import ACCOUNT_SHARE, due_documents, fail_due, work_off
from portal.access.operations.grants.end_grants import Ending, end_locked_grants
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.kernel.clock import database_now
from tests.fakes import UNAVAILABLE, FakeAws
from tests.world import add_session, make_grant, make_person, make_role

pytestmark = pytest.mark.django_db
GONE = AwsRefused("iam:GetRole", "NoSuchEntity", "gone")


def cut(role: AwsRole, seconds_ago: int = 0) -> Revocation:
    """A pending revocation on `role`, asked for some seconds ago."""
    grant = make_grant(make_person(), role)
    add_session(grant)
    row = Revocation.objects.create(
        grant=grant,
        document=DenyDocument.objects.get_or_create(account=role.account, kind="role", name=role.name)[0],
        userids=[f"{role.unique_id}:sp-{grant.pk.hex[:20]}"],
        state="pending",
        asked_at=database_now() - timedelta(seconds=seconds_ago),
        covers_until=database_now() + timedelta(hours=1),
        next_try_at=database_now() - timedelta(seconds=seconds_ago),
    )
    role.grants.filter(pk=grant.pk).update(state="revoked", ended_at=row.asked_at)
    return row


def roles_of_one_account(number: int) -> list[AwsRole]:
    first = make_role("R0", name="R0")
    more = [
        AwsRole.objects.create(account=first.account, title=f"R{n}", name=f"R{n}", unique_id=f"AROA{n:016d}")
        for n in range(1, number)
    ]
    return [first, *more]


def test_an_account_that_fills_the_queue_leaves_the_others_their_turn() -> None:
    flood = [cut(role, seconds_ago=100) for role in roles_of_one_account(8)]
    quiet = cut(make_role("Quiet"), seconds_ago=1)
    due = due_documents(at=database_now())
    assert len(due) == ACCOUNT_SHARE + 1
    assert due.index(quiet.document_id) == 1, "second in turn, though it is the youngest"
    at_work = [row.document_id for row in flood[:ACCOUNT_SHARE]]
    DenyDocument.objects.filter(pk__in=at_work).update(
        holder="w", leased_until=database_now() + timedelta(seconds=30)
    )
    assert due_documents(at=database_now()) == [quiet.document_id]


def test_an_account_at_its_share_takes_no_place_of_those_that_are_looked_at() -> None:
    flood = [cut(role, seconds_ago=100) for role in roles_of_one_account(ACCOUNT_SHARE + 3)]
    looked_at_again = make_role("Again", name="Again")
    DenyDocument.objects.filter(pk__in=[row.document_id for row in flood[:ACCOUNT_SHARE]]).update(
        holder="w", leased_until=database_now() + timedelta(seconds=30)
    )
    quiet = cut(make_role("Quiet"), seconds_ago=1)
    again = DenyDocument.objects.create(
        account=looked_at_again.account, kind="role", name="Again", recheck_at=database_now()
    )
    DenyDocument.objects.filter(pk__in=[row.document_id for row in flood[ACCOUNT_SHARE:]]).update(
        recheck_at=database_now() - timedelta(seconds=100)
    )
    assert due_documents(at=database_now(), limit=2) == [quiet.document_id, again.pk]


def test_by_age_within_an_account_and_what_fails_goes_behind(aws: FakeAws) -> None:
    first, second = (cut(role, age) for role, age in zip(roles_of_one_account(2), (50, 100), strict=True))
    assert due_documents(at=database_now()) == [second.document_id, first.document_id]
    aws.fail["read"] = UNAVAILABLE
    assert work_off(aws=aws.ports(), holder="w") == 0
    assert due_documents(at=database_now()) == []
    aws.fail.clear()
    Revocation.objects.update(next_try_at=database_now())
    assert work_off(aws=aws.ports(), holder="w") == 2
    assert len(aws.documents) == 2


def test_a_fault_of_our_own_on_one_document_does_not_stop_the_next(aws: FakeAws) -> None:
    rows = [cut(role) for role in roles_of_one_account(2)]
    faults = iter([RuntimeError("once")])

    def break_once() -> None:
        for fault in faults:
            raise fault

    aws.before["write"] = break_once
    assert work_off(aws=aws.ports(), holder="w") == 1
    states = set(Revocation.objects.values_list("state", flat=True))
    assert states == {"applied", "failing"}
    assert len(rows) == 2


def test_in_hold_nothing_is_written_and_afterwards_it_is(aws: FakeAws) -> None:
    cut(make_role())
    hold = Hold.objects.create(entered_at=database_now(), reason="restored")
    assert work_off(aws=aws.ports(), holder="w") == 0
    assert aws.calls == []
    hold.delete()
    assert work_off(aws=aws.ports(), holder="w") == 1


def test_without_a_hub_every_due_row_says_so() -> None:
    rows = [cut(make_role("A")), cut(make_role("B"))]
    fail_due(problem=NotPossible("no hub key"), holder="w")
    assert set(Revocation.objects.values_list("last_error", flat=True)) == {"no hub key"}
    assert len(rows) == 2


def test_what_was_kept_stays_denied_until_it_is_dead(aws: FakeAws) -> None:
    row = cut(make_role())
    foreign = "AROA1234567890ABCDEF:sp-of-before-the-restore"
    kept = KeptDeny.objects.create(
        document=row.document,
        userid=foreign,
        found_at=database_now(),
        covers_until=database_now() + timedelta(hours=1),
    )
    work_off(aws=aws.ports(), holder="w")
    assert aws.denied() == {*row.userids, foreign}
    long_ago = database_now() - timedelta(days=1)
    KeptDeny.objects.filter(pk=kept.pk).update(
        found_at=long_ago, covers_until=long_ago + timedelta(minutes=1)
    )
    DenyDocument.objects.update(recheck_at=database_now())
    work_off(aws=aws.ports(), holder="w")
    assert aws.denied() == set(row.userids)
    assert not KeptDeny.objects.exists()


def test_a_cut_of_everybody_is_written_and_taken_away_when_it_is_over(aws: FakeAws) -> None:
    row = cut(make_role())
    now = database_now().replace(microsecond=0)
    DenyDocument.objects.update(issued_before=now, issued_before_until=now + timedelta(hours=12))
    work_off(aws=aws.ports(), holder="w")
    [standing] = aws.documents.values()
    assert standing.issued_before == now
    DenyDocument.objects.update(
        issued_before=now - timedelta(days=2), issued_before_until=now - timedelta(days=1), recheck_at=now
    )
    work_off(aws=aws.ports(), holder="w")
    [standing] = aws.documents.values()
    assert (standing.issued_before, standing.entries) == (None, frozenset(row.userids))
    assert DenyDocument.objects.get().issued_before is None


def test_where_room_is_short_those_whom_a_cut_of_everybody_reaches_stand_by_it_alone(aws: FakeAws) -> None:
    [role] = roles_of_one_account(1)
    reached = [cut(role, seconds_ago=60), cut(role, seconds_ago=60)]
    cut_at = database_now().replace(microsecond=0) - timedelta(seconds=30)
    DenyDocument.objects.update(issued_before=cut_at, issued_before_until=cut_at + timedelta(hours=12))
    later = cut(role)
    aws.room = 1
    assert work_off(aws=aws.ports(), holder="w") == 3
    assert aws.denied() == set(later.userids)
    for row in Revocation.objects.filter(pk__in=[row.pk for row in reached]):
        assert (row.state, row.probe_at) == ("applied", None)
        assert "everybody" in row.proof_note
    DenyDocument.objects.update(recheck_at=database_now())
    work_off(aws=aws.ports(), holder="w")
    assert not Alarm.objects.exists(), "that they are not in the list is no change behind our back"
    DenyDocument.objects.update(
        issued_before=cut_at - timedelta(days=1),
        issued_before_until=cut_at - timedelta(minutes=5),
        recheck_at=database_now(),
    )
    work_off(aws=aws.ports(), holder="w")
    assert {row.state for row in Revocation.objects.filter(pk__in=[r.pk for r in reached])} == {"failing"}


def test_of_a_principal_that_is_gone_the_dead_are_cleaned_and_the_living_fail(aws: FakeAws) -> None:
    role = make_role()
    living, dead = cut(role), cut(role)
    aws.fail["read"] = GONE
    work_off(aws=aws.ports(), holder="w")
    living.refresh_from_db()
    assert (living.state, living.last_error) == ("failing", str(GONE))
    long_ago = database_now() - timedelta(days=1)
    Revocation.objects.update(
        asked_at=long_ago, covers_until=long_ago + timedelta(hours=1), next_try_at=database_now()
    )
    work_off(aws=aws.ports(), holder="w")
    dead.refresh_from_db()
    assert dead.state == "cleaned"
    assert aws.count("write") == 0


def test_what_got_a_longer_session_while_it_was_taken_away_is_not_cleaned_but_denied_again(
    aws: FakeAws,
) -> None:
    role = make_role()
    row, neighbour = cut(role), cut(role)
    assert work_off(aws=aws.ports(), holder="w") == 2
    long_ago = database_now() - timedelta(days=1)
    Revocation.objects.update(asked_at=long_ago, covers_until=long_ago + timedelta(hours=1))
    DenyDocument.objects.update(recheck_at=database_now())

    def answer_late() -> None:
        now = database_now()
        later = {"covers_until": now + timedelta(hours=1), "next_try_at": now}
        waiting = {"state": "pending", "applied_at": None, "probe_at": None}
        Revocation.objects.filter(pk=row.pk).update(**later, **waiting)

    aws.before["write"] = answer_late
    work_off(aws=aws.ports(), holder="w", at_most=1)
    assert aws.denied() == set()
    aws.before.clear()
    assert work_off(aws=aws.ports(), holder="w") == 1
    states = dict(Revocation.objects.values_list("pk", "state"))
    assert states == {row.pk: "applied", neighbour.pk: "cleaned"}
    assert aws.denied() == set(row.userids)


def test_what_is_not_applied_in_time_is_an_alarm_until_it_is(aws: FakeAws) -> None:
    late, young = cut(make_role("Late"), seconds_ago=271), cut(make_role("Young"), seconds_ago=200)
    assert alarm_late_revocations(at=database_now()) == 1
    assert alarm_late_revocations(at=database_now()) == 0
    alarm = Alarm.objects.get()
    assert alarm.subject == str(late.pk)
    assert AuditEvent.objects.get(type="access.alarm.raised").grant_id == late.grant_id
    work_off(aws=aws.ports(), holder="w")
    alarm_late_revocations(at=database_now())
    assert not Alarm.objects.filter(cleared_at=None).exists()
    assert AuditEvent.objects.filter(type="access.alarm.cleared").count() == 1
    assert young.grant_id != late.grant_id


def test_a_crowd_of_alarms_that_are_over_is_cleared_bit_by_bit(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a transaction in the sweep's thread: after AWS was away the ends that are due must not wait for them."""
    monkeypatch.setattr(alarms, "AT_ONCE", 2)
    for role in roles_of_one_account(3):
        cut(role, seconds_ago=300)
    alarm_late_revocations(at=database_now())
    alarm_late_revocations(at=database_now())
    work_off(aws=aws.ports(), holder="w")
    left = []
    for _ in range(2):
        alarm_late_revocations(at=database_now())
        left.append(Alarm.objects.filter(cleared_at=None).count())
    assert left == [1, 0]


def test_alarms_of_what_is_cleaned_up_by_now_are_over_and_those_of_what_is_not_stay() -> None:
    now = database_now()
    proven_never, still = cut(make_role("A")), cut(make_role("B"))
    Revocation.objects.update(state="applied", applied_at=now)
    for row in (proven_never, still):
        alarms.raise_alarm(kind=AlarmKind.PROOF_FAILED, subject=str(row.pk), text="t", at=now)
        alarms.raise_alarm(kind=AlarmKind.DENY_CHANGED, subject=str(row.document_id), text="t", at=now)
    Revocation.objects.filter(pk=proven_never.pk).update(state="cleaned", cleaned_at=now)
    DenyDocument.objects.filter(pk=still.document_id).update(recheck_at=now)
    clear_past_alarms(at=now)
    assert Alarm.objects.filter(cleared_at=None).count() == 3, "a change is to be seen for a while"
    clear_past_alarms(at=now + alarms.CHANGE_STAYS)
    left = set(Alarm.objects.filter(cleared_at=None).values_list("kind", "subject"))
    assert left == {("proof_failed", str(still.pk)), ("deny_changed", str(still.document_id))}


def test_a_role_without_a_kill_switch_gets_no_revocation_and_its_neighbour_does() -> None:
    grants = []
    for role in (make_role("Sso", is_writable=False), make_role("Ours")):
        grant = make_grant(make_person(), role)
        add_session(grant)
        grants.append(grant)
    ending = Ending(GrantState.REVOKED, EventType.GRANT_REVOKED, REVOKER, database_now(), "stop")
    made = end_locked_grants(grants, ending)
    assert [row.grant_id for row in made] == [grants[1].pk]


def test_what_stands_stays_where_room_is_short_and_aws_shows_a_copy_that_is_behind(aws: FakeAws) -> None:
    [role] = roles_of_one_account(1)
    standing = cut(role)
    work_off(aws=aws.ports(), holder="w")
    older = cut(role, seconds_ago=60)
    aws.room, aws.hidden_reads = 1, 2
    work_off(aws=aws.ports(), holder="w")
    assert aws.denied() == set(standing.userids)
    older.refresh_from_db()
    assert older.state == "failing"


def test_what_must_go_is_called_failing_before_it_goes(aws: FakeAws) -> None:
    [role] = roles_of_one_account(1)
    over = cut(role)
    work_off(aws=aws.ports(), holder="w")
    now = database_now()
    role.grants.update(starts_at=now - timedelta(hours=2), ends_at=now - timedelta(seconds=1))
    urgent = cut(role)
    aws.room = 1

    def die() -> None:
        raise KeyboardInterrupt

    aws.after["write"] = die
    with pytest.raises(KeyboardInterrupt):
        work_off(aws=aws.ports(), holder="w")
    assert aws.denied() == set(urgent.userids)
    over.refresh_from_db()
    assert (over.state, "allowed is 1" in over.last_error) == ("failing", True)


def test_a_worker_that_was_overtaken_calls_nothing_failing_and_takes_nothing_away(aws: FakeAws) -> None:
    [role] = roles_of_one_account(1)
    over = cut(role)
    work_off(aws=aws.ports(), holder="w")
    now = database_now()
    role.grants.update(starts_at=now - timedelta(hours=2), ends_at=now - timedelta(seconds=1))
    cut(role)
    aws.room = 1
    aws.after["read"] = lambda: DenyDocument.objects.update(fence=99)
    work_off(aws=aws.ports(), holder="w", at_most=1)
    over.refresh_from_db()
    assert (over.state, aws.denied()) == ("applied", set(over.userids))

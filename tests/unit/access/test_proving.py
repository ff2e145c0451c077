"""Proof: only an explicit deny beside an allowed canary counts; whatever else is said, and never more than is true."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from brokers.types import ProbeAnswer, ProbeCall
from portal.access.models import Alarm, DenyDocument, Grant, Hold, Revocation
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.cutting import prove_revocations as proving
from portal.access.operations.cutting.prove_revocations import PATIENCE, is_probe_due, prove_revocations
from portal.access.operations.cutting.work_off import work_off
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.audit.models import AuditEvent
from portal.catalog.models import AccountHub
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from tests.fakes import DENIED, UNAVAILABLE, FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture
def applied(make_grant: Make, aws: FakeAws, actor_of: Make) -> Callable[[], Revocation]:
    def make() -> Revocation:
        grant: Grant = make_grant()
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
        revoke_grant(grant_id=grant.pk, reason="stop", actor=Actor.command("tests"))
        work_off(aws=aws.ports(), holder="tests")
        row = Revocation.objects.get(grant=grant)
        assert row.state == "applied"
        return row

    return make


def prove(aws: FakeAws) -> int:
    Revocation.objects.filter(probe_at__isnull=False).update(probe_at=database_now())
    return prove_revocations(aws=aws.ports())


def events(name: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(type=f"access.revocation.{name}").order_by("id"))


def test_denied_beside_an_allowed_canary_is_proven_with_its_seconds(
    applied: Callable[[], Revocation], aws: FakeAws
) -> None:
    row = applied()
    assert is_probe_due(at=database_now())
    assert prove(aws) == 1
    row.refresh_from_db()
    assert (row.state, row.probe_at, row.proof_note) == ("proven", None, "")
    [event] = events("proven")
    assert row.proven_at is not None
    assert event.details["seconds"] == round((row.proven_at - row.asked_at).total_seconds(), 3)
    canary, probe = (call for call in aws.asked("probe"))
    assert canary.session_name == "sp-canary"
    assert f"{row.grant.role.unique_id}:{probe.session_name}" in row.userids
    assert AuditEvent.objects.filter(type="access.probe.made", grant_id=row.grant_id).count() == 1
    assert not is_probe_due(at=database_now() + timedelta(days=1))
    assert prove(aws) == 0


def test_iam_that_enforces_late_is_asked_until_it_denies(
    applied: Callable[[], Revocation], aws: FakeAws
) -> None:
    row = applied()
    aws.blind = 2
    assert [prove(aws), prove(aws), prove(aws)] == [0, 0, 1]
    assert len(events("not_proven")) == 1  # said once, not at each try
    assert AuditEvent.objects.filter(type="access.probe.made").count() == 3
    row.refresh_from_db()
    assert (row.state, row.probes) == ("proven", 3)


def test_a_deny_that_is_shown_and_never_enforced_is_an_alarm_until_it_is(
    applied: Callable[[], Revocation], aws: FakeAws
) -> None:
    row = applied()
    aws.blind = 1000
    assert prove(aws) == 0
    assert not Alarm.objects.exists()
    Revocation.objects.update(applied_at=database_now() - PATIENCE - timedelta(seconds=1))
    prove(aws)
    prove(aws)
    assert Alarm.objects.get(cleared_at=None).kind == "proof_failed"
    row.refresh_from_db()
    assert (row.state, row.proof_note) == ("applied", "AWS shows the deny, but does not enforce it yet.")
    aws.blind = 0
    assert prove(aws) == 1
    assert not Alarm.objects.filter(cleared_at=None).exists()


def test_a_role_without_the_right_is_applied_and_never_called_proven(
    applied: Callable[[], Revocation], aws: FakeAws
) -> None:
    row = applied()
    aws.no_rights = True
    assert [prove(aws) for _ in range(5)] == [0] * 5
    assert aws.count("probe") == 3  # the canary alone, and not for ever
    row.refresh_from_db()
    assert (row.state, row.probe_at) == ("applied", None)
    assert "does not allow sts:GetAccessKeyInfo" in row.proof_note
    assert not Alarm.objects.exists()


@pytest.mark.parametrize(
    ("answers", "note"),
    [
        ((ProbeAnswer.EXPLICIT_DENY, ProbeAnswer.EXPLICIT_DENY), "to the portal's neighbour, too"),
        ((ProbeAnswer.ALLOWED, ProbeAnswer.NOT_ALLOWED), "without naming a deny"),
    ],
)
def test_other_answers_prove_nothing(
    applied: Callable[[], Revocation],
    aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    answers: tuple[ProbeAnswer, ProbeAnswer],
    note: str,
) -> None:
    row = applied()

    def answer(call: ProbeCall) -> ProbeAnswer:
        return answers[call.session_name != "sp-canary"]

    monkeypatch.setattr(aws, "probe", answer)
    assert prove(aws) == 0
    row.refresh_from_db()
    assert row.state == "applied"
    assert note in row.proof_note


@pytest.mark.parametrize(("problem", "tries"), [(DENIED, 3), (UNAVAILABLE, 5)])
def test_no_answer_is_asked_again_while_that_may_help(
    applied: Callable[[], Revocation], aws: FakeAws, problem: Any, tries: int
) -> None:
    row = applied()
    aws.fail["probe"] = problem
    assert [prove(aws) for _ in range(5)] == [0] * 5
    assert aws.count("probe") == tries
    row.refresh_from_db()
    assert "No probe could be made" in row.proof_note


def test_one_canary_serves_all_of_a_role_and_a_live_neighbour_is_never_probed(
    applied: Callable[[], Revocation], aws: FakeAws, make_grant: Make, actor_of: Make
) -> None:
    neighbour = make_grant()
    issue_credentials(grant_id=neighbour.pk, aws=aws.ports(), actor=actor_of(neighbour.person))
    rows = [applied(), applied(), applied()]
    assert prove(aws) == 3
    names = [call.session_name for call in aws.asked("probe")]
    assert names.count("sp-canary") == 1
    assert set(names[1:]) == {row.userids[0].partition(":")[2] for row in rows}


def test_a_row_that_changed_meanwhile_is_not_called_proven(
    applied: Callable[[], Revocation], aws: FakeAws
) -> None:
    row = applied()

    def taken_away() -> None:
        Revocation.objects.update(applied_at=database_now())

    aws.after["probe"] = taken_away
    assert prove(aws) == 0
    row.refresh_from_db()
    assert row.state == "applied"
    aws.after.clear()
    assert prove(aws) == 1


def test_an_sts_that_hangs_does_not_keep_a_worker_for_a_whole_batch(
    applied: Callable[[], Revocation], aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [applied(), applied(), applied()]
    monkeypatch.setattr(proving, "PROBE_FOR", 0.2)
    aws.before["probe"] = lambda: time.sleep(0.25)
    assert prove(aws) == 0
    assert aws.count("probe") == 1, "the canary, and then it was too late"
    found = Revocation.objects.filter(pk__in=[row.pk for row in rows])
    assert {(row.state, row.probe_at is None) for row in found} == {("applied", False)}
    aws.before.clear()
    monkeypatch.setattr(proving, "PROBE_FOR", 30.0)
    assert prove(aws) == 3


def test_in_hold_nothing_is_probed(applied: Callable[[], Revocation], aws: FakeAws) -> None:
    applied()
    Hold.objects.create(entered_at=database_now(), reason="restored")
    assert prove(aws) == 0
    assert aws.count("probe") == 0


def test_what_was_taken_away_in_aws_is_put_back_reported_and_proven_anew(
    applied: Callable[[], Revocation], aws: FakeAws
) -> None:
    row = applied()
    prove(aws)
    whole = dict(aws.documents)
    aws.documents.clear()
    assert work_off(aws=aws.ports(), holder="tests") == 0
    assert aws.documents == {}, "not before it is looked at again"
    document = DenyDocument.objects.get()
    assert document.recheck_at is not None
    assert document.recheck_at <= database_now() + timedelta(seconds=40)
    DenyDocument.objects.update(recheck_at=database_now())
    work_off(aws=aws.ports(), holder="tests")
    assert aws.documents == whole
    row.refresh_from_db()
    assert (row.state, row.proven_at) == ("applied", None)
    [event] = AuditEvent.objects.filter(type="access.deny.put_back")
    assert event.details["changed"] == "1 of 1 denied sessions were missing"
    assert Alarm.objects.get(cleared_at=None).kind == "deny_changed"
    assert prove(aws) == 1
    DenyDocument.objects.update(recheck_at=database_now())
    work_off(aws=aws.ports(), holder="tests")
    assert AuditEvent.objects.filter(type="access.deny.put_back").count() == 1


def test_what_was_taken_away_and_cannot_be_put_back_is_failing_and_nobody_elses_is(
    applied: Callable[[], Revocation], aws: FakeAws
) -> None:
    row, other = applied(), applied()
    assert prove(aws) == 2
    [target] = aws.documents
    aws.documents[target] = replace(aws.documents[target], entries=frozenset(other.userids))
    aws.fail["write"] = DENIED
    DenyDocument.objects.update(recheck_at=database_now())
    work_off(aws=aws.ports(), holder="tests")
    row.refresh_from_db()
    other.refresh_from_db()
    assert (row.state, row.last_error, row.proven_at) == ("failing", str(DENIED), None)
    assert other.state == "proven"
    assert "can't be put back yet" in Alarm.objects.get(cleared_at=None).text
    assert [event.grant_id for event in events("failing")] == [row.grant_id]
    aws.fail.clear()
    Revocation.objects.filter(pk=row.pk).update(next_try_at=database_now())
    assert work_off(aws=aws.ports(), holder="tests") == 1
    assert aws.denied() == {*row.userids, *other.userids}
    assert prove(aws) == 1


def test_what_is_dead_already_wakes_nobody_for_its_proof(
    applied: Callable[[], Revocation], aws: FakeAws
) -> None:
    row, living = applied(), applied()
    now = database_now()
    Revocation.objects.filter(pk=row.pk).update(
        asked_at=now - timedelta(hours=2), covers_until=now - timedelta(seconds=1)
    )
    assert is_probe_due(at=database_now())
    assert prove(aws) == 1
    living.refresh_from_db()
    assert living.state == "proven"
    assert not is_probe_due(at=database_now())


def test_a_role_is_tried_by_the_hub_that_it_trusts(
    applied: Callable[[], Revocation], aws: FakeAws, account: Any
) -> None:
    row = applied()
    AccountHub.objects.create(account=account, kind="ambient", region="eu-west-1")
    assert prove(aws) == 1
    assert {spec.kind.value for spec, _ in aws.asked("hub_of")} == {"ambient"}
    assert {call.entry for call in aws.asked("probe")} == {row.userids[-1]}


def test_a_hub_that_cannot_be_opened_holds_up_no_other_proof(
    applied: Callable[[], Revocation], aws: FakeAws, account: Any
) -> None:
    row = applied()
    AccountHub.objects.create(
        account=account,
        kind="keys",
        access_key_id="AKIAHUBHUBHUBHUB1",
        secret=b"sealed by a key that is gone",
    )
    assert prove(aws) == 0
    row.refresh_from_db()
    assert "enter it again" in row.proof_note
    AccountHub.objects.all().delete()
    assert prove(aws) == 1

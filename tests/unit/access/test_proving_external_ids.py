"""Proofs of ExternalIds on a twin role: who has it gets in, nobody else; what AWS says otherwise is an alarm."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import F

from brokers.errors import AwsUnavailable
from portal.access.lifecycle import ProofKind
from portal.access.models import Alarm, ExternalId, ExternalIdProof, PartnerRole
from portal.access.operations.partners import proof_leases, proof_steps
from portal.access.operations.partners.external_ids import rotate_external_id
from portal.access.operations.partners.partner_accounts import close_partner_account
from portal.access.operations.partners.proofs import ask_proof, why_not_written
from portal.access.operations.partners.prove_again import prove_again
from portal.access.operations.partners.prove_external_ids import fail_due_proofs, prove_due
from portal.access.operations.running.hold import enter_hold
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsAccount
from portal.directory.models import PartnerAccount
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError, NotFoundError
from tests.fakes import DENIED, UNAVAILABLE, FakeAws
from tests.standing_roles import (
    SHELL,
    current,
    make_our_account,
    make_partner,
    make_partner_role,
    make_their_account,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
ONE = [
    ("with the ExternalId", "let in"),
    ("without any ExternalId", "refused"),
    ("with an ExternalId that nobody has", "refused"),
    ("with the ExternalId, once more", "let in"),
]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_steps, "PAUSE", 0.0)


@pytest.fixture
def theirs() -> PartnerAccount:
    return make_their_account()


@pytest.fixture
def ours() -> AwsAccount:
    return make_our_account()


@pytest.fixture
def proof(theirs: PartnerAccount, ours: AwsAccount) -> ExternalIdProof:
    return ask(current(theirs), ours)


def ask(external_id: ExternalId, ours: AwsAccount, kind: ProofKind = ProofKind.ONBOARDING) -> ExternalIdProof:
    return ask_proof(external_id=external_id, account=ours, kind=kind, at=database_now())


def told(proof: ExternalIdProof) -> list[tuple[str, str]]:
    proof.refresh_from_db()
    return [(step["what"], step["answer"]) for step in proof.steps]


def late(proof: ExternalIdProof, by: timedelta = DAY) -> None:
    """As if it had been asked for so long ago, and is due."""
    now = database_now()
    ExternalIdProof.objects.filter(pk=proof.pk).update(due_at=now, asked_at=F("asked_at") - by)


def test_who_has_it_gets_in_and_nobody_else(
    aws: FakeAws, proof: ExternalIdProof, theirs: PartnerAccount
) -> None:
    waiting = make_partner_role(
        theirs, proof.account, state="making", made_at=None, due_at=proof.asked_at + timedelta(minutes=5)
    )
    assert prove_due(aws=aws.ports()) == 1
    assert told(proof) == ONE
    assert (proof.state, proof.due_at, proof.leased_until, proof.last_error) == ("proven", None, None, "")
    assert all(step["is_ok"] for step in proof.steps)
    assert aws.partners.twins == {}, "nothing of it is left"
    assert aws.count("make_twin") == 1
    waiting.refresh_from_db()
    assert waiting.due_at == proof.done_at, "what waited for it goes on at once"
    assert why_not_written(waiting, at=database_now()) == ""
    event = AuditEvent.objects.get(type="access.external_id.proven")
    assert (event.partner_id, event.details["steps"]) == (theirs.partner_id, proof.steps)
    assert str(current(theirs).value) not in str(proof.steps)
    assert prove_due(aws=aws.ports()) == 0
    assert aws.count("make_twin") == 1


def test_another_partners_is_the_one_that_is_tried(
    aws: FakeAws, proof: ExternalIdProof, theirs: PartnerAccount
) -> None:
    same_company = make_their_account(theirs.partner)
    globex = make_their_account(make_partner("Globex"))
    make_their_account(theirs.partner)
    assert prove_due(aws=aws.ports()) == 1
    assert told(proof)[2] == ("with another partner's ExternalId", "refused")
    tried = [external_id for _, _, external_id in aws.asked("assume_twin")]
    mine = str(current(theirs).value)
    assert tried == [mine, None, str(current(globex).value), mine]
    assert str(current(same_company).value) not in tried


@pytest.mark.parametrize("wrong", ["nothing", "another's"])
def test_whom_aws_lets_in_wrongly_is_an_alarm_at_once(
    aws: FakeAws, proof: ExternalIdProof, theirs: PartnerAccount, wrong: str
) -> None:
    other = str(current(make_their_account(make_partner("Globex"))).value)
    aws.partners.lets_in = {None if wrong == "nothing" else other}
    row = make_partner_role(theirs, proof.account, state="making", made_at=None, due_at=proof.asked_at)
    assert prove_due(aws=aws.ports()) == 0
    what = "without any ExternalId" if wrong == "nothing" else "with another partner's ExternalId"
    assert told(proof)[-1] == (what, "let in")
    assert (proof.state, proof.due_at) == ("failed", None)
    [alarm] = Alarm.objects.filter(kind="external_id", cleared_at=None)
    assert f"{what} AWS answered 'let in', and must answer 'refused'" in alarm.text
    assert AuditEvent.objects.get(type="access.external_id.not_proven").outcome == "failed"
    assert "was not proven" in why_not_written(row, at=database_now())
    assert aws.partners.twins == {}
    aws.partners.lets_in = set()
    assert prove_due(aws=aws.ports()) == 0, "only somebody's hand asks again"
    again = prove_again(partner_account_id=theirs.pk, account_id=proof.account_id, actor=SHELL)
    assert again != proof
    event = AuditEvent.objects.get(type="staff.record.changed")
    assert (event.partner_id, event.details["record"]) == (theirs.partner_id, "proof of an ExternalId")
    assert prove_due(aws=aws.ports()) == 1
    assert not Alarm.objects.filter(cleared_at=None).exists()
    assert why_not_written(row, at=database_now()) == ""


def test_aws_that_is_behind_is_asked_again(aws: FakeAws, proof: ExternalIdProof) -> None:
    mine = str(proof.external_id.value)
    aws.partners.keeps_out = {mine}
    calls = []

    def shows_late() -> None:
        calls.append(1)
        if len(calls) == 5:
            aws.partners.keeps_out = set()

    aws.before["assume_twin"] = shows_late
    assert prove_due(aws=aws.ports()) == 1
    assert told(proof) == ONE


def test_a_partner_who_is_kept_out_for_long_is_an_alarm(aws: FakeAws, proof: ExternalIdProof) -> None:
    aws.partners.keeps_out = {str(proof.external_id.value)}
    assert prove_due(aws=aws.ports()) == 0
    assert told(proof) == [("with the ExternalId", "refused")]
    assert (proof.state, proof.attempts) == ("asked", 1)
    assert proof.due_at is not None
    assert proof.due_at > database_now(), "AWS may only be behind"
    assert not Alarm.objects.exists()
    late(proof)
    assert prove_due(aws=aws.ports()) == 0
    proof.refresh_from_db()
    assert proof.state == "failed"
    assert "must answer 'let in'" in proof.last_error
    assert Alarm.objects.filter(kind="external_id", cleared_at=None).count() == 1


@pytest.mark.parametrize("operation", ["make_twin", "assume_twin", "remove_twin"])
@pytest.mark.parametrize("problem", [UNAVAILABLE, DENIED])
def test_aws_that_answers_nothing_or_refuses_only_delays(
    aws: FakeAws, proof: ExternalIdProof, operation: str, problem: Any
) -> None:
    aws.fail[operation] = problem
    for attempt in (1, 2):
        late(proof)
        assert prove_due(aws=aws.ports()) == 0
        proof.refresh_from_db()
        assert (proof.state, proof.attempts, proof.leased_until) == ("asked", attempt, None)
        assert proof.due_at is not None
        assert proof.due_at > database_now()
        assert str(problem) in proof.last_error
    assert not Alarm.objects.exists()
    del aws.fail[operation]
    late(proof)
    assert prove_due(aws=aws.ports()) == 1
    assert aws.partners.twins == {}


def test_the_twin_of_a_wrong_answer_that_cannot_be_removed_delays_no_alarm(
    aws: FakeAws, proof: ExternalIdProof
) -> None:
    aws.partners.lets_in = {None}
    aws.fail["remove_twin"] = UNAVAILABLE
    prove_due(aws=aws.ports())
    proof.refresh_from_db()
    assert proof.state == "failed"
    assert Alarm.objects.filter(kind="external_id").count() == 1


def test_a_rotation_is_proven_with_both_within_the_window(
    aws: FakeAws, theirs: PartnerAccount, ours: AwsAccount
) -> None:
    make_partner_role(theirs, ours)
    rotate_external_id(partner_account_id=theirs.pk, overlap=DAY, reason="r", actor=SHELL)
    assert prove_due(aws=aws.ports()) == 1
    rotation = ExternalIdProof.objects.get(kind="rotation")
    assert told(rotation) == [
        *ONE[:3],
        ("with the other ExternalId, within its time", "let in"),
        ONE[3],
    ]
    assert ExternalIdProof.objects.get(kind="window_over").state == "asked"


@pytest.mark.parametrize("overlap", [DAY, timedelta(0)], ids=["after the window", "cut at once"])
def test_the_old_one_is_proven_to_be_refused_and_leaves_the_roles(
    aws: FakeAws, theirs: PartnerAccount, ours: AwsAccount, overlap: timedelta
) -> None:
    row, old = make_partner_role(theirs, ours), current(theirs)
    rotate_external_id(partner_account_id=theirs.pk, overlap=overlap, reason="r", actor=SHELL)
    ExternalIdProof.objects.filter(kind="rotation").delete()
    now = database_now()
    ExternalId.objects.filter(pk=old.pk).update(made_at=now - 2 * DAY, accepted_until=now)
    ExternalIdProof.objects.update(due_at=now)
    PartnerRole.objects.update(written=F("wanted"), due_at=None)
    row.refresh_from_db()
    assert prove_due(aws=aws.ports()) == 1
    over = ExternalIdProof.objects.get(kind="window_over")
    assert told(over) == [
        ("with the current ExternalId", "let in"),
        ("without any ExternalId", "refused"),
        ("with an ExternalId that nobody has", "refused"),
        ("with the old ExternalId, after its time", "refused"),
        ("with the current ExternalId, once more", "let in"),
    ]
    [twin] = aws.asked("make_twin")
    assert str(old.value) in {each.value for each in twin[2]}, "AWS itself ends it, by its statement's date"
    before = row.wanted
    row.refresh_from_db()
    assert (row.wanted, row.due_at is not None) == (before + 1, True)


def test_an_old_one_that_aws_still_lets_in_is_an_alarm_after_a_while(
    aws: FakeAws, theirs: PartnerAccount, ours: AwsAccount
) -> None:
    make_partner_role(theirs, ours)
    old = current(theirs)
    rotate_external_id(partner_account_id=theirs.pk, overlap=timedelta(0), reason="r", actor=SHELL)
    ExternalIdProof.objects.filter(kind="rotation").delete()
    over = ExternalIdProof.objects.get()
    aws.partners.lets_in = {str(old.value)}
    assert prove_due(aws=aws.ports()) == 0
    over.refresh_from_db()
    assert over.state == "asked"
    long_ago = database_now() - DAY
    ExternalId.objects.filter(pk=old.pk).update(made_at=long_ago, accepted_until=long_ago)
    late(over)
    assert prove_due(aws=aws.ports()) == 0
    assert told(over)[-1] == ("with the old ExternalId, after its time", "let in")
    assert over.state == "failed"
    aws.partners.lets_in = set()
    # Asked for with the current one's, and once more only while it is not right.
    for _ in range(2):
        prove_again(partner_account_id=theirs.pk, account_id=ours.pk, actor=SHELL)
        assert ExternalIdProof.objects.filter(done_at=None).count() == 2
    assert prove_due(aws=aws.ports()) == 2
    assert not Alarm.objects.filter(cleared_at=None).exists()
    prove_again(partner_account_id=theirs.pk, account_id=ours.pk, actor=SHELL)
    assert [each.kind for each in ExternalIdProof.objects.filter(done_at=None)] == ["rotation"]


def test_in_hold_nothing_is_asked_of_aws(aws: FakeAws, proof: ExternalIdProof) -> None:
    hold = enter_hold(reason="r", actor=SHELL)
    assert prove_due(aws=aws.ports()) == 0
    assert aws.calls == []
    type(hold).objects.all().delete()
    assert prove_due(aws=aws.ports()) == 1


def test_a_worker_that_was_overtaken_records_nothing_and_leaves_the_twin_to_the_other(
    aws: FakeAws, proof: ExternalIdProof
) -> None:
    def overtake() -> None:
        aws.before.clear()
        ExternalIdProof.objects.filter(pk=proof.pk).update(fence=F("fence") + 1)

    aws.before["assume_twin"] = overtake
    assert prove_due(aws=aws.ports()) == 0
    proof.refresh_from_db()
    assert (proof.state, proof.steps, aws.count("remove_twin")) == ("asked", [], 0)
    assert prove_due(aws=aws.ports()) == 0, "somebody makes it still"
    ExternalIdProof.objects.update(leased_until=database_now() - timedelta(seconds=1))
    assert prove_due(aws=aws.ports()) == 1
    assert aws.partners.twins == {}


def test_the_twin_of_an_overtaken_worker_is_the_others_to_the_last_step(
    aws: FakeAws, proof: ExternalIdProof
) -> None:
    def overtake() -> None:
        if aws.count("assume_twin") == len(ONE):
            ExternalIdProof.objects.filter(pk=proof.pk).update(fence=F("fence") + 1)

    aws.after["assume_twin"] = overtake
    assert prove_due(aws=aws.ports()) == 0
    proof.refresh_from_db()
    assert (proof.state, aws.count("remove_twin")) == ("asked", 0)


def test_two_proofs_on_one_twin_are_made_one_after_the_other(
    aws: FakeAws, theirs: PartnerAccount, proof: ExternalIdProof
) -> None:
    other = ask(current(theirs), proof.account, ProofKind.ROTATION)
    elsewhere = ask(current(theirs), make_our_account(), ProofKind.ROTATION)
    seen = []

    def look() -> None:
        aws.before.clear()
        seen.append([proof_leases.take_proof(row.pk) is not None for row in (other, proof)])
        seen.append([proof_leases.take_proof(elsewhere.pk) is not None])

    aws.before["assume_twin"] = look
    assert prove_due(aws=aws.ports()) == 2
    assert seen == [[False, False], [True]]


def test_a_run_makes_no_more_than_it_was_told_to(
    aws: FakeAws, theirs: PartnerAccount, proof: ExternalIdProof
) -> None:
    ask(current(theirs), make_our_account())
    assert prove_due(aws=aws.ports(), at_most=1) == 1
    assert prove_due(aws=aws.ports()) == 1


def test_a_proof_that_somebody_makes_is_left_to_them(
    aws: FakeAws, theirs: PartnerAccount, proof: ExternalIdProof
) -> None:
    other = ask(current(theirs), proof.account, ProofKind.ROTATION)
    lease = proof_leases.take_proof(proof.pk)
    assert lease is not None
    assert prove_due(aws=aws.ports()) == 0, "they share a twin"
    fail_due_proofs(problem=UNAVAILABLE)
    other.refresh_from_db()
    assert other.last_error == ""
    overtaken = replace(lease, fence=lease.fence - 1)
    assert proof_leases.record_steps(overtaken, proof_steps.Steps([])) is None
    proof.refresh_from_db()
    assert proof.state == "asked"
    proof.delete()
    assert proof_leases.record_steps(lease, proof_steps.Steps([])) is None, "it is not to be made any more"
    assert proof_leases.take_proof(lease.proof.pk) is None


def test_closing_the_account_ends_its_proofs_even_under_way(
    aws: FakeAws, theirs: PartnerAccount, proof: ExternalIdProof
) -> None:
    def close() -> None:
        aws.before.clear()
        close_partner_account(partner_account_id=theirs.pk, reason="r", actor=SHELL)

    aws.before["assume_twin"] = close
    assert prove_due(aws=aws.ports()) == 0
    assert not ExternalIdProof.objects.exists()


def test_a_fault_of_our_own_delays_it_and_stops_no_other(
    aws: FakeAws, proof: ExternalIdProof, theirs: PartnerAccount
) -> None:
    ask(current(theirs), make_our_account())

    def broken() -> None:
        aws.before.clear()
        raise ZeroDivisionError

    aws.before["make_twin"] = broken
    assert prove_due(aws=aws.ports()) == 1
    proof.refresh_from_db()
    assert proof.state == "asked"
    assert "ZeroDivisionError" in proof.last_error


def test_without_a_provisioner_it_says_so(aws: FakeAws, proof: ExternalIdProof) -> None:
    AwsAccount.objects.update(provisioner_role_arn="")
    assert prove_due(aws=aws.ports()) == 0
    proof.refresh_from_db()
    assert "no provisioner role" in proof.last_error
    assert aws.count("make_twin") == 0


def test_without_hub_credentials_the_rows_say_so(proof: ExternalIdProof) -> None:
    fail_due_proofs(problem=AwsUnavailable("sts:GetCallerIdentity", "no credentials"))
    proof.refresh_from_db()
    assert "no credentials" in proof.last_error
    assert proof.due_at is not None
    assert proof.due_at > datetime.now(UTC)
    assert proof.leased_until is None


def test_who_may_ask_again(
    proof: ExternalIdProof, person: Callable[..., Any], actor_of: Callable[..., Any]
) -> None:
    where = {"partner_account_id": proof.partner_account_id, "account_id": proof.account_id}
    assert prove_again(**where, actor=SHELL) == proof, "it is asked for already"
    ExternalIdProof.objects.update(state="failed", due_at=None, done_at=database_now())
    with pytest.raises(NotFoundError):
        prove_again(**where, actor=actor_of(person("Lou", is_staff=True)))
    with pytest.raises(InvalidError, match="an account of ours"):
        prove_again(**where | {"account_id": uuid4()}, actor=SHELL)
    assert prove_again(**where, actor=SHELL).state == "asked"

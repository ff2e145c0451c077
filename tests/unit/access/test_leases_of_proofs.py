"""Who makes a proof of an ExternalId, when, and with which questions exactly."""

from datetime import timedelta

import pytest
from django.db.models import F

from portal.access.lifecycle import ProofKind, ProofState
from portal.access.models import Alarm, ExternalId, ExternalIdProof
from portal.access.operations.cutting.apply_revocations import OvertakenError
from portal.access.operations.partners import proof_steps
from portal.access.operations.partners.external_ids import rotate_external_id
from portal.access.operations.partners.partner_accounts import close_partner_account
from portal.access.operations.partners.proof_leases import due_proofs, record_steps, renew_proof, take_proof
from portal.access.operations.partners.proof_steps import Steps, take_steps
from portal.access.operations.partners.proofs import ask_proof
from portal.access.operations.partners.prove_external_ids import prove_due
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsAccount
from portal.directory.models import PartnerAccount
from portal.kernel.clock import database_now
from portal.kernel.models import OutboxMessage
from tests.fakes import UNAVAILABLE, FakeAws
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
MINUTE = timedelta(minutes=1)


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
    return ask_proof(
        external_id=current(theirs), account=ours, kind=ProofKind.ONBOARDING, at=database_now() - MINUTE
    )


def window_over(theirs: PartnerAccount, ours: AwsAccount) -> ExternalIdProof:
    """Rotate; return the proof that the old one is refused, due now, as if its time were over since this moment."""
    old = current(theirs)
    rotate_external_id(partner_account_id=theirs.pk, overlap=DAY, reason="r", actor=SHELL)
    ExternalIdProof.objects.exclude(kind="window_over", account=ours).delete()
    now = database_now()
    ExternalId.objects.filter(pk=old.pk).update(made_at=now - 2 * DAY, accepted_until=now)
    ExternalIdProof.objects.update(asked_at=now - DAY, due_at=now)
    return ExternalIdProof.objects.get(external_id=old)


def test_workers_are_woken_for_a_proof_that_is_asked_for(proof: ExternalIdProof) -> None:
    assert OutboxMessage.objects.filter(
        topic="access.external_id.proof_asked", payload={"proof": str(proof.pk)}
    ).exists()


def test_one_is_made_when_it_is_due_and_by_one_alone(proof: ExternalIdProof) -> None:
    ExternalIdProof.objects.update(due_at=database_now() + MINUTE)
    assert take_proof(proof.pk) is None
    ExternalIdProof.objects.update(due_at=database_now())
    assert due_proofs(at=database_now()).exists()
    assert take_proof(proof.pk) is not None
    assert not due_proofs(at=database_now()).exists(), "no worker is woken for what one makes"
    assert take_proof(proof.pk) is None


def test_who_was_overtaken_neither_goes_on_nor_records(proof: ExternalIdProof) -> None:
    first = take_proof(proof.pk)
    assert first is not None
    ExternalIdProof.objects.update(leased_until=database_now() - MINUTE)
    second = take_proof(proof.pk)
    assert second is not None
    assert (renew_proof(first), renew_proof(second)) == (False, True)
    assert record_steps(first, Steps([])) is None
    assert record_steps(second, Steps([])) == ProofState.PROVEN
    assert record_steps(second, Steps([])) is None, "what is proven is proven once"
    assert AuditEvent.objects.filter(type="access.external_id.proven").count() == 1


def test_the_wait_grows_to_five_minutes_and_no_further(aws: FakeAws, proof: ExternalIdProof) -> None:
    aws.fail["make_twin"] = UNAVAILABLE
    waits = []
    for attempts in (0, 4000):
        ExternalIdProof.objects.update(attempts=attempts, due_at=database_now())
        assert prove_due(aws=aws.ports()) == 0
        proof.refresh_from_db()
        assert proof.due_at is not None
        waits.append((proof.due_at - database_now()).total_seconds())
    assert 0 < waits[0] <= 4
    assert 140 < waits[1] <= 300


def test_an_old_one_that_ended_just_now_may_be_let_in_a_while(
    aws: FakeAws, theirs: PartnerAccount, ours: AwsAccount
) -> None:
    make_partner_role(theirs, ours)
    over = window_over(theirs, ours)
    aws.partners.lets_in = {str(over.external_id.value)}
    assert prove_due(aws=aws.ports()) == 0
    over.refresh_from_db()
    assert over.state == "asked", "it was asked for a day ago, and AWS may be behind since a moment ago"
    assert not Alarm.objects.exists()
    ExternalId.objects.filter(pk=over.external_id_id).update(accepted_until=F("accepted_until") - DAY / 2)
    ExternalIdProof.objects.update(due_at=database_now())
    assert prove_due(aws=aws.ports()) == 0
    over.refresh_from_db()
    assert over.state == "failed"


def test_its_roles_lose_the_old_one_once_and_only_where_its_end_is_proven(
    aws: FakeAws, theirs: PartnerAccount, ours: AwsAccount
) -> None:
    mine, elsewhere = make_partner_role(theirs, ours), make_partner_role(theirs)
    window_over(theirs, ours)
    aws.fail["make_twin"] = UNAVAILABLE
    before = {row.pk: row.wanted for row in type(mine).objects.all()}
    for _ in range(2):
        prove_due(aws=aws.ports())
        ExternalIdProof.objects.update(due_at=database_now())
    for row, times in ((mine, 1), (elsewhere, 0)):
        row.refresh_from_db()
        assert row.wanted == before[row.pk] + times


def test_the_other_that_is_tried_is_one_that_counts(aws: FakeAws, proof: ExternalIdProof) -> None:
    globex = make_their_account(make_partner("Globex"))
    initech = make_their_account(make_partner("Initech"))
    close_partner_account(partner_account_id=initech.pk, reason="r", actor=SHELL)
    assert prove_due(aws=aws.ports()) == 1
    tried = [external_id for _, _, external_id in aws.asked("assume_twin")]
    assert tried[2] == str(current(globex).value)


@pytest.mark.parametrize(("left", "is_tried"), [(MINUTE, False), (3 * MINUTE, True)])
def test_what_is_about_to_end_is_not_tried(
    aws: FakeAws, theirs: PartnerAccount, ours: AwsAccount, left: timedelta, is_tried: bool
) -> None:
    make_partner_role(theirs, ours)
    old = current(theirs)
    rotate_external_id(partner_account_id=theirs.pk, overlap=left, reason="r", actor=SHELL)
    assert prove_due(aws=aws.ports()) == 1
    tried = [external_id for _, _, external_id in aws.asked("assume_twin")]
    assert (str(old.value) in tried) == is_tried


def test_the_twin_outlives_its_proof_and_not_the_day(aws: FakeAws, proof: ExternalIdProof) -> None:
    prove_due(aws=aws.ports())
    [(_, _, _, ends_at)] = aws.asked("make_twin")
    # Twenty tries of five questions, each within the time-outs of a call.
    assert 30 * MINUTE < ends_at - database_now() <= 60 * MINUTE


def test_who_was_overtaken_before_the_first_call_makes_none(aws: FakeAws, proof: ExternalIdProof) -> None:
    def overtaken() -> None:
        raise OvertakenError

    with pytest.raises(OvertakenError):
        take_steps(proof, aws.ports(), overtaken)
    assert aws.calls == []
    assert take_steps(proof, aws.ports(), lambda: None).is_proven


def test_who_was_overtaken_after_the_twin_was_made_asks_nothing_of_it(
    aws: FakeAws, proof: ExternalIdProof
) -> None:
    aws.after["make_twin"] = lambda: ExternalIdProof.objects.update(fence=F("fence") + 1)
    assert prove_due(aws=aws.ports()) == 0
    assert (aws.count("make_twin"), aws.count("assume_twin"), aws.count("remove_twin")) == (1, 0, 0)

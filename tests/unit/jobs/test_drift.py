"""Proofs and looks by the sweep and the outbox: the tasks find what is due, and are woken only then."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app

from portal.access.lifecycle import ProofKind
from portal.access.models import ExternalIdProof, PartnerRole, RoleDrift
from portal.access.operations.drift import find_orphans, look_at_roles
from portal.access.operations.drift.decide_drift import ask_check, repair_drift
from portal.access.operations.drift.find_drift import check_account_roles
from portal.access.operations.partners.proofs import ask_proof
from portal.jobs import capacity, drift
from portal.kernel import outbox
from portal.kernel.clock import database_now
from portal.kernel.models import OutboxMessage
from tests.fakes import UNAVAILABLE, FakeAws
from tests.standing_roles import SHELL, current, make_partner_role, make_their_account

pytestmark = pytest.mark.django_db
Sent = list[tuple[str, tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def _wired(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "aws_ports", aws.ports)
    for module in (look_at_roles, find_orphans):
        monkeypatch.setattr(module, "PAUSE", 0.0)


@pytest.fixture
def row(aws: FakeAws) -> PartnerRole:
    return make_partner_role(make_their_account(), aws=aws)


@pytest.fixture
def proof(row: PartnerRole) -> ExternalIdProof:
    theirs = row.grant.partner_account
    assert theirs is not None
    return ask_proof(
        external_id=current(theirs), account=row.role.account, kind=ProofKind.ONBOARDING, at=database_now()
    )


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    seen: Sent = []
    monkeypatch.setattr(
        current_app, "send_task", lambda name, arguments=(), **_: seen.append((name, tuple(arguments)))
    )
    OutboxMessage.objects.all().delete()
    return seen


def test_workers_are_woken_for_what_is_due_alone(
    row: PartnerRole, proof: ExternalIdProof, sent: Sent
) -> None:
    drift.wake_for_proofs_and_looks()
    assert sent == [(drift.PROVE, ()), (drift.CHECK, ())]
    sent.clear()
    assert (drift.prove_external_ids(), drift.check_drift()) == (1, 1)
    drift.wake_for_proofs_and_looks()
    assert sent == []


def test_without_a_free_thread_nothing_is_asked_of_aws(
    row: PartnerRole, proof: ExternalIdProof, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity, "KEPT_FREE", 2)
    capacity.set_concurrency(3)
    calls = len(aws.calls)
    with capacity.free_slot():
        assert (drift.prove_external_ids(), drift.check_drift()) == (0, 0)
        with pytest.raises(RuntimeError, match="busy"):
            drift.check_account(str(row.role.account_id))
    capacity.set_concurrency(64)
    assert len(aws.calls) == calls


def test_without_hub_credentials_the_proofs_say_so(
    proof: ExternalIdProof, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_ports() -> object:
        raise UNAVAILABLE

    monkeypatch.setattr(drift, "aws_ports", no_ports)
    assert drift.prove_external_ids() == 0
    proof.refresh_from_db()
    assert proof.last_error == str(UNAVAILABLE)


def test_a_look_that_was_asked_for_is_made_by_a_worker(row: PartnerRole, aws: FakeAws, sent: Sent) -> None:
    ask_check(account_id=row.role.account_id, actor=SHELL)
    outbox.relay()
    assert sent == [(drift.CHECK_ONE, (str(row.role.account_id),))]
    aws.partners.roles.clear()
    drift.check_account(*sent[0][1])
    assert RoleDrift.objects.get().kind == "missing"
    drift.check_account(str(uuid4()))


def test_what_is_nobodys_is_taken_away_by_a_worker(row: PartnerRole, aws: FakeAws, sent: Sent) -> None:
    name = aws.ports().partners.role_name(uuid4())
    account = row.role.account
    [stands] = aws.partners.roles.values()
    aws.partners.roles[account.account_id, name] = replace(stands, name=name, unique_id="AROAX")
    [found] = check_account_roles(account_id=account.pk, aws=aws.ports(), actor=SHELL).drifts
    OutboxMessage.objects.all().delete()
    repair_drift(drift_id=found.pk, reason="r", actor=SHELL)
    outbox.relay()
    assert sent == [(drift.CHECK, ())]
    drift.check_drift()
    assert set(aws.partners.roles) == {(account.account_id, row.role.name)}

"""ExternalIds by real calls: onboarding, rotation and what is over, each refusal beside the call that is let in."""

import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import F

from brokers.types import AccountPlace
from portal.access.models import Alarm, ExternalId, ExternalIdProof, PartnerRole
from portal.access.operations.partners.external_ids import rotate_external_id
from portal.access.operations.partners.partner_role_leases import bring_up
from portal.access.operations.partners.prove_external_ids import prove_due
from portal.kernel.clock import database_now
from tests.integration.brokers.aws.partner_estate import STRANGER
from tests.integration.partners.by_hand.shared import Shared
from tests.partner_world import SHELL
from tests.servers.aws_outcome import ALLOWED, DENIED

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.xdist_group("partners")]
ANSWERS = [
    ("with the ExternalId", "let in"),
    ("without any ExternalId", "refused"),
    ("with another partner's ExternalId", "refused"),
    ("with the ExternalId, once more", "let in"),
]


def told(proof: ExternalIdProof) -> list[tuple[str, str]]:
    return [(step["what"], step["answer"]) for step in proof.steps]


def rotate(shared: Shared, overlap: timedelta) -> ExternalId:
    return rotate_external_id(partner_account_id=shared.theirs.pk, overlap=overlap, reason="r", actor=SHELL)


def test_no_role_stands_before_its_external_id_was_proven_there(shared: Shared) -> None:
    grant = shared.grant()
    shared.work()
    assert shared.names() == set(), "the row waits"
    assert prove_due(aws=shared.aws) == 1
    proof = ExternalIdProof.objects.get()
    assert (proof.kind, proof.state, told(proof)) == ("onboarding", "proven", ANSWERS)
    assert shared.names() == set(), "the twin is gone"
    shared.work()
    row = PartnerRole.objects.select_related("role__account").get(grant=grant)
    assert shared.names() == {row.role.name}
    mine, others = shared.external_id(), shared.external_id(shared.others)
    assert shared.come_in(row, mine) == ALLOWED
    for wrong in (None, others, str(uuid4())):
        assert shared.come_in(row, wrong) == DENIED
    assert shared.come_in(row, mine, account=STRANGER) == DENIED
    assert shared.stack.read(shared.session(row, mine)) == ALLOWED


@pytest.mark.thorough
def test_a_rotation_lets_in_with_both_until_aws_itself_ends_the_old_one(shared: Shared) -> None:
    row, neighbour = shared.standing(), shared.standing(shared.others)
    before = shared.as_it_stands(neighbour.role.name)
    old = shared.external_id()
    rotate(shared, timedelta(days=1))
    new = shared.external_id()
    assert [shared.come_in(row, each) for each in (old, new)] == [ALLOWED, DENIED], "not before it is proven"
    shared.settle()
    rotation = ExternalIdProof.objects.get(kind="rotation")
    assert rotation.state == "proven"
    assert ("with the other ExternalId, within its time", "let in") in told(rotation)
    assert [shared.come_in(row, each) for each in (old, new)] == [ALLOWED, ALLOWED]
    end_in(shared, old, timedelta(seconds=3))
    assert [shared.come_in(row, each) for each in (old, new)] == [DENIED, ALLOWED], "with no worker at work"
    shared.settle()
    over = ExternalIdProof.objects.get(kind="window_over")
    assert over.state == "proven"
    assert ("with the old ExternalId, after its time", "refused") in told(over)
    trust = shared.as_it_stands(row.role.name)["role"]["AssumeRolePolicyDocument"]
    assert old not in str(trust)
    assert shared.look_everywhere() == []
    assert shared.as_it_stands(neighbour.role.name) == before
    assert shared.names() == {row.role.name, neighbour.role.name}


def end_in(shared: Shared, old: str, left: timedelta) -> None:
    """As if the overlap were nearly over: its end stands in the role's trust, and is waited for."""
    until = database_now() + left
    ExternalId.objects.filter(value=old).update(made_at=F("made_at") - left, accepted_until=until)
    ExternalIdProof.objects.filter(kind="window_over").update(due_at=until)
    bring_up(PartnerRole.objects.filter(grant__partner_account=shared.theirs), at=database_now())
    shared.work()
    time.sleep(max((until - database_now()).total_seconds(), 0) + 0.5)


def test_what_is_cut_is_refused_as_soon_as_the_roles_are_written(shared: Shared) -> None:
    row = shared.standing()
    old = shared.external_id()
    assert shared.come_in(row, old) == ALLOWED
    rotate(shared, timedelta(0))
    shared.work()
    assert [shared.come_in(row, each) for each in (old, shared.external_id())] == [DENIED, ALLOWED]
    assert prove_due(aws=shared.aws) == 2
    states = dict(ExternalIdProof.objects.values_list("kind", "state"))
    assert states == {"onboarding": "proven", "rotation": "proven", "window_over": "proven"}


def test_a_trust_that_forgets_the_external_id_is_an_alarm_and_no_role_is_made(
    shared: Shared,
) -> None:
    """As if AWS did not keep the condition: the twin's trust is opened by hand between its making and the calls."""
    prover = shared.aws.partners.external_ids

    class Opened:
        def __getattr__(self, name: str) -> Any:
            return getattr(prover, name)

        def make_twin(self, place: AccountPlace, name: str, *told: Any, **more: Any) -> None:
            prover.make_twin(place, name, *told, **more)
            trust = shared.iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
            for statement in trust["Statement"]:
                del statement["Condition"]["StringEquals"]
            shared.iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))

    opened = replace(shared.aws, partners=replace(shared.aws.partners, external_ids=Opened()))
    shared.grant()
    shared.work()
    assert prove_due(aws=opened) == 0
    proof = ExternalIdProof.objects.get()
    assert (proof.state, told(proof)[-1]) == ("failed", ("without any ExternalId", "let in"))
    assert Alarm.objects.filter(kind="external_id", cleared_at=None).count() == 1
    shared.settle()
    assert shared.names() == set(), "neither a twin nor a role"


@pytest.mark.parametrize("follows", ["another worker", pytest.param("nobody", marks=pytest.mark.thorough)])
def test_the_twin_of_a_worker_that_died_is_gone_in_the_end(
    shared: Shared, monkeypatch: pytest.MonkeyPatch, follows: str
) -> None:
    class Died(BaseException):
        """As kill -9: nothing of it is caught."""

    def die(*told: object) -> bool:
        raise Died

    prover = shared.aws.partners.external_ids
    shared.grant()
    shared.work()
    monkeypatch.setattr(prover, "assume_twin", die)
    with pytest.raises(Died):
        prove_due(aws=shared.aws)
    monkeypatch.undo()
    twin = shared.aws.partners.twin_name(shared.theirs.pk)
    assert shared.names() == {twin}
    assert shared.look_everywhere() == []
    assert shared.names() == {twin}, "its proof is still asked for"
    assert prove_due(aws=shared.aws) == 0, "its lease is not over"
    ExternalIdProof.objects.update(leased_until=F("leased_until") - timedelta(hours=1))
    if follows == "another worker":
        assert prove_due(aws=shared.aws) == 1
    else:
        ExternalIdProof.objects.update(state="proven", due_at=None, done_at=database_now())
        assert shared.look_everywhere() == []
    assert shared.names() == set()

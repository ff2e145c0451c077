"""Races around partners' accounts on a real PostgreSQL, by threads: what must hold whoever comes first."""

import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from portal.access.lifecycle import ProofKind
from portal.access.models import Alarm, ExternalId, ExternalIdProof, Grant, PartnerRole, RoleDrift
from portal.access.operations.drift import find_orphans, look_at_roles
from portal.access.operations.drift.decide_drift import accept_drift, repair_drift
from portal.access.operations.drift.find_drift import check_account_roles, check_due_roles
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.partners import proof_steps
from portal.access.operations.partners.external_ids import rotate_external_id
from portal.access.operations.partners.partner_accounts import close_partner_account, open_partner_account
from portal.access.operations.partners.proofs import ask_proof
from portal.access.operations.partners.prove_external_ids import prove_due
from portal.access.operations.partners.work_partner_roles import work_partner_roles
from portal.audit.models import AuditEvent
from portal.directory.models import PartnerAccount
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError
from tests.at_once import at_once
from tests.fakes import FakeAws
from tests.servers.process import require_services
from tests.standing_roles import (
    SHELL,
    accepted_values,
    current,
    make_our_account,
    make_partner,
    make_partner_role,
    make_their_account,
)

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("races")]
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (look_at_roles, find_orphans, proof_steps):
        monkeypatch.setattr(module, "PAUSE", 0.0)


@pytest.fixture
def theirs() -> PartnerAccount:
    return make_their_account()


def rotate(theirs: PartnerAccount, overlap: timedelta) -> object:
    return rotate_external_id(partner_account_id=theirs.pk, overlap=overlap, reason="r", actor=SHELL)


def kinds(outcomes: list[object]) -> Counter[str]:
    return Counter(type(each).__name__ for each in outcomes)


def test_one_account_is_opened_once() -> None:
    acme = make_partner()
    opening = partial(
        open_partner_account,
        partner_id=acme.pk,
        name="production",
        account_id="444455556666",
        partition="aws",
        actor=SHELL,
    )
    assert kinds(at_once(*[opening] * 6)) == {"PartnerAccount": 1, "ConflictError": 5}
    assert ExternalId.objects.count() == 1


def test_of_rotations_at_once_one_is_made_and_a_cut_leaves_one_accepted(theirs: PartnerAccount) -> None:
    for number in range(1, 6):
        outcomes = at_once(*[partial(rotate, theirs, DAY)] * 4)
        assert kinds(outcomes) == {"ExternalId": 1, "ConflictError": 3}
        outcomes = at_once(*[partial(rotate, theirs, timedelta(0))] * 3)
        assert kinds(outcomes) == {"ExternalId": 3}
        assert len(accepted_values(theirs)) == 1
        assert AuditEvent.objects.filter(type="access.external_id.rotated").count() == 4 * number


@pytest.mark.usefixtures("aws")
def test_rotating_closing_revoking_and_proving_never_wait_for_each_other_in_a_ring(aws: FakeAws) -> None:
    for _ in range(8 if require_services() else 2):
        theirs, places = (
            make_their_account(make_partner(f"P{Grant.objects.count()}")),
            [make_our_account()] * 2,
        )
        rows = [make_partner_role(theirs, place, aws) for place in places * 3]
        ask_proof(
            external_id=current(theirs), account=places[0], kind=ProofKind.ONBOARDING, at=database_now()
        )
        outcomes = at_once(
            partial(rotate, theirs, DAY),
            partial(prove_due, aws=aws.ports()),
            partial(work_partner_roles, aws=aws.ports(), holder="one"),
            *(partial(revoke_grant, grant_id=row.grant_id, reason="r", actor=SHELL) for row in rows[:2]),
            partial(prove_due, aws=aws.ports()),
            partial(close_partner_account, partner_account_id=theirs.pk, reason="r", actor=SHELL),
            partial(check_due_roles, aws=aws.ports()),
        )
        wrong = [
            each for each in outcomes if isinstance(each, Exception) and not isinstance(each, ConflictError)
        ]
        assert wrong == []
        assert not Grant.objects.filter(partner_account=theirs, ended_at=None).exists()
        assert accepted_values(theirs) == []
        assert not ExternalIdProof.objects.filter(partner_account=theirs, due_at__isnull=False).exists()
        PartnerRole.objects.exclude(due_at=None).update(due_at=database_now())
        work_partner_roles(aws=aws.ports(), holder="after")
        assert aws.partners.roles == {}


def test_each_proof_is_made_once_and_no_two_on_one_twin(aws: FakeAws, theirs: PartnerAccount) -> None:
    place, busy, most = make_our_account(), Counter[str](), Counter[str]()
    others = [make_their_account(make_partner(f"Other {n}")) for n in range(4)]
    for account in (theirs, *others):
        for kind in (ProofKind.ONBOARDING, ProofKind.ROTATION):
            ask_proof(external_id=current(account), account=place, kind=kind, at=database_now())
    watch, made, removed = threading.Lock(), aws.partners.make_twin, aws.partners.remove_twin

    def make_twin(place: object, name: str, *told: object, **more: object) -> None:
        with watch:
            busy[name] += 1
            most[name] = max(most[name], busy[name])
        made(place, name, *told, **more)  # type: ignore[arg-type]  # passed on as they came

    def remove_twin(place: object, name: str) -> None:
        removed(place, name)  # type: ignore[arg-type]  # as above
        with watch:
            busy[name] -= 1

    aws.partners.make_twin, aws.partners.remove_twin = make_twin, remove_twin  # type: ignore[method-assign]  # watched
    proven = at_once(*[partial(prove_due, aws=aws.ports())] * 4)
    proven += [prove_due(aws=aws.ports())]
    assert sum(int(str(each)) for each in proven) == 10
    assert set(most.values()) == {1}
    assert AuditEvent.objects.filter(type="access.external_id.proven").count() == 10


def test_what_is_found_by_several_at_once_is_told_once(aws: FakeAws, theirs: PartnerAccount) -> None:
    place = make_our_account()
    rows = [make_partner_role(theirs, place, aws) for _ in range(6)]
    for key, role in list(aws.partners.roles.items()):
        aws.partners.roles[key] = replace(role, boundary_arn=None)
    foreign = replace(next(iter(aws.partners.roles.values())), name="backdoor", unique_id="AROAX")
    aws.partners.roles[place.account_id, "backdoor"] = foreign
    looked = at_once(*[partial(check_due_roles, aws=aws.ports())] * 3)
    assert sum(int(str(each)) for each in looked) == len(rows), "each was claimed by one"
    everywhere = partial(check_account_roles, account_id=place.pk, aws=aws.ports(), actor=SHELL)
    assert kinds(at_once(*[everywhere] * 4)) == {"Checked": 4}
    assert RoleDrift.objects.count() == len(rows) + 1
    assert Alarm.objects.filter(kind="role_widened").count() == len(rows) + 1
    assert AuditEvent.objects.filter(type="access.drift.found").count() == len(rows) + 1


def test_of_two_who_decide_at_once_one_is_heard(aws: FakeAws, theirs: PartnerAccount) -> None:
    row = make_partner_role(theirs, aws=aws)
    for number in range(1, 7):
        key = row.role.account.account_id, row.role.name
        aws.partners.roles[key] = replace(aws.partners.roles[key], description=f"mine {number}")
        PartnerRole.objects.update(check_at=database_now(), due_at=None)
        check_due_roles(aws=aws.ports())
        drift = RoleDrift.objects.get(over_at=None)
        told: dict[str, Any] = {"drift_id": drift.pk, "reason": "r", "actor": SHELL}
        outcomes = at_once(
            partial(accept_drift, **told),
            partial(accept_drift, **told),
            partial(check_account_roles, account_id=row.role.account_id, aws=aws.ports(), actor=SHELL),
        )
        assert kinds(outcomes) == {"RoleDrift": 1, "ConflictError": 1, "Checked": 1}
        outcomes = at_once(partial(repair_drift, **told), partial(repair_drift, **told))
        assert kinds(outcomes) == {"RoleDrift": 1, "ConflictError": 1}
        row.refresh_from_db()
        assert row.wanted == number + 1

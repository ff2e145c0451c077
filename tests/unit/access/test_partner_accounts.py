"""A partner's own AWS accounts: opened with an ExternalId, closed with all that they have."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db.models import F

from portal.access.lifecycle import ProofKind
from portal.access.models import Alarm, ExternalIdProof, Grant, PartnerRole
from portal.access.operations.partners import proof_steps
from portal.access.operations.partners.external_ids import rotate_external_id
from portal.access.operations.partners.partner_accounts import (
    close_partner_account,
    open_partner_account,
    preview_closing,
)
from portal.access.operations.partners.proofs import ask_proof
from portal.access.operations.partners.prove_external_ids import prove_due
from portal.audit.models import AuditEvent
from portal.directory.models import PartnerAccount
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import ConflictError, InvalidError, NotFoundError
from tests.fakes import FakeAws
from tests.standing_roles import (
    SHELL,
    accepted_values,
    current,
    make_our_account,
    make_partner,
    make_partner_role,
    make_their_account,
)

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


def order(**changes: Any) -> dict[str, Any]:
    given = {"name": "production", "account_id": "444455556666", "partition": "aws", "actor": SHELL}
    return given | changes


def test_an_account_is_opened_with_an_external_id_of_its_own() -> None:
    acme = make_partner()
    first = open_partner_account(
        partner_id=acme.pk, **order(name=" production ", account_id="4444-5555-6666")
    )
    second = open_partner_account(partner_id=acme.pk, **order(account_id="777788889999"))
    assert (first.name, first.account_id, first.partition) == ("production", "444455556666", "aws")
    assert accepted_values(first) == [str(current(first).value)] != accepted_values(second)
    added, made = AuditEvent.objects.filter(partner_id=acme.pk).order_by("id")[:2]
    assert (added.type, added.details["account"]) == ("directory.partner.account_added", "444455556666")
    assert made.type == "access.external_id.made"
    assert made.details == {"external_id": current(first).pk, "partner_account": str(first.pk)}
    trail = str(list(AuditEvent.objects.values_list("details", flat=True)))
    assert str(current(first).value) not in trail, "the trail names it by its row"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"account_id": "44445555666"}, "account_id"),
        ({"account_id": "44445555666x"}, "account_id"),
        ({"account_id": "444455556666\n7"}, "account_id"),
        ({"account_id": "٤٤٤٤٥٥٥٥٦٦٦٦"}, "account_id"),
        ({"name": " "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"partition": "aws-mars"}, "partition"),
    ],
)
def test_what_is_no_account_is_refused(changes: dict[str, Any], field: str) -> None:
    acme = make_partner()
    with pytest.raises(InvalidError) as refused:
        open_partner_account(partner_id=acme.pk, **order(**changes))
    assert refused.value.field == field
    assert not PartnerAccount.objects.exists()
    assert open_partner_account(partner_id=acme.pk, **order())


def test_an_account_of_ours_is_no_partners() -> None:
    acme, ours = make_partner(), make_our_account()
    with pytest.raises(InvalidError, match=f"our own account {ours.name}") as refused:
        open_partner_account(partner_id=acme.pk, **order(account_id=ours.account_id, partition="aws-cn"))
    assert refused.value.field == "account_id"


def test_a_partner_has_an_account_once_and_again_after_it_was_closed() -> None:
    acme, globex = make_partner(), make_partner("Globex")
    first = open_partner_account(partner_id=acme.pk, **order())
    with pytest.raises(ConflictError, match="Acme has the account 444455556666 already"):
        open_partner_account(partner_id=acme.pk, **order(name="again"))
    theirs = open_partner_account(partner_id=globex.pk, **order())
    close_partner_account(partner_account_id=first.pk, reason="moved", actor=SHELL)
    again = open_partner_account(partner_id=acme.pk, **order())
    assert len({*accepted_values(theirs), *accepted_values(again)}) == 2
    assert accepted_values(first) == []


@pytest.mark.usefixtures("aws")
def test_closing_ends_all_of_the_account_and_nothing_else() -> None:
    acme = make_partner()
    closed, kept = make_their_account(acme), make_their_account(acme, account_id="777788889999")
    place = make_our_account()
    roles = [make_partner_role(closed, place), make_partner_role(closed)]
    neighbour = make_partner_role(kept, place)
    proof = ask_proof(
        external_id=current(closed), account=place, kind=ProofKind.ONBOARDING, at=closed.added_at
    )
    assert set(preview_closing(closed.pk)) == {role.grant for role in roles}
    assert Grant.objects.filter(ended_at=None).count() == 3, "a preview ends nothing"
    done = close_partner_account(partner_account_id=closed.pk, reason=" account sold ", actor=SHELL)
    assert (done.account.pk, done.grants) == (closed.pk, 2)
    ended = Grant.objects.filter(
        state="suspended",
        end_reason=f"{closed} of Acme was closed: account sold",
        ended_at=done.account.closed_at,
    )
    assert set(ended) == {role.grant for role in roles}
    states = dict(PartnerRole.objects.values_list("pk", "state"))
    assert states == {roles[0].pk: "closing", roles[1].pk: "closing", neighbour.pk: "standing"}
    assert accepted_values(closed) == []
    assert len(accepted_values(kept)) == 1
    assert not ExternalIdProof.objects.filter(pk=proof.pk).exists(), "there is nothing to prove any more"
    event = AuditEvent.objects.get(type="directory.partner.account_closed")
    assert (event.partner_id, event.details["grants_ended"], event.details["reason"]) == (
        acme.pk,
        2,
        "account sold",
    )
    with pytest.raises(ConflictError, match="closed already"):
        close_partner_account(partner_account_id=closed.pk, reason="r", actor=SHELL)
    assert not Alarm.objects.exists()


@pytest.mark.usefixtures("aws")
def test_closing_leaves_neither_what_is_to_start_nor_what_is_rotated_out() -> None:
    acme, place = make_partner(), make_our_account()
    closed, kept = make_their_account(acme), make_their_account(acme)
    to_start, neighbour = make_partner_role(closed, place), make_partner_role(kept, place)
    Grant.objects.update(state="scheduled", activated_at=None, starts_at=F("ends_at") - timedelta(minutes=1))
    for account in (closed, kept):
        rotate_external_id(
            partner_account_id=account.pk, overlap=timedelta(days=1), reason="yearly", actor=SHELL
        )
        assert len(accepted_values(account)) == 2
    assert close_partner_account(partner_account_id=closed.pk, reason="sold", actor=SHELL).grants == 1
    assert (accepted_values(closed), len(accepted_values(kept))) == ([], 2)
    states = dict(Grant.objects.values_list("pk", "state"))
    assert states == {to_start.grant_id: "suspended", neighbour.grant_id: "scheduled"}


def test_closing_clears_the_alarms_of_its_failed_proofs_and_no_others(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof_steps, "PAUSE", 0.0)
    closed, kept = make_their_account(make_partner()), make_their_account(make_partner("Globex"))
    aws.partners.lets_in = {None}
    for account in (closed, kept):
        ask_proof(
            external_id=current(account),
            account=make_our_account(),
            kind=ProofKind.ONBOARDING,
            at=account.added_at,
        )
    prove_due(aws=aws.ports())
    assert Alarm.objects.filter(cleared_at=None).count() == 2
    close_partner_account(partner_account_id=closed.pk, reason="sold", actor=SHELL)
    [left] = Alarm.objects.filter(cleared_at=None)
    assert left.subject.startswith(f"{current(kept).pk} in ")


def test_who_may(person: Make, actor_of: Make) -> None:
    acme = make_partner()
    mine = make_their_account(acme)
    former, looker = person("Former"), person("Lou", is_staff=True)
    former.user_permissions.set(Permission.objects.filter(codename="change_partner"))
    looker.user_permissions.set(Permission.objects.filter(codename="view_partner"))
    for actor in (actor_of(former), actor_of(looker), Actor(ActorKind.NOBODY, "nobody")):
        with pytest.raises(NotFoundError):
            open_partner_account(partner_id=acme.pk, **order(actor=actor))
        with pytest.raises(NotFoundError):
            close_partner_account(partner_account_id=mine.pk, reason="r", actor=actor)
    with pytest.raises(NotFoundError):
        open_partner_account(partner_id=uuid4(), **order())
    with pytest.raises(NotFoundError):
        close_partner_account(partner_account_id=uuid4(), reason="r", actor=SHELL)
    for reason in (" ", "x" * 301):
        with pytest.raises(InvalidError):
            close_partner_account(partner_account_id=mine.pk, reason=reason, actor=SHELL)
    type(former).objects.filter(pk=former.pk).update(is_staff=True)
    assert open_partner_account(partner_id=acme.pk, **order(actor=actor_of(former)))
    assert close_partner_account(partner_account_id=mine.pk, reason="r", actor=actor_of(former))

"""Rotating ExternalIds: two are accepted for a while, all roles follow, and what is cut is cut now."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission

from portal.access.lifecycle import ProofKind
from portal.access.models import ExternalId, ExternalIdProof, PartnerRole
from portal.access.operations.partners.external_ids import accepted_external_ids, rotate_external_id
from portal.access.operations.partners.partner_accounts import close_partner_account
from portal.access.operations.partners.proofs import ask_proof, proof_of, why_not_written
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
DAY = timedelta(days=1)


@pytest.fixture
def theirs() -> PartnerAccount:
    return make_their_account()


def rotate(account: PartnerAccount, overlap: timedelta = DAY, **changes: Any) -> ExternalId:
    given: dict[str, Any] = {"partner_account_id": account.pk, "overlap": overlap}
    given |= {"reason": "yearly", "actor": SHELL}
    return rotate_external_id(**given | changes)


def asked() -> set[tuple[int, str, str]]:
    rows = ExternalIdProof.objects.filter(state="asked").select_related("account")
    return {(row.external_id_id, row.account.account_id, row.kind) for row in rows}


def test_both_are_accepted_for_the_overlap_and_the_new_one_alone_after_it(theirs: PartnerAccount) -> None:
    old = current(theirs)
    new = rotate(theirs, DAY)
    assert new == current(theirs)
    assert new.value != old.value
    old.refresh_from_db()
    assert old.accepted_until == new.made_at + DAY
    during = accepted_external_ids(theirs.pk, at=new.made_at + DAY - timedelta(seconds=1))
    assert [(each.value, each.until) for each in during] == [
        (str(new.value), None),
        (str(old.value), old.accepted_until),
    ]
    assert accepted_values(theirs, new.made_at + DAY) == [str(new.value)]
    event = AuditEvent.objects.get(type="access.external_id.rotated")
    assert event.partner_id == theirs.partner_id
    assert event.details == {
        "external_id": new.pk,
        "partner_account": str(theirs.pk),
        "reason": "yearly",
        "old": {str(old.pk): old.accepted_until.isoformat()},
    }
    trail = str(list(AuditEvent.objects.values_list("details", flat=True)))
    assert str(new.value) not in trail
    assert str(old.value) not in trail


def test_all_living_roles_of_the_account_are_written_anew_and_no_others(theirs: PartnerAccount) -> None:
    ours, elsewhere = make_our_account(), make_our_account()
    mine = [make_partner_role(theirs, ours), make_partner_role(theirs, elsewhere)]
    ending = make_partner_role(
        theirs, make_our_account(), state="closing", closing_at=theirs.added_at, due_at=theirs.added_at
    )
    neighbour = make_partner_role(make_their_account(make_partner("Globex")), ours)
    old = current(theirs)
    new = rotate(theirs, DAY)
    assert {row.pk for row in PartnerRole.objects.filter(wanted=2, due_at=new.made_at)} == {
        row.pk for row in mine
    }
    for row in (ending, neighbour):
        before = row.wanted, row.due_at
        row.refresh_from_db()
        assert (row.wanted, row.due_at) == before
    expected = set()
    for place in (ours, elsewhere):
        expected |= {(new.pk, place.account_id, "rotation"), (old.pk, place.account_id, "window_over")}
    assert asked() == expected
    over = ExternalIdProof.objects.filter(kind="window_over").values_list("due_at", flat=True)
    assert set(over) == {new.made_at + DAY}


def test_two_at_a_time_at_most_but_a_cut_is_always_possible(theirs: PartnerAccount) -> None:
    ours = make_our_account()
    make_partner_role(theirs, ours)
    first = current(theirs)
    second = rotate(theirs, 30 * DAY)
    with pytest.raises(ConflictError, match=r"Two ExternalIds are accepted already.*without an overlap"):
        rotate(theirs, DAY)
    assert accepted_values(theirs) == [str(second.value), str(first.value)]
    third = rotate(theirs, timedelta(0))
    assert accepted_values(theirs) == [str(third.value)]
    assert asked() == {
        (first.pk, ours.account_id, "window_over"),
        (second.pk, ours.account_id, "window_over"),
        (third.pk, ours.account_id, "rotation"),
    }
    due = set(ExternalIdProof.objects.filter(state="asked").values_list("due_at", flat=True))
    assert due == {third.made_at}, "what is cut is proven now"
    rotate(theirs, DAY)
    assert len(accepted_values(theirs)) == 2


def test_a_role_waits_for_the_proof_and_a_cut_does_not(theirs: PartnerAccount) -> None:
    ours = make_our_account()
    standing = make_partner_role(theirs, ours)
    making = make_partner_role(theirs, ours, state="making", made_at=None, due_at=theirs.added_at)
    now = datetime.now(UTC)
    for row in (standing, making):
        assert "yet to be proven" in why_not_written(row, at=now)
    assert asked() == {(current(theirs).pk, ours.account_id, "onboarding")}, "asked for once"
    ExternalIdProof.objects.update(state="proven", done_at=now, due_at=None)
    assert [why_not_written(row, at=now) for row in (standing, making)] == ["", ""]
    new = rotate(theirs, DAY)
    assert "yet to be proven" in why_not_written(standing, at=new.made_at)
    over = new.made_at + DAY
    assert why_not_written(standing, at=over) == "", "what would let in the old one must not stay"
    assert "yet to be proven" in why_not_written(making, at=over), "no role begins without a proof"
    ExternalIdProof.objects.filter(state="asked").update(state="failed", done_at=now, due_at=None)
    assert "was not proven" in why_not_written(making, at=over)
    assert not asked(), "what failed is asked for again by hand alone"
    close_partner_account(partner_account_id=theirs.pk, reason="r", actor=SHELL)
    assert why_not_written(making, at=over) == "The partner's account was closed."


def test_a_role_in_another_account_during_the_overlap_has_the_old_ones_end_proven_too(
    theirs: PartnerAccount,
) -> None:
    old, new, later = current(theirs), rotate(theirs, DAY), make_our_account()
    why_not_written(make_partner_role(theirs, later), at=new.made_at)
    assert asked() == {(new.pk, later.account_id, "rotation"), (old.pk, later.account_id, "window_over")}
    assert proof_of(new.pk, later.pk)
    assert proof_of(old.pk, later.pk) is None, "its end is no proof that it lets in"


def test_of_what_is_over_long_since_nothing_is_proven_in_a_further_account(theirs: PartnerAccount) -> None:
    over, old = current(theirs), rotate(theirs, timedelta(0))
    new, further = rotate(theirs, DAY), make_our_account()
    why_not_written(make_partner_role(theirs, further), at=new.made_at)
    there = {row for row in asked() if row[1] == further.account_id}
    assert there == {
        (new.pk, further.account_id, "rotation"),
        (old.pk, further.account_id, "window_over"),
    }
    assert over.pk not in {row[0] for row in there}


def test_what_is_asked_for_already_is_not_asked_for_again(theirs: PartnerAccount) -> None:
    mine, ours = current(theirs), make_our_account()
    rows = [
        ask_proof(external_id=mine, account=ours, kind=ProofKind.ONBOARDING, at=theirs.added_at)
        for _ in range(2)
    ]
    assert rows[0] == rows[1]
    rows[0].state, rows[0].done_at, rows[0].due_at = "failed", theirs.added_at, None
    rows[0].save()
    assert ask_proof(external_id=mine, account=ours, kind=ProofKind.ONBOARDING, at=theirs.added_at) != rows[0]


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=30, seconds=1)])
def test_an_overlap_is_0_to_30_days(theirs: PartnerAccount, overlap: timedelta) -> None:
    with pytest.raises(InvalidError) as refused:
        rotate(theirs, overlap)
    assert refused.value.field == "overlap"
    assert rotate(theirs, timedelta(days=30))
    assert rotate(theirs, timedelta(0))


@pytest.mark.usefixtures("aws")
def test_who_may(theirs: PartnerAccount, person: Make, actor_of: Make) -> None:
    former, looker = person("Former"), person("Lou", is_staff=True)
    former.user_permissions.set(Permission.objects.filter(codename="change_partner"))
    looker.user_permissions.set(Permission.objects.filter(codename="view_partner"))
    for actor in (actor_of(former), actor_of(looker), Actor(ActorKind.NOBODY, "nobody")):
        with pytest.raises(NotFoundError):
            rotate(theirs, actor=actor)
    with pytest.raises(NotFoundError):
        rotate(theirs, partner_account_id=uuid4())
    for reason in ("  ", "x" * 301):
        with pytest.raises(InvalidError):
            rotate(theirs, reason=reason)
    assert ExternalId.objects.count() == 1
    type(former).objects.filter(pk=former.pk).update(is_staff=True)
    made = rotate(theirs, actor=actor_of(former))
    assert made.made_by == former
    close_partner_account(partner_account_id=theirs.pk, reason="r", actor=SHELL)
    with pytest.raises(ConflictError, match="was closed already"):
        rotate(theirs)


def test_the_world_for_these_tests_is_as_the_broker_makes_it(aws: FakeAws, theirs: PartnerAccount) -> None:
    row = make_partner_role(theirs, aws=aws)
    shown = aws.partners.roles[row.role.account.account_id, row.role.name]
    assert str(current(theirs).value) in str(shown.trust)

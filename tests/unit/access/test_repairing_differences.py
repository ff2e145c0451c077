"""Repairs: each by the operations and the engine, none of what is not so any more, none that lifts what is unknown."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from portal.access.differences import Difference, Kind
from portal.access.models import DenyDocument, Grant, Hold, KeptDeny, Reconciliation, Revocation
from portal.access.operations.cutting.leases import take_lease
from portal.access.operations.drift import reconcile
from portal.access.operations.drift.ask_principals import ask_aws
from portal.access.operations.drift.repair_differences import BUSY, NOT_SO
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.running.hold import enter_hold
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.directory.models import Person
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError
from portal.kernel.models import OutboxMessage
from tests.fakes import DENIED, UNAVAILABLE, FakeAws
from tests.unit.access.differences_world import SHELL, World, session_of

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture
def world(aws: FakeAws, role: AwsRole, make_grant: Make) -> World:
    return World(aws, role, make_grant)


def repaired_events() -> list[str]:
    return [
        event.details["remedy"]
        for event in AuditEvent.objects.filter(type="access.difference.repaired").order_by("id")
    ]


def only(world: World, kind: Kind) -> Difference:
    [found] = [each for each in world.find().differences if each.kind == kind]
    return found


@pytest.mark.parametrize("how", ["removed", "changed"])
def test_what_is_missing_or_changed_is_put_right_by_a_worker(world: World, how: str) -> None:
    row = world.cut()
    if how == "removed":
        world.aws.documents.clear()
    else:
        world.aws.documents[world.target()] = replace(world.standing(), entries=frozenset(), intact=False)
    DenyDocument.objects.update(recheck_at=None)
    writes = world.aws.count("write")
    repaired = world.repair()
    assert repaired.refused == {}
    assert world.aws.count("write") == writes, "the repair itself writes nothing to AWS"
    assert set(repaired_events()) == {"put_right"}
    world.work()
    assert world.aws.denied() == set(row.userids)
    assert world.find().is_clean


def test_what_aws_knows_better_is_taken_over_and_still_denied_after_the_next_writing(world: World) -> None:
    """As after a restored backup: one grant was revoked after it, another made and revoked."""
    grant, neighbour = world.used(), world.used()
    lost, unknown = session_of(grant), world.entry(uuid4())
    world.deny_by_hand(lost, unknown)
    repaired = world.repair()
    assert (len(repaired.done), repaired.refused) == (2, {})
    grant.refresh_from_db()
    assert (grant.state, grant.end_reason) == (
        "revoked",
        "denied in AWS: revoked after the backup that was restored",
    )
    assert Grant.objects.get(pk=neighbour.pk).state == "active"
    assert AuditEvent.objects.filter(type="access.grant.revoked", grant_id=grant.pk).count() == 1
    assert AuditEvent.objects.filter(type="access.deny.kept").count() == 2
    assert set(KeptDeny.objects.values_list("userid", flat=True)) == {lost, unknown}
    world.work()
    assert world.aws.denied() == {lost, unknown}
    assert session_of(neighbour) not in world.aws.denied()
    assert world.find().is_clean
    assert Revocation.objects.get(grant=grant).state == "applied"


def test_a_living_grant_without_sessions_here_is_denied_on_all_the_same(world: World) -> None:
    """Its sessions were all made after the backup: no revocation is made for what nobody here knows."""
    grant = world.make_grant()
    entry = world.entry(grant.pk)
    world.deny_by_hand(entry)
    world.repair()
    assert Grant.objects.get(pk=grant.pk).state == "revoked"
    assert not Revocation.objects.exists()
    world.work()
    assert world.aws.denied() == {entry}


def test_a_cut_that_somebody_made_after_the_backup_is_kept(world: World) -> None:
    at = database_now().replace(microsecond=0)
    world.deny_by_hand(issued_before=at)
    world.repair()
    document = DenyDocument.objects.get()
    assert (document.issued_before, document.recheck_at is not None) == (at, True)
    world.work()
    assert world.standing().issued_before == at
    assert world.find().is_clean


def test_names_that_are_none_of_ours_and_the_denies_of_the_dead_go(world: World) -> None:
    world.cut()
    mine = world.aws.denied()
    world.deny_by_hand(f"{world.aws.role_id('Reader')}:somebody")
    world.repair()
    world.work()
    assert world.aws.denied() == mine


def test_the_id_of_a_role_that_was_made_anew_is_kept(world: World) -> None:
    world.used()
    world.aws.role_ids["Reader"] = "AROA00000000000000NEW"
    world.repair()
    assert AwsRole.objects.get(pk=world.role.pk).unique_id == "AROA00000000000000NEW"
    assert world.find().is_clean


@pytest.mark.parametrize("gone", [True, False])
def test_policies_left_behind_are_removed_by_the_engine(world: World, *, gone: bool) -> None:
    world.leave_policy("Reader")
    world.leave_policy("Removed", 2)
    if gone:
        world.aws.gone.add("Removed")
    assert len(world.repair().done) == 2
    assert len(world.aws.policies[world.role.account.account_id]) == 2
    world.work()
    assert world.aws.policies[world.role.account.account_id] == []
    assert not DenyDocument.objects.filter(write_anew=True).exists()
    assert world.find().is_clean


def test_what_cannot_be_repaired_says_why(world: World) -> None:
    world.used()
    world.aws.gone.add("Reader")
    foreign = world.leave_policy("Odd", is_own=False)
    repaired = world.repair()
    assert repaired.done == {}
    assert len(repaired.refused) == 2
    assert any("revoke its grants" in why for why in repaired.refused.values())
    assert foreign in world.aws.policies[world.role.account.account_id]


def test_what_is_not_so_any_more_is_refused(world: World) -> None:
    grant, other = world.used(), world.used()
    world.deny_by_hand(session_of(grant))
    found = only(world, Kind.DENIED_LIVING)
    del world.aws.documents[world.target()]
    assert world.repair(found).refused == {found.key: NOT_SO}
    assert Grant.objects.get(pk=grant.pk).state == "active"
    world.deny_by_hand(session_of(grant))
    revoke_grant(grant_id=grant.pk, reason="meanwhile", actor=SHELL)
    assert world.repair(found).refused == {found.key: NOT_SO}
    assert Grant.objects.get(pk=other.pk).state == "active"
    assert repaired_events() == []


def test_what_a_worker_writes_just_now_is_refused(world: World) -> None:
    world.cut()
    world.aws.documents.clear()
    found = only(world, Kind.MISSING_DENY)
    take_lease(DenyDocument.objects.get().pk, "somebody")
    assert world.repair(found).refused == {found.key: BUSY}


def test_what_is_revoked_while_aws_is_asked_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    grant = world.used()
    world.deny_by_hand(session_of(grant))
    found = only(world, Kind.DENIED_LIVING)

    def ask_and_revoke(*args: Any) -> Any:
        look = ask_aws(*args)
        revoke_grant(grant_id=grant.pk, reason="meanwhile", actor=SHELL)
        return look

    monkeypatch.setattr("portal.access.operations.drift.repair_differences.ask_aws", ask_and_revoke)
    assert world.repair(found).refused == {found.key: BUSY}
    assert Grant.objects.get(pk=grant.pk).end_reason == "meanwhile"


def test_what_an_operation_refuses_undoes_that_role_alone(
    world: World, make_role: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = world.used()
    world.deny_by_hand(session_of(grant), world.entry(uuid4()))
    world.leave_policy("Removed")

    def refuse(**asked: Any) -> None:
        raise ConflictError("It ended this moment.")

    monkeypatch.setattr("portal.access.operations.drift.remedies.revoke_grant", refuse)
    repaired = world.repair()
    assert {found.kind for found in repaired.done.values()} == {Kind.LEFTOVER_POLICY}
    assert set(repaired.refused.values()) == {"It ended this moment."}
    assert not KeptDeny.objects.exists()
    assert repaired_events() == ["clean_up"]


def test_an_aws_that_does_not_answer_is_said(world: World) -> None:
    world.deny_by_hand(intact=False)
    found = only(world, Kind.CHANGED_POLICY)
    world.aws.silent.add(world.role.account.account_id)
    [why] = world.repair(found).refused.values()
    assert "AWS did not answer" in why


def test_nothing_is_written_there_while_aws_denies_what_is_not_taken_over(world: World) -> None:
    world.cut()
    grant = world.used()
    world.deny_by_hand(session_of(grant), world.entry(uuid4()), intact=False)
    changed, living = only(world, Kind.CHANGED_POLICY), only(world, Kind.DENIED_LIVING)
    refused = world.repair(changed, living).refused
    assert set(refused) == {changed.key, living.key}
    assert all("together" in why for why in refused.values())
    assert Grant.objects.get(pk=grant.pk).state == "active"
    assert world.repair(*world.find().differences).refused == {}


def test_in_hold_what_aws_knows_better_is_taken_over_and_nothing_is_written(world: World) -> None:
    row = world.cut()
    grant = world.used()
    unknown = world.entry(uuid4())
    world.deny_by_hand(session_of(grant), unknown)
    world.aws.documents[world.target()] = replace(
        world.standing(), entries=world.standing().entries - set(row.userids)
    )
    DenyDocument.objects.update(recheck_at=database_now())
    enter_hold(reason="restored", actor=SHELL)
    writes = world.aws.count("write")
    made = reconcile.compare_now(aws=world.aws.ports(), actor=SHELL)
    assert Hold.objects.get().looked_at == made.made_at
    assert {each.kind for each in reconcile.not_taken_over()} == {Kind.DENIED_LIVING, Kind.UNKNOWN_DENY}
    living = only(world, Kind.DENIED_LIVING)
    assert reconcile.repair_chosen(made=made, keys=[living.key], actor=SHELL, aws=world.aws.ports()).done
    assert {each.kind for each in reconcile.not_taken_over()} == {Kind.UNKNOWN_DENY}
    keys = [each.key for each in reconcile.report_of(made).differences]
    reconcile.repair_chosen(made=made, keys=keys, actor=SHELL, aws=world.aws.ports())
    assert reconcile.not_taken_over() == []
    world.work()
    assert world.aws.count("write") == writes
    Hold.objects.update(released_at=database_now())
    world.work()
    assert world.aws.denied() == {*row.userids, session_of(grant), unknown}
    assert world.find().is_clean


def test_only_who_may_revoke_may_look_and_repair(
    world: World, ben: Person, admin: Person, actor_of: Make
) -> None:
    world.deny_by_hand(intact=False)
    found = only(world, Kind.CHANGED_POLICY)
    for act in (
        lambda: world.repair(found, actor=actor_of(ben)),
        lambda: reconcile.ask_comparison(actor=actor_of(ben)),
        lambda: reconcile.compare_now(aws=world.aws.ports(), actor=actor_of(ben)),
    ):
        with pytest.raises(ForbiddenError):
            act()
    assert not DenyDocument.objects.exists()
    assert world.repair(found, actor=actor_of(admin)).done
    assert AuditEvent.objects.get(type="access.difference.repaired").actor_id == admin.pk


def test_a_comparison_is_asked_for_made_once_and_kept(world: World, admin: Person, actor_of: Make) -> None:
    assert reconcile.make_comparison(aws=world.aws.ports()) is None
    row = reconcile.ask_comparison(actor=actor_of(admin))
    assert OutboxMessage.objects.filter(topic=reconcile.ASKED).count() == 1
    with pytest.raises(ConflictError, match="under way"), transaction.atomic():
        reconcile.ask_comparison(actor=actor_of(admin))
    world.deny_by_hand(intact=False)
    report = reconcile.make_comparison(aws=world.aws.ports())
    assert report is not None
    assert reconcile.make_comparison(aws=world.aws.ports()) is None
    made = reconcile.last_made()
    assert made is not None
    assert (made.pk, made.asked_by, reconcile.report_of(made)) == (row.pk, admin.name, report)
    assert reconcile.under_way() is None


def test_old_comparisons_go(world: World) -> None:
    old = database_now() - timedelta(days=91)
    Reconciliation.objects.create(asked_at=old, asked_by="x", made_at=old, problem="p")
    made = reconcile.compare_now(aws=world.aws.ports(), actor=SHELL)
    assert list(Reconciliation.objects.all()) == [made]


def test_a_comparison_that_a_killed_worker_left_is_taken_over(world: World) -> None:
    reconcile.ask_comparison(actor=SHELL)
    now = database_now()
    Reconciliation.objects.update(begun_at=now)
    assert reconcile.make_comparison(aws=world.aws.ports()) is None
    with pytest.raises(ConflictError):
        reconcile.ask_comparison(actor=SHELL)
    Reconciliation.objects.update(begun_at=now - timedelta(minutes=11))
    reconcile.ask_comparison(actor=SHELL)
    assert OutboxMessage.objects.filter(topic=reconcile.ASKED).count() == 2
    assert reconcile.make_comparison(aws=world.aws.ports()) is not None
    assert Reconciliation.objects.count() == 1


def test_a_comparison_that_can_not_be_made_says_why_and_nobody_has_looked(world: World) -> None:
    enter_hold(reason="restored", actor=SHELL)
    reconcile.fail_comparison(problem=DENIED)
    assert not Reconciliation.objects.exists()
    reconcile.ask_comparison(actor=SHELL)
    reconcile.fail_comparison(problem=DENIED)
    made = reconcile.last_made()
    assert made is not None
    assert "AccessDenied" in made.problem
    world.aws.fail["own_policies"] = UNAVAILABLE
    world.aws.silent.add(world.role.account.account_id)
    reconcile.compare_now(aws=world.aws.ports(), actor=SHELL)
    assert Hold.objects.get().looked_at is None
    world.aws.silent.clear()
    reconcile.compare_now(aws=world.aws.ports(), actor=SHELL)
    assert Hold.objects.get().looked_at is not None


def test_a_fault_of_the_portals_own_ends_the_comparison_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconcile.ask_comparison(actor=SHELL)
    monkeypatch.setattr(reconcile, "find_differences", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        reconcile.make_comparison(aws=world.aws.ports())
    made = reconcile.last_made()
    assert made is not None
    assert "ZeroDivisionError" in made.problem

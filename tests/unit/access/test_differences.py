"""What AWS has against what the portal believes: each kind of difference found, and nothing else changed."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from brokers.types import DenyTarget, PrincipalKind, StandingDeny
from portal.access.differences import Kind, Remedy, Report
from portal.access.found_in_aws import LONGEST
from portal.access.models import DenyDocument, Grant, KeptDeny, Revocation
from portal.access.operations.cutting.cut_role import cut_role
from portal.access.operations.cutting.leases import take_lease
from portal.access.operations.drift import find_differences as finding
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsAccount, AwsRole
from portal.kernel.clock import database_now
from tests.fakes import DENIED, FakeAws
from tests.unit.access.differences_world import SHELL, World, session_of

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture
def world(aws: FakeAws, role: AwsRole, make_grant: Make) -> World:
    return World(aws, role, make_grant)


def test_where_both_agree_nothing_is_found_and_nothing_written(world: World) -> None:
    world.cut()
    world.used()
    writes, events = world.aws.count("write"), AuditEvent.objects.count()
    report = world.find()
    assert (report.is_clean, report.looked_at) == (True, 1)
    assert (world.aws.count("write"), AuditEvent.objects.count()) == (writes, events)


def test_an_empty_portal_has_no_differences(db: None, aws: FakeAws) -> None:
    assert finding.find_differences(aws=aws.ports()) == Report()
    assert aws.calls == []


def test_a_deny_that_was_taken_away_is_missing(world: World) -> None:
    row = world.cut()
    world.aws.documents.clear()
    [found] = world.find().differences
    assert (found.kind, found.remedy) == (Kind.MISSING_DENY, Remedy.PUT_RIGHT)
    assert row.userids[0] in found.words
    assert "1 of 1" in found.words


def test_what_waits_to_be_written_is_no_difference(world: World) -> None:
    grant = world.used()
    revoke_grant(grant_id=grant.pk, reason="r", actor=SHELL)
    assert world.find().is_clean
    world.deny_by_hand(session_of(grant))
    assert world.find().is_clean


def test_a_policy_of_ours_with_another_content_is_changed(world: World) -> None:
    world.deny_by_hand(intact=False)
    assert world.found() == [("changed_policy", "")]


def test_a_cut_that_was_taken_away_is_missing_and_one_that_nobody_here_made_is_unknown(world: World) -> None:
    world.cut()
    now = database_now().replace(microsecond=0)
    world.deny_by_hand(issued_before=now)
    [unknown] = world.find().differences
    assert (unknown.kind, unknown.remedy) == (Kind.UNKNOWN_CUT, Remedy.KEEP_CUT)
    assert unknown.until == now + LONGEST[PrincipalKind.ROLE]
    old = now - LONGEST[PrincipalKind.ROLE]
    world.aws.documents[world.target()] = StandingDeny(world.standing().entries, old)
    assert [each.remedy for each in world.find().differences] == [Remedy.PUT_RIGHT]
    cut_role(document_id=DenyDocument.objects.get().pk, reason="r", actor=SHELL)
    world.work()
    DenyDocument.objects.update(checked_at=database_now() + timedelta(seconds=1))
    assert world.find().is_clean
    world.aws.documents[world.target()] = StandingDeny(world.standing().entries)
    assert world.found() == [("missing_cut", "")]


def test_rows_that_stand_by_the_cut_alone_are_not_missing(world: World) -> None:
    world.cut()
    cut_role(document_id=DenyDocument.objects.get().pk, reason="r", actor=SHELL)
    world.aws.room = 0
    world.work()
    assert (world.aws.denied(), world.find().is_clean) == (set(), True)


def test_a_living_grant_that_aws_denies_was_revoked_after_the_backup(world: World) -> None:
    grant, _ = world.used(), world.used()
    world.deny_by_hand(session_of(grant))
    [found] = world.find().differences
    assert (found.kind, found.remedy, found.grants) == (
        Kind.DENIED_LIVING,
        Remedy.REVOKE_HERE,
        (str(grant.pk),),
    )
    assert str(grant.person) in found.words
    assert Grant.objects.get(pk=grant.pk).state == "active"


def test_the_denies_of_ended_grants_are_kept_while_their_sessions_may_live(world: World) -> None:
    grant = world.used()
    revoke_grant(grant_id=grant.pk, reason="r", actor=SHELL, cut=False)
    world.deny_by_hand(session_of(grant))
    [found] = world.find().differences
    assert (found.kind, found.remedy) == (Kind.ENDED_DENY, Remedy.KEEP_DENY)
    long_ago = database_now() - 2 * LONGEST[PrincipalKind.ROLE]
    Grant.objects.filter(pk=grant.pk).update(ended_at=long_ago, starts_at=long_ago, made_at=long_ago)
    grant.aws_sessions.update(asked_at=long_ago, expires_at=long_ago + timedelta(hours=1))
    [found] = world.find().differences
    assert (found.kind, found.remedy) == (Kind.STALE_DENY, Remedy.PUT_RIGHT)


def test_a_cleaned_revocation_has_no_deny_left(world: World) -> None:
    row = world.cut()
    long_ago = database_now() - timedelta(days=1)
    Revocation.objects.update(
        state="cleaned",
        cleaned_at=long_ago,
        probe_at=None,
        asked_at=long_ago - timedelta(hours=2),
        covers_until=long_ago,
    )
    assert world.found() == [("stale_deny", row.userids[0])]


def test_denies_of_unknown_grants_are_told_from_names_that_the_portal_never_gives(world: World) -> None:
    unknown = world.entry(uuid4())
    foreign = f"{world.aws.role_id('Reader')}:somebody"
    world.deny_by_hand(unknown, foreign)
    assert world.found() == [("unknown_deny", unknown), ("foreign_deny", foreign)]
    [kept, removed] = world.find().differences
    assert kept.until is not None
    assert kept.until > database_now() + timedelta(hours=24)
    assert (kept.remedy, removed.remedy) == (Remedy.KEEP_DENY, Remedy.PUT_RIGHT)
    KeptDeny.objects.create(
        document=DenyDocument.objects.create(account=world.role.account, kind="role", name="Reader"),
        userid=unknown,
        found_at=database_now(),
        covers_until=kept.until,
    )
    assert world.found() == [("foreign_deny", foreign)]
    world.aws.documents.clear()
    assert world.found() == [("missing_deny", "")], "what is kept is to stand"


def test_another_roles_session_is_none_of_this_role(world: World, make_role: Make) -> None:
    other = world.used(make_role("Writer"))
    world.deny_by_hand(session_of(other))
    assert world.found() == [("foreign_deny", session_of(other))]


def test_a_role_that_is_gone_lists_its_living_grants(world: World) -> None:
    grant = world.used()
    world.aws.gone.add("Reader")
    [found] = world.find().differences
    assert (found.kind, found.remedy, found.grants) == (Kind.PRINCIPAL_GONE, Remedy.NONE, (str(grant.pk),))
    assert str(grant) in found.words
    Grant.objects.update(state="revoked", ended_at=database_now())
    AwsRole.objects.update(is_enabled=False)
    assert world.find().is_clean


def test_a_role_that_was_made_anew_has_another_id_and_its_old_denies_are_dead(world: World) -> None:
    grant = world.used()
    old = session_of(grant)
    world.deny_by_hand(old)
    world.aws.role_ids["Reader"] = "AROA00000000000000NEW"
    assert world.found() == [("made_anew", "AROA00000000000000NEW"), ("stale_deny", old)]


def test_users_are_compared_too(world: World, make_role: Make) -> None:
    user = make_role(
        "broker", method="federation_token", requires_scope=True, max_session_seconds=3600, title="Federated"
    )
    entry = f"{user.account.account_id}:{world.entry(uuid4()).partition(':')[2]}"
    world.aws.documents[world.target(user)] = StandingDeny(frozenset({entry}))
    [found] = world.find().differences
    assert (found.kind, found.principal.kind) == (Kind.UNKNOWN_DENY, PrincipalKind.USER)
    assert found.until is not None
    assert found.until > database_now() + timedelta(hours=35)


def test_policies_left_behind_are_found_with_principals_that_nobody_manages(world: World) -> None:
    mine, theirs = world.leave_policy("Reader"), world.leave_policy("Odd", is_own=False)
    old = world.leave_policy("Removed")
    entry = f"AROA{'0' * 17}:{world.entry(uuid4()).partition(':')[2]}"
    gone = DenyDocument(account=world.role.account, kind="role", name="Removed")
    world.aws.documents[gone.target] = StandingDeny(frozenset({entry}))
    assert world.found() == [
        ("unknown_deny", entry),
        ("leftover_policy", mine.name),
        ("leftover_policy", old.name),
        ("foreign_policy", theirs.name),
    ]
    world.cut()
    remedies = {each.item: each.remedy for each in world.find().differences}
    assert (remedies[mine.name], remedies[old.name]) == (Remedy.NONE, Remedy.CLEAN_UP)


def test_an_account_that_answers_nothing_is_said_and_the_rest_goes_on(world: World, make_role: Make) -> None:
    other = AwsAccount.objects.create(name="Silent", account_id="333333333333")
    for number in range(6):
        make_role(f"Far{number}", account=other)
    world.aws.silent.add("333333333333")
    world.deny_by_hand(intact=False)
    report = world.find()
    assert [each.kind for each in report.differences] == [Kind.CHANGED_POLICY]
    assert not report.is_clean
    [(where, why)] = report.unasked.items()
    assert where == str(other)
    assert "ReadTimeout" in why
    assert report.looked_at == 1


def test_roles_that_may_not_be_read_keep_no_other_from_being_compared(world: World, make_role: Make) -> None:
    for number in range(9):
        make_role(f"R{number}")
    read = world.aws.unique_id

    def refuse(target: DenyTarget) -> str:
        if target.name != "Reader":
            raise DENIED
        return read(target)

    world.aws.unique_id = refuse  # type: ignore[method-assign]  # AWS refuses all roles but one
    world.deny_by_hand(intact=False)
    report = world.find()
    assert [each.kind for each in report.differences] == [Kind.CHANGED_POLICY]
    [(where, why)] = report.unasked.items()
    assert where == str(world.role.account)
    assert why.startswith("9 roles and users were not asked for:")
    assert "AccessDenied" in why


def test_one_role_that_may_not_be_read_is_said_for_itself(world: World, make_role: Make) -> None:
    make_role("Writer")
    world.aws.fail["own_policies"] = DENIED
    report = world.find()
    assert list(report.unasked) == [f"managed policies in {world.role.account}"]
    assert report.looked_at == 2


def test_no_more_than_a_few_calls_to_an_account_at_once(world: World, make_role: Make) -> None:
    for number in range(9):
        make_role(f"R{number}")
    at_once, most = [0], [0]
    lock, three = threading.Lock(), threading.Event()

    def enter() -> None:
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        if at_once[0] >= 3:
            three.set()
        assert three.wait(10)

    def leave() -> None:
        with lock:
            at_once[0] -= 1

    world.aws.before["read"], world.aws.after["read"] = enter, leave
    told: list[tuple[int, int]] = []
    report = finding.find_differences(aws=world.aws.ports(), progress=lambda *how_far: told.append(how_far))
    assert (report.looked_at, most[0]) == (10, 3)
    assert told[-1] == (10, 10)


def test_what_iam_shows_late_is_not_reported(world: World) -> None:
    world.cut()
    world.aws.hidden_reads = 1
    assert world.find().is_clean


def test_a_document_that_is_being_written_is_looked_at_again_and_then_said_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.cut()
    world.aws.documents.clear()
    document = DenyDocument.objects.get()
    lease = take_lease(document.pk, "somebody")
    assert lease is not None
    report = world.find()
    assert (report.differences, len(report.unsettled)) == ((), 1)
    assert "role Reader" in report.unsettled[0]
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        DenyDocument.objects.update(leased_until=None, holder="")

    monkeypatch.setattr("portal.access.operations.drift.find_differences.time.sleep", pause)
    assert world.found() == [("missing_deny", "")]
    assert len(pauses) == 2


def test_a_report_is_stored_and_read_back_as_it_was(world: World) -> None:
    grant = world.used()
    world.deny_by_hand(session_of(grant), world.entry(uuid4()), intact=False)
    report = world.find()
    assert len(report.differences) == 3
    assert Report.from_json(dict(report.to_json())) == report
    assert list(report.grouped()) == [Kind.DENIED_LIVING, Kind.UNKNOWN_DENY, Kind.CHANGED_POLICY]

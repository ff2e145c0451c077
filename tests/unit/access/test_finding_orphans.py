"""Roles that are nobody's, and twins that are left over: each in its own account, and only if they stay."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from brokers.types import DriftKind, RoleDifference
from portal.access.lifecycle import ProofKind
from portal.access.models import Alarm, PartnerRole, RoleDrift
from portal.access.operations.drift import find_orphans as orphans
from portal.access.operations.drift.find_orphans import find_orphans
from portal.access.operations.drift.record_drift import digest_of, end_moot_drifts
from portal.access.operations.partners.proofs import ask_proof
from portal.access.operations.running.hold import enter_hold
from portal.catalog.models import AwsAccount
from portal.kernel.clock import database_now
from tests.fakes import FakeAws
from tests.standing_roles import SHELL, current, make_our_account, make_partner_role, make_their_account

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "PAUSE", 0.0)


@pytest.fixture
def row(aws: FakeAws) -> PartnerRole:
    return make_partner_role(make_their_account(), aws=aws)


@pytest.fixture
def put(aws: FakeAws, row: PartnerRole) -> Callable[[AwsAccount, str], None]:
    """Make a role in AWS behind the portal's back."""
    [stands] = aws.partners.roles.values()

    def act(account: AwsAccount, name: str) -> None:
        aws.partners.roles[account.account_id, name] = replace(stands, name=name, unique_id=f"AROA{name}")

    return act


def found(account: AwsAccount) -> set[str]:
    open_ones = RoleDrift.objects.filter(account=account, over_at=None)
    return set(open_ones.values_list("role_name", flat=True))


def test_what_is_there_at_the_second_look_alone_is_told_at_the_next(
    aws: FakeAws, row: PartnerRole, put: Callable[[AwsAccount, str], None]
) -> None:
    ours = row.role.account
    put(ours, "first")

    def more() -> None:
        aws.after.clear()
        put(ours, "second")

    aws.after["list_roles"] = more
    assert find_orphans(ours, aws.ports()) == ""
    assert found(ours) == {"first"}
    find_orphans(ours, aws.ports())
    assert found(ours) == {"first", "second"}


def test_a_role_of_another_account_makes_none_of_its_name_known_here(
    aws: FakeAws, row: PartnerRole, put: Callable[[AwsAccount, str], None]
) -> None:
    elsewhere = make_our_account()
    put(elsewhere, row.role.name)
    for account in (row.role.account, elsewhere):
        find_orphans(account, aws.ports())
    assert (found(row.role.account), found(elsewhere)) == (set(), {row.role.name})


def test_a_look_at_one_account_ends_nothing_of_another(
    aws: FakeAws, row: PartnerRole, put: Callable[[AwsAccount, str], None]
) -> None:
    elsewhere = make_our_account()
    put(elsewhere, "backdoor")
    find_orphans(elsewhere, aws.ports())
    find_orphans(row.role.account, aws.ports())
    assert found(elsewhere) == {"backdoor"}
    put(row.role.account, "backdoor")
    find_orphans(row.role.account, aws.ports())
    assert found(row.role.account) == {"backdoor"}, "of one name there may be one in each"
    del aws.partners.roles[elsewhere.account_id, "backdoor"]
    find_orphans(elsewhere, aws.ports())
    assert (found(elsewhere), found(row.role.account)) == (set(), {"backdoor"})


def test_a_twin_that_is_used_elsewhere_is_left_over_here(
    aws: FakeAws, row: PartnerRole, put: Callable[[AwsAccount, str], None]
) -> None:
    theirs, ours, elsewhere = row.grant.partner_account, row.role.account, make_our_account()
    assert theirs is not None
    name = aws.ports().partners.twin_name(theirs.pk)
    ask_proof(external_id=current(theirs), account=elsewhere, kind=ProofKind.ONBOARDING, at=database_now())
    for account in (ours, elsewhere):
        put(account, name)
        find_orphans(account, aws.ports())
    assert [(place.account_id, twin) for place, twin in aws.asked("remove_twin")] == [(ours.account_id, name)]


def test_in_hold_no_twin_is_taken_away(
    aws: FakeAws, row: PartnerRole, put: Callable[[AwsAccount, str], None]
) -> None:
    theirs, ours = row.grant.partner_account, row.role.account
    assert theirs is not None
    put(ours, aws.ports().partners.twin_name(theirs.pk))
    hold = enter_hold(reason="r", actor=SHELL)
    find_orphans(ours, aws.ports())
    assert aws.count("remove_twin") == 0
    type(hold).objects.all().delete()
    find_orphans(ours, aws.ports())
    assert aws.count("remove_twin") == 1
    assert found(ours) == set(), "a twin is never called nobody's"


def test_what_is_there_again_after_it_was_gone_stays_told_until_somebody_decides(
    aws: FakeAws, row: PartnerRole
) -> None:
    then = database_now() - timedelta(minutes=5)
    PartnerRole.objects.filter(pk=row.pk).update(
        state="gone", closing_at=then, gone_at=then, due_at=None, check_at=None
    )
    find_orphans(row.role.account, aws.ports())
    assert end_moot_drifts(at=database_now()) == 0
    assert found(row.role.account) == {row.role.name}
    assert Alarm.objects.filter(kind="role_widened", cleared_at=None).count() == 1


def test_what_is_found_is_another_thing_where_its_kind_is_another() -> None:
    changed = RoleDifference("trust", DriftKind.CHANGED, {"a": 1}, {"b": 2}, "why")
    widened = replace(changed, kind=DriftKind.WIDENED)
    assert digest_of(changed) != digest_of(widened)
    assert digest_of(changed) == digest_of(replace(changed, wanted={"c": 3}, why="other words"))

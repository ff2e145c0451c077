"""Roles in AWS that are not as they should be: found at two looks, an alarm where they let in more, and over again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import F

from brokers.types import StandingRole
from portal.access.lifecycle import ProofKind
from portal.access.models import Alarm, ExternalIdProof, PartnerRole, RoleDrift
from portal.access.operations.drift import find_drift, find_orphans, look_at_roles
from portal.access.operations.drift.find_drift import check_account_roles, check_due_roles
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.partners.external_ids import rotate_external_id
from portal.access.operations.partners.partner_role_spec import spec_of
from portal.access.operations.partners.proofs import ask_proof
from portal.access.operations.running.hold import enter_hold
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsAccount, AwsRole
from portal.directory.models import PartnerAccount
from portal.kernel.clock import database_now
from portal.kernel.errors import NotFoundError
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
ALL = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (look_at_roles, find_orphans):
        monkeypatch.setattr(module, "PAUSE", 0.0)


@pytest.fixture
def theirs() -> PartnerAccount:
    return make_their_account()


@pytest.fixture
def row(theirs: PartnerAccount, aws: FakeAws) -> PartnerRole:
    return make_partner_role(theirs, aws=aws)


@pytest.fixture
def neighbour(row: PartnerRole, aws: FakeAws) -> PartnerRole:
    return make_partner_role(make_their_account(make_partner("Globex")), row.role.account, aws)


def key(row: PartnerRole) -> tuple[str, str]:
    return row.role.account.account_id, row.role.name


def plant(aws: FakeAws, row: PartnerRole, **changes: Any) -> StandingRole:
    """Change in AWS what stands there, behind the portal's back."""
    aws.partners.roles[key(row)] = replace(aws.partners.roles[key(row)], **changes)
    return aws.partners.roles[key(row)]


def look(aws: FakeAws) -> int:
    PartnerRole.objects.exclude(check_at=None).update(check_at=database_now())
    return check_due_roles(aws=aws.ports())


def look_everywhere(aws: FakeAws, row: PartnerRole) -> list[RoleDrift]:
    found = check_account_roles(account_id=row.role.account_id, aws=aws.ports(), actor=SHELL)
    assert not found.problem
    return list(found.drifts)


def wide(aws: FakeAws, row: PartnerRole) -> dict[str, Any]:
    trust = aws.partners.roles[key(row)].trust
    more = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::666677778888:root"},
        "Action": "sts:AssumeRole",
    }
    return {**trust, "Statement": [*trust["Statement"], more]}


def test_what_is_as_it_should_be_is_looked_at_in_turn_and_nothing_is_said(
    aws: FakeAws, row: PartnerRole, neighbour: PartnerRole
) -> None:
    assert check_due_roles(aws=aws.ports()) == 2
    row.refresh_from_db()
    assert row.checked_at is not None
    assert row.check_at is not None
    assert timedelta(minutes=3) < row.check_at - row.checked_at < timedelta(minutes=7)
    assert aws.count("read_role") == 2, "one look is enough where all is well"
    assert check_due_roles(aws=aws.ports()) == 0, "not due"
    assert not RoleDrift.objects.exists()


def test_a_trust_that_lets_in_more_is_an_alarm_until_it_is_over(
    aws: FakeAws, row: PartnerRole, neighbour: PartnerRole
) -> None:
    right = aws.partners.roles[key(row)].trust
    plant(aws, row, trust=wide(aws, row))
    assert look(aws) == 2
    [drift] = RoleDrift.objects.all()
    assert (drift.partner_role, drift.part, drift.kind, drift.state) == (row, "trust", "widened", "open")
    assert "666677778888" in str(drift.found)
    assert "666677778888" not in str(drift.wanted)
    [alarm] = Alarm.objects.filter(kind="role_widened", cleared_at=None)
    assert alarm.subject == str(drift.pk)
    event = AuditEvent.objects.get(type="access.drift.found")
    assert (event.grant_id, event.partner_id, event.details["part"]) == (
        row.grant_id,
        row.grant.partner.pk if row.grant.partner else None,
        "trust",
    )
    secret = str(current(row.grant.partner_account).value)  # type: ignore[arg-type]  # a partner's grant
    assert secret not in str(event.details)
    assert look(aws) == 2
    assert RoleDrift.objects.count() == 1, "found once"
    plant(aws, row, trust=right)
    look(aws)
    drift.refresh_from_db()
    assert (drift.state, drift.over_at is not None) == ("over", True)
    assert not Alarm.objects.filter(cleared_at=None).exists()
    assert AuditEvent.objects.filter(type="access.drift.over").count() == 1
    plant(aws, row, trust=wide(aws, row))
    look(aws)
    assert RoleDrift.objects.filter(over_at=None).count() == 1, "what comes again is found again"


@pytest.mark.parametrize(
    ("part", "kind", "is_alarm", "changes"),
    [
        ("permissions", "widened", True, {"inline": {"More": ALL}}),
        ("boundary", "widened", True, {"boundary_arn": None}),
        ("attached", "widened", True, {"attached": ("arn:aws:iam::aws:policy/AdministratorAccess",)}),
        ("tags", "changed", False, {"tags": {"owner": "me"}}),
        ("description", "changed", False, {"description": "mine"}),
        ("max_session", "changed", False, {"max_session": timedelta(hours=12)}),
        ("role", "remade", True, {"unique_id": "AROAANOTHER"}),
    ],
)  # fmt: skip
def test_each_part_is_told_for_itself(  # noqa: PLR0917  # one column of the table each
    aws: FakeAws,
    row: PartnerRole,
    neighbour: PartnerRole,
    part: str,
    kind: str,
    is_alarm: bool,
    changes: dict[str, Any],
) -> None:
    plant(aws, row, **changes)
    look(aws)
    [drift] = RoleDrift.objects.all()
    assert (drift.partner_role, drift.part, drift.kind) == (row, part, kind)
    assert Alarm.objects.filter(kind="role_widened").exists() == is_alarm


def test_a_principal_that_was_deleted_and_made_anew(aws: FakeAws, row: PartnerRole) -> None:
    trust = aws.partners.roles[key(row)].trust
    statements = [{**each, "Principal": {"AWS": "AROAEXAMPLEOLDROLE001"}} for each in trust["Statement"]]
    plant(aws, row, trust={**trust, "Statement": statements})
    look(aws)
    [drift] = RoleDrift.objects.all()
    assert (drift.part, drift.kind) == ("trust", "principal_remade")
    assert Alarm.objects.filter(kind="role_widened").count() == 1


def test_a_role_that_is_missing(aws: FakeAws, row: PartnerRole, neighbour: PartnerRole) -> None:
    del aws.partners.roles[key(row)]
    look(aws)
    [drift] = RoleDrift.objects.all()
    assert (drift.partner_role, drift.part, drift.kind, drift.found) == (row, "role", "missing", None)
    assert not Alarm.objects.exists(), "nobody gets in who should not"


def test_what_was_so_at_one_look_alone_is_not_told(aws: FakeAws, row: PartnerRole) -> None:
    """IAM answers from a copy that is behind."""
    right = aws.partners.roles[key(row)]
    plant(aws, row, trust=wide(aws, row))

    def catch_up() -> None:
        aws.after.clear()
        aws.partners.roles[key(row)] = right

    aws.after["read_role"] = catch_up
    assert look(aws) == 1
    assert aws.count("read_role") == 2
    assert not RoleDrift.objects.exists()


def test_something_else_at_the_second_look_is_not_told_yet(aws: FakeAws, row: PartnerRole) -> None:
    plant(aws, row, description="one")
    aws.after["read_role"] = lambda: plant(aws, row, description=f"another {len(aws.calls)}")
    look(aws)
    assert not RoleDrift.objects.exists()


@pytest.mark.parametrize(
    "busy",
    [
        {"due_at": F("check_at"), "wanted": 2},
        {"leased_until": F("check_at") + timedelta(hours=1), "holder": "h"},
        {"state": "closing", "closing_at": F("check_at"), "due_at": F("check_at")},
        {"state": "making", "made_at": None, "due_at": F("check_at")},
    ],
    ids=["due", "leased", "closing", "making"],
)
def test_what_is_worked_on_is_left_alone(
    aws: FakeAws, row: PartnerRole, neighbour: PartnerRole, busy: dict[str, Any]
) -> None:
    plant(aws, row, trust=wide(aws, row))
    PartnerRole.objects.filter(pk=row.pk).update(**busy)
    assert look(aws) == 1
    assert aws.asked("read_role")[0][1] == neighbour.role.name
    assert not RoleDrift.objects.exists()


def test_a_look_during_which_it_was_worked_on_says_nothing(aws: FakeAws, row: PartnerRole) -> None:
    plant(aws, row, trust=wide(aws, row))
    aws.after["read_role"] = lambda: PartnerRole.objects.update(fence=F("fence") + 1)
    assert look(aws) == 0
    assert not RoleDrift.objects.exists()


def test_an_old_external_id_whose_time_is_just_over_is_no_difference(
    aws: FakeAws, theirs: PartnerAccount, row: PartnerRole
) -> None:
    rotate_external_id(partner_account_id=theirs.pk, overlap=timedelta(0), reason="r", actor=SHELL)
    PartnerRole.objects.update(due_at=None, written=F("wanted"))
    assert look(aws) == 0
    ExternalIdProof.objects.filter(kind="window_over").update(attempts=1)
    assert look(aws) == 1
    assert RoleDrift.objects.get().part == "trust"


def test_while_two_external_ids_are_accepted_it_is_looked_at_all_the_same(
    aws: FakeAws, theirs: PartnerAccount, row: PartnerRole
) -> None:
    rotate_external_id(partner_account_id=theirs.pk, overlap=timedelta(days=30), reason="r", actor=SHELL)
    PartnerRole.objects.update(due_at=None, written=F("wanted"))
    aws.partners.make(spec_of(PartnerRole.objects.get(pk=row.pk), at=database_now()))
    assert look(aws) == 1
    assert not RoleDrift.objects.exists()
    plant(aws, row, trust=wide(aws, row))
    assert look(aws) == 1
    assert RoleDrift.objects.get().kind == "widened"


def test_an_account_that_answers_nothing_keeps_no_other_from_being_looked_at(
    aws: FakeAws, row: PartnerRole, theirs: PartnerAccount
) -> None:
    silent = [make_partner_role(theirs, row.role.account, aws) for _ in range(2)]
    elsewhere = make_partner_role(theirs, aws=aws)
    real = aws.partners.read

    def read(place: Any, name: str) -> Any:
        if place.account_id == row.role.account.account_id:
            aws.calls.append(("read_role", (place, name)))
            raise UNAVAILABLE
        return real(place, name)

    aws.partners.read = read  # type: ignore[method-assign]  # the fake's alone
    assert look(aws) == 1
    assert aws.count("read_role") == 2, "the one that hangs is asked once a run"
    elsewhere.refresh_from_db()
    assert elsewhere.checked_at is not None
    for each in (row, *silent):
        each.refresh_from_db()
        assert (each.checked_at, each.check_at is not None and each.check_at > database_now()) == (None, True)


@pytest.mark.parametrize("poison", [DENIED, ValueError("min() of nothing")])
def test_a_role_that_cannot_be_looked_at_keeps_no_other_of_its_account_from_it(
    aws: FakeAws, row: PartnerRole, neighbour: PartnerRole, poison: Exception
) -> None:
    """A poisoned one: AWS refuses to show it; or somebody wrote there what nobody can compare."""
    real = aws.partners.read

    def read(place: Any, name: str) -> Any:
        if name == row.role.name:
            raise poison
        return real(place, name)

    aws.partners.read = read  # type: ignore[method-assign]  # the fake's alone
    assert look(aws) == 1
    found = check_account_roles(account_id=row.role.account_id, aws=aws.ports(), actor=SHELL)
    why = str(DENIED) if poison is DENIED else f"{row.role.name} could not be compared: the log says more."
    assert (found.looked_at, found.problem) == (1, why)


def test_a_run_ends_before_the_next_begins(
    aws: FakeAws, row: PartnerRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find_drift, "LOOK_FOR", 0.0)
    monkeypatch.setattr(find_drift, "_accounts_in_turn", lambda _: [row.role.account])
    assert look(aws) == 0
    assert aws.count("read_role") + aws.count("list_roles") == 0


def test_a_role_that_came_while_its_path_was_listed_is_no_orphan(
    aws: FakeAws, row: PartnerRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    strangers = aws.ports().partners.roles.list(row.role.account.place)
    assert [each.name for each in strangers] == [row.role.name]
    monkeypatch.setattr(find_orphans, "_strangers", lambda *_: strangers)
    assert look_everywhere(aws, row) == []


def test_in_hold_nothing_is_said_by_itself(aws: FakeAws, row: PartnerRole) -> None:
    plant(aws, row, trust=wide(aws, row))
    enter_hold(reason="r", actor=SHELL)
    assert look(aws) == 0
    assert aws.count("read_role") + aws.count("list_roles") == 0
    assert [drift.part for drift in look_everywhere(aws, row)] == ["trust"], "somebody who asks is told"


def test_what_is_nobodys_is_found_and_is_over_when_it_is_gone(
    aws: FakeAws, row: PartnerRole, neighbour: PartnerRole
) -> None:
    account = row.role.account.account_id
    foreign = replace(aws.partners.roles[key(row)], name="backdoor", unique_id="AROAFOREIGN")
    aws.partners.roles[account, "backdoor"] = foreign
    assert look_everywhere(aws, row) == list(RoleDrift.objects.all())
    [drift] = RoleDrift.objects.all()
    assert (drift.role_name, drift.part, drift.kind, drift.partner_role) == (
        "backdoor",
        "role",
        "orphaned",
        None,
    )
    assert Alarm.objects.filter(kind="role_widened", cleared_at=None).count() == 1
    look_everywhere(aws, row)
    assert RoleDrift.objects.count() == 1
    del aws.partners.roles[account, "backdoor"]
    assert look_everywhere(aws, row) == []
    assert not Alarm.objects.filter(cleared_at=None).exists()


def test_a_role_that_was_gone_and_is_there_again(aws: FakeAws, row: PartnerRole) -> None:
    now = database_now()
    gone = {"state": "gone", "closing_at": now, "gone_at": now, "due_at": None, "check_at": None}
    PartnerRole.objects.filter(pk=row.pk).update(**gone)
    assert look_everywhere(aws, row) == [], "IAM lists for a while what it has deleted"
    PartnerRole.objects.filter(pk=row.pk).update(gone_at=now - timedelta(minutes=3))
    [drift] = look_everywhere(aws, row)
    assert (drift.kind, drift.partner_role_id) == ("orphaned", row.pk)


def test_a_role_on_its_way_there_or_away_is_no_orphan(aws: FakeAws, row: PartnerRole) -> None:
    now = database_now()
    for changes in (
        {"state": "making", "due_at": now},
        {"state": "closing", "closing_at": now, "due_at": now},
    ):
        PartnerRole.objects.filter(pk=row.pk).update(**changes)
        assert look_everywhere(aws, row) == []


def test_a_twin_that_a_dead_worker_left_is_taken_away_and_one_in_use_is_not(
    aws: FakeAws, row: PartnerRole, theirs: PartnerAccount
) -> None:
    ports, ours = aws.ports().partners, row.role.account
    name = ports.twin_name(theirs.pk)
    twin = replace(aws.partners.roles[key(row)], name=name, unique_id="AROATWIN")
    aws.partners.roles[ours.account_id, name] = twin
    proof = ask_proof(external_id=current(theirs), account=ours, kind=ProofKind.ONBOARDING, at=database_now())
    assert look_everywhere(aws, row) == []
    assert aws.count("remove_twin") == 0, "it is being proven"
    ExternalIdProof.objects.filter(pk=proof.pk).update(state="proven", done_at=proof.asked_at, due_at=None)
    assert look_everywhere(aws, row) == []
    assert [asked[1] for asked in aws.asked("remove_twin")] == [name]
    assert not RoleDrift.objects.exists()


def test_each_account_is_listed_once_in_five_minutes(aws: FakeAws, row: PartnerRole) -> None:
    AwsAccount.objects.create(name="Not connected", account_id="121212121212")
    now = database_now()
    for number in range(4):
        make_our_account(name=f"more {number}")
    turns = [find_drift._accounts_in_turn(now + timedelta(minutes=minute)) for minute in range(5)]
    accounts = [account.pk for turn in turns for account in turn]
    connected = AwsAccount.objects.exclude(provisioner_role_arn="")
    assert sorted(accounts) == sorted(connected.values_list("pk", flat=True))


def test_a_listing_that_aws_refuses_is_told_and_changes_nothing(aws: FakeAws, row: PartnerRole) -> None:
    foreign = replace(aws.partners.roles[key(row)], name="backdoor", unique_id="AROAFOREIGN")
    aws.partners.roles[row.role.account.account_id, "backdoor"] = foreign
    assert len(look_everywhere(aws, row)) == 1
    aws.fail["list_roles"] = DENIED
    found = check_account_roles(account_id=row.role.account_id, aws=aws.ports(), actor=SHELL)
    assert "not authorized" in found.problem
    assert len(found.drifts) == 1, "silence is no proof that it is over"


def test_what_was_found_of_a_role_is_over_when_the_role_is_to_go(aws: FakeAws, row: PartnerRole) -> None:
    plant(aws, row, trust=wide(aws, row))
    look(aws)
    revoke_grant(grant_id=row.grant_id, reason="r", actor=SHELL)
    check_due_roles(aws=aws.ports())
    assert RoleDrift.objects.get().state == "over"
    assert not Alarm.objects.filter(cleared_at=None).exists()


def test_who_may_look(
    aws: FakeAws, row: PartnerRole, person: Callable[..., Any], actor_of: Callable[..., Any]
) -> None:
    with pytest.raises(NotFoundError):
        check_account_roles(
            account_id=row.role.account_id, aws=aws.ports(), actor=actor_of(person("Mallory", is_staff=True))
        )
    with pytest.raises(NotFoundError):
        check_account_roles(account_id=uuid4(), aws=aws.ports(), actor=SHELL)
    assert aws.count("read_role") + aws.count("list_roles") == 0


def test_a_role_without_a_unique_id_yet_is_not_called_remade(aws: FakeAws, row: PartnerRole) -> None:
    AwsRole.objects.update(unique_id="")
    assert look(aws) == 1
    assert not RoleDrift.objects.exists()

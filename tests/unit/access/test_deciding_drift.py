"""What becomes of a role that is not as it should be: put right by the engine, accepted for a reason, or taken away."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission

from brokers.errors import BrokerError, NotPossible
from portal.access.models import Alarm, PartnerRole, RoleDrift
from portal.access.operations.drift import find_orphans, look_at_roles
from portal.access.operations.drift.decide_drift import accept_drift, ask_check, repair_drift
from portal.access.operations.drift.find_drift import check_account_roles, check_due_roles
from portal.access.operations.drift.remove_orphans import remove_orphans
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.partners.work_partner_roles import work_partner_roles
from portal.access.operations.running.hold import enter_hold
from portal.audit.models import AuditEvent
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from portal.kernel.models import OutboxMessage
from tests.fakes import DENIED, UNAVAILABLE, FakeAws
from tests.partner_world import prove
from tests.standing_roles import SHELL, make_partner, make_partner_role, make_their_account

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (look_at_roles, find_orphans):
        monkeypatch.setattr(module, "PAUSE", 0.0)


@pytest.fixture
def row(aws: FakeAws) -> PartnerRole:
    theirs = make_their_account()
    made = make_partner_role(theirs, aws=aws)
    prove(theirs, made.role.account)
    return made


@pytest.fixture
def neighbour(row: PartnerRole, aws: FakeAws) -> PartnerRole:
    theirs = make_their_account(make_partner("Globex"))
    prove(theirs, row.role.account)
    return make_partner_role(theirs, row.role.account, aws)


@pytest.fixture
def wide(aws: FakeAws, row: PartnerRole) -> RoleDrift:
    """The role's boundary was taken away, and that was found."""
    plant(aws, row, boundary_arn=None)
    look(aws)
    return RoleDrift.objects.get()


def key(row: PartnerRole) -> tuple[str, str]:
    return row.role.account.account_id, row.role.name


def plant(aws: FakeAws, row: PartnerRole, **changes: Any) -> None:
    aws.partners.roles[key(row)] = replace(aws.partners.roles[key(row)], **changes)


def look(aws: FakeAws) -> int:
    PartnerRole.objects.exclude(check_at=None).update(check_at=database_now())
    return check_due_roles(aws=aws.ports())


def work(aws: FakeAws) -> int:
    return work_partner_roles(aws=aws.ports(), holder="tests")


def orphan(aws: FakeAws, row: PartnerRole, name: str = "") -> RoleDrift:
    """A role of a portal's name that no row here knows."""
    name = name or aws.ports().partners.role_name(uuid4())
    account = row.role.account
    aws.partners.roles[account.account_id, name] = replace(
        aws.partners.roles[key(row)], name=name, unique_id="AROAX"
    )
    check_account_roles(account_id=account.pk, aws=aws.ports(), actor=SHELL)
    return RoleDrift.objects.get(role_name=name, over_at=None)


def repair(drift: RoleDrift, **changes: Any) -> RoleDrift:
    given: dict[str, Any] = {"drift_id": drift.pk, "reason": "an attack", "actor": SHELL}
    return repair_drift(**given | changes)


def accept(drift: RoleDrift, **changes: Any) -> RoleDrift:
    given: dict[str, Any] = {"drift_id": drift.pk, "reason": "agreed with them", "actor": SHELL}
    return accept_drift(**given | changes)


def test_the_engine_puts_it_right_and_nothing_else_is_touched(
    aws: FakeAws, row: PartnerRole, neighbour: PartnerRole, wide: RoleDrift
) -> None:
    before = aws.partners.roles[key(neighbour)], aws.count("make_role")
    assert repair(wide).state == "repairing"
    assert Alarm.objects.filter(cleared_at=None).count() == 1, "until it is over"
    assert look(aws) == 1, "what is worked on is left alone"
    assert work(aws) == 1
    assert look(aws) == 2
    wide.refresh_from_db()
    assert (wide.state, wide.reason) == ("over", "an attack")
    assert aws.partners.roles[key(row)].boundary_arn is not None
    assert not Alarm.objects.filter(cleared_at=None).exists()
    assert (aws.partners.roles[key(neighbour)], aws.count("make_role") - 1) == before
    told = AuditEvent.objects.filter(type__startswith="access.drift.").order_by("id")
    asked, over = told.exclude(type="access.drift.found")
    assert (asked.type, asked.details["reason"]) == ("access.drift.repair_asked", "an attack")
    assert over.type == "access.drift.over"


@pytest.mark.parametrize("how", ["missing", "remade"])
def test_a_role_that_is_missing_or_another_is_made_anew_and_known_by_its_new_id(
    aws: FakeAws, row: PartnerRole, how: str
) -> None:
    if how == "missing":
        del aws.partners.roles[key(row)]
    else:
        plant(aws, row, unique_id="AROAANOTHER")
    look(aws)
    repair(RoleDrift.objects.get())
    assert work(aws) == 1
    assert look(aws) == 1
    assert RoleDrift.objects.get().state == "over"
    row.role.refresh_from_db()
    assert row.role.unique_id == aws.partners.roles[key(row)].unique_id


def test_what_comes_back_after_its_repair_is_open_again(
    aws: FakeAws, row: PartnerRole, wide: RoleDrift
) -> None:
    repair(wide)
    work(aws)
    plant(aws, row, boundary_arn=None)
    look(aws)
    wide.refresh_from_db()
    assert (wide.state, wide.reason, wide.decided_at) == ("open", "", None)
    assert AuditEvent.objects.filter(type="access.drift.found").count() == 2
    assert repair(wide)


def test_what_is_accepted_stays_so_while_it_is_the_same(
    aws: FakeAws, row: PartnerRole, wide: RoleDrift
) -> None:
    accept(wide)
    assert not Alarm.objects.filter(cleared_at=None).exists()
    look(aws)
    wide.refresh_from_db()
    assert (wide.state, wide.reason) == ("accepted", "agreed with them")
    event = AuditEvent.objects.get(type="access.drift.accepted")
    assert (event.grant_id, event.details["reason"]) == (row.grant_id, "agreed with them")
    plant(aws, row, boundary_arn="arn:aws:iam::666677778888:policy/Another")
    look(aws)
    wide.refresh_from_db()
    assert (wide.state, wide.reason) == ("open", ""), "something else by now: somebody must decide anew"
    assert Alarm.objects.filter(cleared_at=None).count() == 1


def test_what_was_accepted_can_still_be_put_right(aws: FakeAws, wide: RoleDrift) -> None:
    accept(wide)
    repair(wide)
    work(aws)
    look(aws)
    wide.refresh_from_db()
    assert wide.state == "over"


def test_what_somebody_decided_is_not_decided_again(aws: FakeAws, row: PartnerRole, wide: RoleDrift) -> None:
    repair(wide)
    with pytest.raises(ConflictError, match="being put right already"):
        repair(wide)
    with pytest.raises(ConflictError, match="decided already: an attack"):
        accept(wide)
    work(aws)
    look(aws)
    for act in (repair, accept):
        with pytest.raises(ConflictError, match="as it should be by now"):
            act(wide)
        with pytest.raises(NotFoundError):
            act(wide, drift_id=uuid4())


def test_a_role_that_is_to_go_is_not_put_right(aws: FakeAws, row: PartnerRole, wide: RoleDrift) -> None:
    revoke_grant(grant_id=row.grant_id, reason="r", actor=SHELL)
    with pytest.raises(ConflictError, match="is to go anyway"):
        repair(wide)
    row.refresh_from_db()
    assert row.state == "closing"


def test_what_is_wider_only_somebody_who_may_grant_accepts(
    wide: RoleDrift, person: Make, actor_of: Make
) -> None:
    keeper = person("Keeper", is_staff=True)
    keeper.user_permissions.set(Permission.objects.filter(codename="change_partner"))
    assert wide.kind == "widened"
    with pytest.raises(ForbiddenError, match="more than was granted"):
        accept(wide, actor=actor_of(keeper))
    assert Alarm.objects.filter(cleared_at=None).exists()
    RoleDrift.objects.update(kind="changed")
    assert accept(wide, actor=actor_of(keeper)).state == "accepted"
    RoleDrift.objects.update(kind="widened", state="open", decided_at=None, decided_by=None, reason="")
    keeper.user_permissions.add(Permission.objects.get(codename="make_grant"))
    assert accept(wide, actor=actor_of(keeper)).state == "accepted"


def test_who_may(wide: RoleDrift, person: Make, actor_of: Make) -> None:
    RoleDrift.objects.update(kind="changed")
    for operation, permission, other in (
        (repair, "revoke_grant", "change_partner"),
        (accept, "change_partner", "revoke_grant"),
    ):
        wrong, former = person("Wrong", is_staff=True), person("Former")
        wrong.user_permissions.set(Permission.objects.filter(codename=other))
        former.user_permissions.set(Permission.objects.filter(codename=permission))
        for actor in (actor_of(wrong), actor_of(former), Actor(ActorKind.NOBODY, "nobody")):
            with pytest.raises(ForbiddenError):
                operation(wide, actor=actor)
        for reason in (" ", "x" * 501):
            with pytest.raises(InvalidError):
                operation(wide, reason=reason)
        wide.refresh_from_db()
        assert wide.state == "open"
        type(former).objects.filter(pk=former.pk).update(is_staff=True)
        assert operation(wide, actor=actor_of(former)).decided_by == former
        RoleDrift.objects.update(state="open", decided_at=None, decided_by=None, reason="")


def test_an_orphan_of_the_portals_is_taken_away_on_somebodys_word(
    aws: FakeAws, row: PartnerRole, neighbour: PartnerRole
) -> None:
    drift = orphan(aws, row)
    assert remove_orphans(aws=aws.ports()) == 0, "nobody said so"
    repair(drift)
    assert OutboxMessage.objects.filter(topic="access.drift.repair_asked").count() == 1
    check_account_roles(account_id=row.role.account_id, aws=aws.ports(), actor=SHELL)
    drift.refresh_from_db()
    assert drift.state == "repairing", "it is waited for"
    assert remove_orphans(aws=aws.ports()) == 1
    drift.refresh_from_db()
    assert drift.state == "over"
    assert set(aws.partners.roles) == {key(row), key(neighbour)}
    grant = str(aws.ports().grant_of(drift.role_name))
    assert [each[2] for each in aws.asked("close_role") + aws.asked("delete_role")] == [grant, grant]
    assert not Alarm.objects.filter(cleared_at=None).exists()


def test_what_came_back_of_a_role_that_was_gone_is_taken_away(aws: FakeAws, row: PartnerRole) -> None:
    now = database_now()
    PartnerRole.objects.filter(pk=row.pk).update(
        state="gone", closing_at=now, gone_at=now - timedelta(hours=1), due_at=None, check_at=None
    )
    check_account_roles(account_id=row.role.account_id, aws=aws.ports(), actor=SHELL)
    repair(RoleDrift.objects.get())
    assert remove_orphans(aws=aws.ports()) == 1
    assert aws.partners.roles == {}


@pytest.mark.parametrize(
    ("name", "problem", "words"),
    [
        ("backdoor", None, "only a person may take it away"),
        ("", NotPossible("Role x does not carry the portal's tag."), "does not carry the portal's tag"),
        ("", DENIED, "not authorized"),
    ],
)
def test_what_is_not_the_portals_is_left_to_a_person(
    aws: FakeAws, row: PartnerRole, name: str, problem: BrokerError | None, words: str
) -> None:
    drift = orphan(aws, row, name)
    if problem:
        aws.fail["close_role"] = problem
    repair(drift)
    assert remove_orphans(aws=aws.ports()) == 0
    drift.refresh_from_db()
    assert (drift.state, drift.reason) == ("open", "")
    assert words in drift.why
    assert (row.role.account.account_id, drift.role_name) in aws.partners.roles
    assert aws.count("delete_role") == 0


def test_a_living_grants_role_is_never_taken_away_as_nobodys(aws: FakeAws, row: PartnerRole) -> None:
    drift = orphan(aws, row)
    repair(drift)
    RoleDrift.objects.filter(pk=drift.pk).update(role_name=row.role.name)
    assert remove_orphans(aws=aws.ports()) == 0
    assert key(row) in aws.partners.roles
    drift.refresh_from_db()
    assert "a living grant's role" in drift.why


def test_what_aws_shows_after_its_deletion_is_not_called_gone(aws: FakeAws, row: PartnerRole) -> None:
    drift = orphan(aws, row)
    repair(drift)
    kept = dict(aws.partners.roles)
    aws.after["delete_role"] = lambda: aws.partners.roles.update(kept)
    assert remove_orphans(aws=aws.ports()) == 0
    drift.refresh_from_db()
    assert drift.state == "repairing"
    aws.after.clear()
    assert remove_orphans(aws=aws.ports()) == 1


def test_aws_that_does_not_answer_and_the_hold_only_delay_it(aws: FakeAws, row: PartnerRole) -> None:
    drift = orphan(aws, row)
    repair(drift)
    aws.fail["delete_role"] = UNAVAILABLE
    assert remove_orphans(aws=aws.ports()) == 0
    drift.refresh_from_db()
    assert drift.state == "repairing"
    del aws.fail["delete_role"]
    hold = enter_hold(reason="r", actor=SHELL)
    calls = len(aws.calls)
    assert remove_orphans(aws=aws.ports()) == 0
    assert len(aws.calls) == calls
    type(hold).objects.all().delete()
    assert remove_orphans(aws=aws.ports()) == 1


def test_a_look_is_asked_for_and_a_worker_makes_it(row: PartnerRole, person: Make, actor_of: Make) -> None:
    ask_check(account_id=row.role.account_id, actor=SHELL)
    message = OutboxMessage.objects.get(topic="access.drift.check_asked")
    assert message.payload == {"account": str(row.role.account_id)}
    with pytest.raises(NotFoundError):
        ask_check(account_id=row.role.account_id, actor=actor_of(person("Mallory", is_staff=True)))
    with pytest.raises(NotFoundError):
        ask_check(account_id=uuid4(), actor=SHELL)

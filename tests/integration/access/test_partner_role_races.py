"""Who comes second sees what the first one did: making, extending, suspending, taking away at once, on PostgreSQL."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db import connections

from portal.access.lifecycle import PartnerRoleState
from portal.access.models import Grant, PartnerRole
from portal.access.operations.grants.extend_grant import extend_grant
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.partners.make_partner_grant import make_partner_grant
from portal.access.operations.partners.partner_role_leases import take_role_lease
from portal.access.operations.partners.suspend_partner import suspend_partner
from portal.access.operations.partners.work_partner_roles import work_partner_roles
from portal.directory.models import Partner, PartnerAccount, Person
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError
from tests.at_once import at_once
from tests.fakes import FakeAws
from tests.integration.access.test_lifecycle_races import held_back, locked, outcome
from tests.partner_world import (
    DAY,
    SHELL,
    add_account,
    add_partner,
    add_template,
    connect,
    due_now,
    events_of,
    grant_to,
    order_for,
    prove,
    row_of,
    work,
)

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("races")]
MADE = ["grant.made", "partner_role.made"]


@pytest.fixture
def ours(account: Any) -> Any:
    return connect(account)


@pytest.fixture
def theirs(ours: Any) -> Any:
    made = add_account(add_partner())
    prove(made, ours)
    return made


@pytest.fixture
def make(ours: Any, theirs: Any, aws: FakeAws) -> Callable[[], Grant]:
    template = add_template()
    return lambda: grant_to(theirs, ours, template, aws)


def suspend(theirs: Any) -> object:
    return suspend_partner(partner_id=theirs.partner_id, reason="a leak", actor=SHELL)


def test_a_grant_that_waits_for_a_suspension_is_refused(make: Any, theirs: Any) -> None:
    partner = theirs.partner
    came = held_back(make, lambda: Partner.objects.update(suspended_at=database_now()), locked(partner))
    assert isinstance(came, InvalidError)
    assert "is suspended" in str(came)
    assert not Grant.objects.exists()


def test_a_grant_that_waits_for_its_accounts_closing_is_refused(make: Any, theirs: Any) -> None:
    came = held_back(make, lambda: PartnerAccount.objects.update(closed_at=database_now()), locked(theirs))
    assert isinstance(came, InvalidError)
    assert "was closed" in str(came)
    assert not Grant.objects.exists()


def test_a_grant_of_who_loses_the_right_to_grant_meanwhile_is_refused(
    ours: Any, theirs: Any, aws: FakeAws, person: Any, actor_of: Any
) -> None:
    granter = person("Granter", is_staff=True)
    granter.user_permissions.add(Permission.objects.get(codename="make_grant"))
    order, actor = order_for(theirs, ours, add_template()), actor_of(granter)

    def make() -> Grant:
        return make_partner_grant(order=order, aws=aws.ports(), actor=actor)

    came = held_back(make, lambda: Person.objects.update(is_staff=False), locked(granter))
    assert isinstance(came, ForbiddenError)
    assert not Grant.objects.exists()
    Person.objects.update(is_staff=True)
    assert make().granted_by == granter


def test_a_suspension_amid_the_making_takes_what_was_made(make: Any, theirs: Any, aws: FakeAws) -> None:
    """The worker is at AWS while the partner is suspended; nothing of it stays."""
    grant = make()
    at_aws, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        aws.before.clear()
        at_aws.set()
        assert go_on.wait(30)

    aws.before["make_role"] = hang
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(outcome, lambda: work(aws))
        assert at_aws.wait(30)
        suspend(theirs)
        assert row_of(grant).state == "closing"
        assert work_partner_roles(aws=aws.ports(), holder="second") == 0, "the first one holds the lease"
        go_on.set()
        assert working.result(30) == 2
    assert row_of(grant).state == "gone"
    assert not aws.partners.roles
    assert events_of(grant) == [
        "grant.made",
        "grant.suspended",
        "partner_role.closed",
        "partner_role.gone",
    ]


def test_granting_and_suspending_at_once_leaves_nothing_behind(make: Any, theirs: Any, aws: FakeAws) -> None:
    came = at_once(*[make] * 6, lambda: suspend(theirs), lambda: work(aws))
    due_now()
    work(aws)
    made = [each for each in came[:6] if isinstance(each, Grant)]
    refused = [each for each in came[:6] if isinstance(each, InvalidError)]
    assert len(made) + len(refused) == 6
    assert set(Grant.objects.values_list("state", flat=True)) <= {"suspended"}
    assert set(PartnerRole.objects.values_list("state", flat=True)) <= {"gone"}
    assert not aws.partners.roles


def test_an_extension_that_waits_for_the_end_is_refused(make: Any, aws: FakeAws) -> None:
    grant = make()
    work(aws)
    came = held_back(
        lambda: extend_grant(
            grant_id=grant.pk, ends_at=grant.ends_at + DAY, reason="r", aws=aws.ports(), actor=SHELL
        ),
        lambda: revoke_grant(grant_id=grant.pk, reason="over", actor=SHELL),
        locked(grant),
    )
    assert isinstance(came, ConflictError)
    assert row_of(grant).state == "closing"
    work(aws)
    assert row_of(grant).state == "gone"
    assert "grant.extended" not in events_of(grant)


@pytest.mark.parametrize("turn", range(5))
def test_extending_and_revoking_at_once(make: Any, aws: FakeAws, turn: int) -> None:
    del turn
    grant = make()
    work(aws)
    came = at_once(
        lambda: extend_grant(
            grant_id=grant.pk, ends_at=grant.ends_at + DAY, reason="r", aws=aws.ports(), actor=SHELL
        ),
        lambda: revoke_grant(grant_id=grant.pk, reason="over", actor=SHELL),
        lambda: work(aws),
        lambda: work(aws),
    )
    assert isinstance(came[0], Grant | ConflictError)
    assert isinstance(came[1], Grant)
    due_now()
    work(aws)
    assert row_of(grant).state == "gone"
    assert not aws.partners.roles
    told = Counter(events_of(grant))
    assert told["partner_role.closed"] == told["partner_role.gone"] == told["grant.revoked"] == 1


def test_one_order_sent_at_once_makes_one_grant(ours: Any, theirs: Any, aws: FakeAws) -> None:
    order = order_for(theirs, ours, add_template(), grant_id=uuid4())
    came = at_once(*[lambda: make_partner_grant(order=order, aws=aws.ports(), actor=SHELL)] * 6)
    assert {getattr(each, "pk", each) for each in came} == {order.grant_id}
    assert events_of(Grant.objects.get()) == ["grant.made"]


def test_one_id_for_two_partners_at_once_is_one_grant(ours: Any, theirs: Any, aws: FakeAws) -> None:
    """Each has its own lock: the row's key decides."""
    other, template, taken = add_account(add_partner("Other"), "777788889999"), add_template(), uuid4()
    start = threading.Barrier(2)

    def make(to: Any) -> object:
        start.wait(30)
        order = order_for(to, ours, template, grant_id=taken)
        return make_partner_grant(order=order, aws=aws.ports(), actor=SHELL)

    came = at_once(lambda: make(theirs), lambda: make(other))
    assert [type(each) for each in came].count(ConflictError) == 1
    assert PartnerRole.objects.get().grant_id == Grant.objects.get().pk == taken


def test_many_workers_take_each_role_once(make: Any, aws: FakeAws) -> None:
    grants = [make() for _ in range(8)]
    at_once(*[lambda: work(aws)] * 6)
    work(aws)
    assert Counter(row_of(grant).state for grant in grants) == {"standing": 8}
    assert aws.count("make_role") == 8
    assert all(events_of(grant) == MADE for grant in grants)


def test_of_two_that_want_one_row_one_gets_it(make: Any) -> None:
    row = row_of(make())
    start = threading.Barrier(4)

    def take() -> object:
        start.wait(30)
        return take_role_lease(row.pk, "worker")

    came = at_once(*[take] * 4)
    assert [each is not None for each in came].count(True) == 1
    assert row_of(Grant.objects.get()).fence == 1
    assert PartnerRole.objects.get().state == PartnerRoleState.MAKING
    connections.close_all()

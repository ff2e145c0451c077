"""Taking through a group and leaving it at the same moment: whoever comes first, nobody outside holds anything."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from portal.access.models import Grant
from portal.access.operations.grants.deactivate_person import deactivate_person
from portal.access.operations.grants.take_entitlement import take_entitlement
from portal.catalog.models import AwsRole, Entitlement
from portal.directory.models import GroupMembership, Person
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.errors import ConflictError, DomainError, NotFoundError
from tests.at_once import at_once
from tests.entitled import entitle, leave, make_group
from tests.fakes import FakeAws
from tests.servers.process import require_services
from tests.world import make_person

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.thorough,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("races"),
]
SHELL = Actor.command("tests")
TRIES = 40 if require_services() else 8


@pytest.fixture
def offer(role: AwsRole) -> Entitlement:
    return entitle(make_group(), role)


def taking(person: Person, offer: Entitlement, aws: FakeAws, *, after: float = 0) -> Callable[[], Any]:
    actor = Actor(ActorKind.PERSON, person.name, person.pk)

    def act() -> Grant:
        time.sleep(after)
        return take_entitlement(
            entitlement_id=offer.pk, minutes=60, reason="race", aws=aws.ports(), actor=actor
        )

    return act


def leaving(person: Person, offer: Entitlement, *, after: float = 0) -> Callable[[], None]:
    def act() -> None:
        time.sleep(after)
        with transaction.atomic():
            leave(person, offer.group)

    return act


def test_take_against_leave(offer: Entitlement, aws: FakeAws) -> None:
    """Nobody who has left holds a living grant; both orders were seen."""
    orders: Counter[str] = Counter()
    for number in range(TRIES):
        person = make_person(f"Racer {number}")
        make_group(person)
        # Each order surely once; then as close as it gets.
        first = {0: -0.5, 1: 0.5}.get(number, (number % 8 - 4) / 1000)
        taken, left = at_once(
            taking(person, offer, aws, after=max(0, first)), leaving(person, offer, after=max(0, -first))
        )
        assert left is None, left
        assert not GroupMembership.objects.filter(person=person).exists()
        states = list(Grant.objects.filter(person=person).values_list("state", flat=True))
        if isinstance(taken, Grant):
            assert states == ["suspended"]
        else:
            assert isinstance(taken, NotFoundError), taken
            assert states == []
        orders[type(taken).__name__] += 1
    assert orders.total() == TRIES
    assert set(orders) == {"Grant", "NotFoundError"}, f"no race took place: {orders}"


def test_taken_between_the_leaving_and_its_commit_ends_with_it(offer: Entitlement, aws: FakeAws) -> None:
    """Taking reads the membership while another transaction has deleted it, and has not committed."""
    person = make_person("Late Leaver")
    make_group(person)
    taken: list[object] = []
    act = taking(person, offer, aws)
    with transaction.atomic():
        GroupMembership.objects.filter(person=person).delete()
        taken += at_once(act)
        make_group(person)
        leave(person, offer.group)
    assert isinstance(taken[0], Grant)
    assert Grant.objects.get().state == "suspended"


def test_take_against_being_deactivated(offer: Entitlement, aws: FakeAws) -> None:
    for number in range(TRIES // 2):
        person = make_person(f"Racer {number}")
        make_group(person)

        def deactivate(pk: Any = person.pk) -> object:
            return deactivate_person(person_id=pk, reason="race", actor=SHELL)

        taken, _ = at_once(taking(person, offer, aws), deactivate)
        assert isinstance(taken, Grant | DomainError), taken
        assert not Grant.objects.filter(person=person, state="active").exists()


def test_of_two_takes_at_once_one_wins(offer: Entitlement, aws: FakeAws) -> None:
    person = make_person("Twice")
    make_group(person)
    outcomes = at_once(*(taking(person, offer, aws) for _ in range(4)))
    assert Counter(type(one) for one in outcomes) == {Grant: 1, ConflictError: 3}
    assert Grant.objects.filter(state="active").count() == 1

"""How often AWS is asked: so many a second, a share for each tenant, not at all while AWS wants to be left alone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from brokers.errors import AwsUnavailable
from portal.access.models import AwsSession, CredentialSlot, Grant, StsBudget
from portal.access.operations.credentials import sts_budget
from portal.access.operations.credentials.fetch_credentials import fetch_credentials
from portal.access.operations.credentials.sts_budget import ALL, OWN, note_throttled, take_turn
from portal.directory.models import Partner
from portal.kernel.errors import BusyError, UpstreamError
from tests.fakes import FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
THROTTLED = AwsUnavailable("sts:AssumeRole", "Throttling", throttled=True)


@pytest.fixture(autouse=True)
def _small(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits, and nothing comes back by itself: a call in a thousand seconds."""
    settings.STS_RATE, settings.STS_BURST = 0.001, 4
    monkeypatch.setattr(sts_budget, "PATIENCE", 0.0)


@pytest.fixture
def both(make_grant: Make, ben: Any, person: Make, partner: Partner) -> tuple[Grant, Grant]:
    """Grants of a partner's person and of one of our own."""
    return make_grant(person("Pia", partner=partner)), make_grant(ben)


@pytest.fixture
def turn(actor_of: Make) -> Callable[..., bool]:
    def taken(grant: Grant) -> bool:
        try:
            take_turn(own=grant)
        except BusyError:
            return False
        return True

    return taken


def later(seconds: float) -> None:
    back = timedelta(seconds=seconds)
    StsBudget.objects.update(filled_at=F("filled_at") - back, blocked_until=F("blocked_until") - back)


def test_a_burst_goes_and_then_nobody(make_grant: Make, ben: Any, turn: Callable[..., bool]) -> None:
    grant = make_grant(ben)
    assert [turn(grant) for _ in range(6)] == [True] * 4 + [False] * 2


def test_what_comes_back_comes_by_the_rate(
    make_grant: Make, ben: Any, turn: Callable[..., bool], settings: Any
) -> None:
    grant = make_grant(ben)
    assert [turn(grant) for _ in range(5)].count(True) == 4
    later(2500)
    assert [turn(grant) for _ in range(4)] == [True, True, False, False]


def test_who_is_told_to_come_again_is_told_when(
    make_grant: Make, ben: Any, actor_of: Make, settings: Any
) -> None:
    grant = make_grant(ben)
    settings.STS_BURST, settings.STS_RATE = 1, 0.1
    take_turn(own=grant)
    with pytest.raises(BusyError) as busy:
        take_turn(own=grant)
    assert busy.value.retry_after_seconds == 10


def test_another_account_has_its_own(
    make_grant: Make, make_role: Make, ben: Any, turn: Callable[..., bool]
) -> None:
    from portal.catalog.models import AwsAccount  # noqa: PLC0415

    other = AwsAccount.objects.create(name="Other", account_id="333333333333")
    here, there = make_grant(ben), make_grant(ben, role=make_role("There", account=other))
    assert [turn(here) for _ in range(5)][-1] is False
    assert turn(there)


def test_a_flood_of_one_tenant_leaves_room_for_another(
    both: tuple[Grant, Grant],
    partner: Partner,
    turn: Callable[..., bool],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sts_budget, "WANTS", timedelta(hours=1))  # however slow the machine is
    settings.STS_BURST = 40
    theirs, ours = both
    assert turn(ours), "somebody else wants some, too"
    got = [turn(theirs) for _ in range(60)].count(True)
    assert got == 20
    assert [turn(ours) for _ in range(25)].count(True) == 19
    assert set(StsBudget.objects.values_list("tenant", flat=True)) == {ALL, OWN, str(partner.pk)}


def test_a_tenant_alone_has_all_of_it(
    both: tuple[Grant, Grant], turn: Callable[..., bool], settings: Any
) -> None:
    settings.STS_BURST = 40
    theirs, ours = both
    assert turn(ours)
    StsBudget.objects.filter(tenant=OWN).update(filled_at=F("filled_at") - timedelta(seconds=10))
    assert [turn(theirs) for _ in range(60)].count(True) == 39


def test_nobody_asks_while_aws_is_throttling_and_for_longer_each_time(
    make_grant: Make, ben: Any, actor_of: Make, turn: Callable[..., bool], settings: Any
) -> None:
    settings.STS_RATE = 1000
    grant = make_grant(ben)
    told = []
    for _ in range(8):
        note_throttled(grant.role.account_id)
        with pytest.raises(BusyError) as busy:
            take_turn(own=grant)
        told.append(busy.value.retry_after_seconds)
        later(busy.value.retry_after_seconds + 0.01)
        assert turn(grant)
    assert told == [1, 2, 4, 8, 16, 32, 60, 60]
    later(61)
    note_throttled(grant.role.account_id)
    with pytest.raises(BusyError) as busy:
        take_turn(own=grant)
    assert busy.value.retry_after_seconds == 1


def test_a_throttled_call_is_told_to_all_at_once(
    make_grant: Make, ben: Any, actor_of: Make, aws: FakeAws
) -> None:
    one, other = make_grant(ben), make_grant(ben)
    aws.fail["assume_role"] = THROTTLED
    with pytest.raises(UpstreamError):
        fetch_credentials(grant_id=one.pk, aws=aws.ports(), actor=actor_of(ben), door="api")
    del aws.fail["assume_role"]
    with pytest.raises(BusyError):
        fetch_credentials(grant_id=other.pk, aws=aws.ports(), actor=actor_of(ben), door="api")
    assert aws.count("assume_role") == 1, "who was told to wait did not reach AWS"
    assert AwsSession.objects.filter(grant=other).count() == 0
    assert CredentialSlot.objects.get(grant=other).leased_until is None, "nothing is held by who gave up"
    later(2000)
    fetch_credentials(grant_id=other.pk, aws=aws.ports(), actor=actor_of(ben), door="api")

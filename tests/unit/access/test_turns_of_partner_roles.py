"""Which partners' roles a worker is given next: those that are due and free, and of each account a few at most."""

from datetime import timedelta

import pytest

from portal.access.models import PartnerRole
from portal.access.operations.partners.partner_role_leases import bring_up, take_role_lease
from portal.access.operations.partners.work_partner_roles import ACCOUNT_SHARE, due_partner_roles
from portal.catalog.models import AwsAccount
from portal.kernel.clock import database_now
from tests.standing_roles import make_our_account, make_partner, make_partner_role, make_their_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows() -> list[PartnerRole]:
    """Five roles of one account of ours, all due, the first one longest."""
    theirs, ours, now = make_their_account(), make_our_account(), database_now()
    return [
        make_partner_role(theirs, ours, due_at=now - timedelta(minutes=10 - number)) for number in range(5)
    ]


def due() -> list[object]:
    return list(due_partner_roles(at=database_now()))


def test_what_is_due_later_is_not_named(rows: list[PartnerRole]) -> None:
    PartnerRole.objects.exclude(pk=rows[4].pk).update(due_at=database_now() + timedelta(minutes=1))
    assert due() == [rows[4].pk]


def test_what_somebody_holds_is_not_named_and_takes_a_place_of_its_account(rows: list[PartnerRole]) -> None:
    assert due() == [row.pk for row in rows[:ACCOUNT_SHARE]]
    for held in range(1, ACCOUNT_SHARE + 1):
        assert take_role_lease(rows[held - 1].pk, "a worker") is not None
        assert due() == [row.pk for row in rows[held:ACCOUNT_SHARE]]
    elsewhere = make_partner_role(
        make_their_account(make_partner("Globex")), make_our_account(), due_at=database_now()
    )
    assert due() == [elsewhere.pk], "another account's turn is its own"
    PartnerRole.objects.exclude(holder="").update(leased_until=database_now() - timedelta(seconds=1))
    assert len(due()) == ACCOUNT_SHARE + 1, "what a dead worker held is free again"
    assert AwsAccount.objects.count() == 2


def test_what_is_to_be_another_by_now_counts_its_failures_anew(rows: list[PartnerRole]) -> None:
    PartnerRole.objects.update(attempts=9)
    bring_up(PartnerRole.objects.filter(pk=rows[0].pk), at=database_now())
    assert [row.attempts for row in PartnerRole.objects.order_by("attempts")] == [0, 9, 9, 9, 9]


def test_what_is_gone_is_brought_nowhere(rows: list[PartnerRole]) -> None:
    now = database_now()
    PartnerRole.objects.filter(pk=rows[0].pk).update(
        state="gone", closing_at=now, gone_at=now, due_at=None, check_at=None
    )
    assert bring_up(PartnerRole.objects.all(), at=now) == 4
    assert set(PartnerRole.objects.filter(due_at=None).values_list("pk", "wanted")) == {(rows[0].pk, 1)}

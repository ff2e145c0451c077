"""What exactly stands in the rows of a grant to a partner's account, and so in AWS."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.access.models import Grant, PartnerRole
from portal.access.operations.partners.external_ids import rotate_external_id
from portal.access.operations.partners.make_partner_grant import preview_partner_grant
from portal.access.operations.partners.partner_grant_order import PartnerGrantOrder
from portal.access.operations.partners.partner_role_spec import spec_of
from portal.access.operations.partners.suspend_partner import resume_partner, suspend_partner
from portal.directory.models import Partner, PartnerAccount
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError
from portal.kernel.models import OutboxMessage
from tests.fakes import FakeAws
from tests.partner_world import (
    DAY,
    SHELL,
    add_account,
    add_partner,
    add_template,
    connect,
    grant_to,
    order_for,
    row_of,
)

pytestmark = pytest.mark.django_db
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.fixture
def ours(account: Any) -> Any:
    return connect(account)


@pytest.fixture
def theirs(db: None) -> PartnerAccount:
    return add_account(add_partner())


@pytest.fixture
def order(ours: Any, theirs: PartnerAccount) -> Any:
    scope = add_template()
    return lambda **changes: order_for(theirs, ours, scope, **changes)


@pytest.fixture
def make(ours: Any, theirs: PartnerAccount, aws: FakeAws) -> Any:
    scope = add_template()
    return lambda **changes: grant_to(theirs, ours, scope, aws, **changes)


def preview(order: PartnerGrantOrder, aws: FakeAws) -> Any:
    return preview_partner_grant(order=order, aws=aws.ports(), actor=SHELL)


def test_a_start_to_come_is_of_whole_seconds_and_has_a_zone(make: Any) -> None:
    start = (datetime.now(UTC) + DAY).replace(microsecond=700_000)
    grant = make(starts_at=start)
    assert grant.starts_at == start.replace(microsecond=0)
    assert spec_of(row_of(grant), at=database_now()).starts_at == grant.starts_at
    with pytest.raises(InvalidError, match="needs its zone") as refused:
        make(starts_at=start.replace(tzinfo=None))
    assert refused.value.field == "starts_at"


def test_managed_policies_of_the_scope_are_the_grants_and_its_roles(
    ours: Any, theirs: PartnerAccount, aws: FakeAws
) -> None:
    scope = add_template()
    scope.managed_policy_arns = [READ_ONLY]
    scope.save()
    assert preview(order_for(theirs, ours, scope), aws).managed_policy_arns == (READ_ONLY,)
    grant = grant_to(theirs, ours, scope, aws)
    scope.managed_policy_arns = []
    scope.save()
    grant.refresh_from_db()
    assert grant.scope_managed_policy_arns == [READ_ONLY], "a grant keeps what was granted"
    assert spec_of(row_of(grant), at=database_now()).managed_policy_arns == (READ_ONLY,)
    assert spec_of(row_of(grant_to(theirs, ours, scope, aws)), at=database_now()).managed_policy_arns == ()


def test_its_role_is_for_the_partner_alone(make: Any) -> None:
    role = make().role
    assert (role.allows_console, role.sends_tags, role.sets_source_identity) == (False, False, False)
    assert role.requires_scope


def test_workers_are_woken_for_it(make: Any) -> None:
    grant = make()
    assert OutboxMessage.objects.filter(topic="access.grant.made", payload={"grant": str(grant.pk)}).exists()


def test_a_preview_refuses_whom_making_refuses(order: Any, theirs: PartnerAccount, aws: FakeAws) -> None:
    suspend_partner(partner_id=theirs.partner_id, reason="r", actor=SHELL)
    with pytest.raises(InvalidError, match="is suspended"):
        preview(order(), aws)
    resume_partner(partner_id=theirs.partner_id, reason="r", actor=SHELL)
    assert preview(order(), aws).role_arn
    PartnerAccount.objects.filter(pk=theirs.pk).update(closed_at=database_now())
    with pytest.raises(InvalidError, match="was closed"):
        preview(order(), aws)
    assert not Grant.objects.exists()


def test_nothing_in_aws_begins_before_the_contract(make: Any, theirs: PartnerAccount) -> None:
    grant = make()
    later = grant.starts_at.replace(microsecond=0) + timedelta(hours=1)
    # However its start was put off: what stands in AWS begins with it.
    Partner.objects.filter(pk=theirs.partner_id).update(contract_starts_at=later)
    assert spec_of(PartnerRole.objects.get(grant=grant), at=database_now()).starts_at == later


def test_the_role_lets_in_with_both_external_ids_while_one_is_rotated_out(
    make: Any, theirs: PartnerAccount
) -> None:
    row = row_of(make())
    made = rotate_external_id(partner_account_id=theirs.pk, overlap=DAY, reason="r", actor=SHELL)
    now = database_now()
    both = spec_of(row, at=now).external_ids
    assert [each.until is None for each in both] == [True, False]
    assert [each.value for each in spec_of(row, at=now + DAY).external_ids] == [str(made.value)]


def test_a_description_is_no_longer_than_iam_takes(make: Any) -> None:
    row = row_of(make(reason="because " * 60))
    row.grant.scope_summary = "s" * 900
    told = spec_of(row, at=database_now()).description
    assert len(told) == 1000
    assert "s" * 900 in told

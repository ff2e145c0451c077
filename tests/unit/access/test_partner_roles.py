"""The work of making and taking away the role of a grant to a partner: each step once, and again after any fault."""

from typing import Any

import pytest

from portal.access.models import Grant, PartnerRole
from portal.access.operations.revoke_grant import revoke_grant
from portal.audit.models import AuditEvent
from tests.fakes import FakeAws
from tests.partner_world import (
    SHELL,
    add_account,
    add_partner,
    add_template,
    connect,
    grant_to,
    prove,
    work,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours(account: Any) -> Any:
    return connect(account)


@pytest.fixture
def theirs(db: None) -> Any:
    return add_account(add_partner())


@pytest.fixture
def grant(ours: Any, theirs: Any, aws: FakeAws) -> Grant:
    return grant_to(theirs, ours, add_template(), aws)


def row_of(grant: Grant) -> PartnerRole:
    return PartnerRole.objects.select_related("role").get(grant=grant)


def events(grant: Grant) -> list[str]:
    found = AuditEvent.objects.filter(grant_id=grant.pk).order_by("pk")
    return [event.type.removeprefix("access.") for event in found]


def revoke(grant: Grant) -> None:
    revoke_grant(grant_id=grant.pk, reason="over", actor=SHELL)


def test_a_role_is_made_and_taken_away(grant: Grant, ours: Any, theirs: Any, aws: FakeAws) -> None:
    prove(theirs, ours)
    assert work(aws) == 1
    row = row_of(grant)
    assert (row.state, row.written, row.wanted, row.due_at, row.behind_since) == (
        "standing",
        1,
        1,
        None,
        None,
    )
    assert row.made_at is not None
    assert row.role.unique_id.startswith("AROA")
    assert list(aws.partners.roles) == [(ours.account_id, row.role.name)]
    assert work(aws) == 0
    revoke(grant)
    assert work(aws) == 1
    row = row_of(grant)
    assert (row.state, row.due_at, row.behind_since, row.role.is_enabled) == ("gone", None, None, False)
    assert row.closing_at is not None
    assert row.closed_at is not None
    assert row.gone_at is not None
    assert not aws.partners.roles
    assert events(grant) == [
        "grant.made",
        "partner_role.made",
        "grant.revoked",
        "partner_role.closed",
        "partner_role.gone",
    ]
    told = AuditEvent.objects.filter(grant_id=grant.pk)
    assert {event.partner_id for event in told} == {theirs.partner_id}
    calls = [name for name, _ in aws.calls if name.endswith("_role") and name != "check_role"]
    assert calls == ["make_role", "close_role", "delete_role", "read_role"]

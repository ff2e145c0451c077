"""The same order to a partner's account twice makes one grant; another one under its id is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from portal.access.models import Grant, PartnerRole
from portal.access.operations.grants.extend_grant import extend_grant
from portal.access.operations.partners.make_partner_grant import make_partner_grant, preview_partner_grant
from portal.access.operations.partners.suspend_partner import suspend_partner
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError
from tests.fakes import FakeAws
from tests.partner_world import DAY, SHELL, THEIRS, add_account, add_partner, add_template, connect, order_for

pytestmark = pytest.mark.django_db
ROLE = f"arn:aws:iam::{THEIRS}:role/build/ci"


@pytest.fixture
def ours(account: Any) -> Any:
    return connect(account)


@pytest.fixture
def order(ours: Any) -> Any:
    """The same order each time, but for what is changed."""
    theirs, scope = add_account(add_partner()), add_template()
    whole = {"grant_id": uuid4(), "ends_at": datetime.now(UTC) + DAY}
    return lambda **changes: order_for(theirs, ours, scope, **{**whole, **changes})


def make(order: Any, aws: FakeAws, actor: Actor = SHELL) -> Grant:
    return make_partner_grant(order=order, aws=aws.ports(), actor=actor)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"principal_arn": f"{ROLE} ", "ticket": " OPS-1 ", "reason": " Joint project "},
        {"starts_at": datetime.now(UTC) - timedelta(minutes=1)},
        {"starts_at": datetime.now(UTC) + timedelta(hours=1)},
    ],
)
def test_the_same_order_twice_is_one_grant(order: Any, aws: FakeAws, how: dict[str, Any]) -> None:
    asked = order(**how)
    first, second = make(asked, aws), make(asked, aws)
    assert first.pk == second.pk == asked.grant_id
    assert second.role_id == first.role_id
    assert AuditEvent.objects.filter(type="access.grant.made").count() == 1
    assert PartnerRole.objects.count() == AwsRole.objects.filter(method="cross_account").count() == 1


def test_without_an_id_each_order_makes_its_own(order: Any, aws: FakeAws) -> None:
    asked = order(grant_id=None)
    assert make(asked, aws).pk != make(asked, aws).pk


@pytest.mark.parametrize(
    "changed",
    [
        {"reason": "Another"},
        {"ticket": "OPS-2"},
        {"ends_at": datetime.now(UTC) + 2 * DAY},
        {"starts_at": datetime.now(UTC) + timedelta(hours=1)},
        {"principal_arn": ROLE},
        {"scope_parameters": {"bucket": "another-bucket"}},
        {"max_session_seconds": 7200},
    ],
)
def test_another_order_under_a_known_id_is_refused(order: Any, aws: FakeAws, changed: dict[str, Any]) -> None:
    make(order(), aws)
    with pytest.raises(ConflictError, match="another one than this"):
        make(order(**changed), aws)
    make(order(**changed, grant_id=uuid4()), aws)
    assert Grant.objects.count() == 2


def test_another_account_scope_or_admin_under_a_known_id_is_refused(
    order: Any, aws: FakeAws, ours: Any, admin: Any, actor_of: Any
) -> None:
    make(order(), aws)
    elsewhere = add_account(add_partner("Other"), "777788889999")
    ours.pk, ours.account_id, ours.name = None, "222233334444", "Another of ours"
    ours.save(force_insert=True)
    for changed in (
        {"partner_account_id": elsewhere.pk},
        {"scope_template_id": add_template("Another").pk},
        {"account_id": connect(ours).pk},
    ):
        with pytest.raises(ConflictError):
            make(order(**changed), aws)
        make(order(**changed, grant_id=None), aws)
    with pytest.raises(ConflictError):
        make(order(), aws, actor_of(admin))
    make(order(grant_id=uuid4()), aws, actor_of(admin))


def test_the_id_of_a_persons_grant_is_refused(order: Any, aws: FakeAws, make_grant: Any, ben: Any) -> None:
    with pytest.raises(ConflictError):
        make(order(grant_id=make_grant(ben).pk), aws)


def test_what_was_changed_since_is_not_granted_again(order: Any, aws: FakeAws) -> None:
    grant = make(order(), aws)
    suspend = order()
    extend_grant(
        grant_id=grant.pk, ends_at=grant.ends_at + DAY, reason="longer", aws=aws.ports(), actor=SHELL
    )
    with pytest.raises(ConflictError, match="changed since"):
        make(suspend, aws)


def test_an_order_that_comes_again_after_the_end_finds_what_ended(order: Any, aws: FakeAws) -> None:
    grant = make(order(), aws)
    suspend_partner(partner_id=grant.partner.pk, reason="a leak", actor=SHELL)  # type: ignore[union-attr]  # it has one
    assert make(order(), aws).state == "suspended"


def test_a_preview_names_the_role_that_is_made(order: Any, aws: FakeAws) -> None:
    seen = preview_partner_grant(order=order(), aws=aws.ports(), actor=SHELL)
    assert seen.role_arn == make(order(), aws).role.arn

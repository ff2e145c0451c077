"""What a grant may not be made of, whoever asks: no kill switch, somebody else's policy; and whole seconds."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.kernel.errors import InvalidError

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("path", "name", "allowed"),
    [
        ("/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_Admin_1", False),
        ("/aws-service-role/ecs.amazonaws.com/", "AWSServiceRoleForECS", False),
        ("/", "AWSReservedSSO_Admin_1", False),
        ("/sallyport/", "ReservedReader", True),
    ],
)
def test_a_role_without_kill_switch_is_not_granted(
    make_role: Make, make_grant: Make, path: str, name: str, allowed: bool
) -> None:
    role = make_role(name, path=path)
    if allowed:
        assert make_grant(role=role).state == "active"
        return
    with pytest.raises(InvalidError, match="No kill switch") as refused:
        make_grant(role=role)
    assert refused.value.field == "accepts_no_kill_switch"
    assert make_grant(role=role, accepts_no_kill_switch=True).accepted_no_kill_switch


@pytest.mark.parametrize(
    ("owner", "allowed"), [("aws", True), ("222222222222", True), ("333333333333", False)]
)
def test_managed_policies_are_awss_or_the_roles_own_accounts(
    template: Any, make_grant: Make, owner: str, allowed: bool
) -> None:
    template.managed_policy_arns = [f"arn:aws:iam::{owner}:policy/ReadOnly"]
    template.save()
    order = {"scope_template_id": template.pk, "scope_parameters": {"bucket": "some-bucket"}}
    if allowed:
        assert make_grant(**order).scope_managed_policy_arns == template.managed_policy_arns
        return
    with pytest.raises(InvalidError, match="another account") as refused:
        make_grant(**order)
    assert refused.value.field == "scope_template"


def test_a_grant_ends_on_a_whole_second_and_lasts_a_minute_at_least(make_grant: Make) -> None:
    ends_at = datetime.now(UTC).replace(microsecond=999_999) + timedelta(seconds=61)
    grant = make_grant(ends_at=ends_at)
    assert grant.ends_at == ends_at.replace(microsecond=0)
    with pytest.raises(InvalidError, match="a minute at least"):
        make_grant(ends_at=datetime.now(UTC) + timedelta(seconds=58))

"""Scopes and roles: what is refused at save, each with its accepted neighbour."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from portal.catalog import scopes
from portal.catalog.models import AwsAccount, AwsRole, ScopeTemplate

Make = Callable[..., Any]
GOOD = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def policy(*statements: Any, **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements), **more}


@pytest.mark.parametrize(
    "broken",
    [
        "text",
        {},
        policy(GOOD) | {"Version": "2008-10-17"},
        policy(),
        policy(GOOD) | {"Statement": GOOD},
        policy(GOOD, Extra=1),
        policy("text"),
        policy(GOOD | {"Principal": "*"}),
        policy(GOOD | {"Effect": "Maybe"}),
        policy(GOOD | {"Effect": ["Allow"]}),
        policy(GOOD | {"NotAction": "s3:*"}),
        policy({"Effect": "Allow", "Action": "s3:*"}),
    ],
)
def test_a_policy_that_is_none(broken: Any) -> None:
    with pytest.raises(ValidationError):
        scopes.validate_scope_policy(broken)
    scopes.validate_scope_policy(policy(GOOD, Id="x"))


@pytest.mark.parametrize("broken", ["text", {"Big": "region"}, {"a": "colour"}, {"a": ["region"]}, {"a": {}}])
def test_parameters_that_are_none(broken: Any) -> None:
    with pytest.raises(ValidationError):
        scopes.validate_parameters(broken)
    scopes.validate_parameters({"bucket": "bucket_name"})


@pytest.mark.parametrize("broken", ["text", ["x"], [1], ["arn:aws:iam::aws:policy/A"] * 11])
def test_managed_policies_that_are_none(broken: Any) -> None:
    with pytest.raises(ValidationError):
        scopes.validate_managed_policies(broken)
    scopes.validate_managed_policies(["arn:aws:iam::aws:policy/ReadOnlyAccess"])


def test_filling_reaches_every_string_and_nothing_else() -> None:
    assert scopes.fill({"{{a}}": ["x{{a}}", 1, ("{{a}}",)]}, {"a": "v"}) == {"v": ["xv", 1, ["v"]]}
    assert scopes.placeholders({"{{a}}": ["{{b}}", 1], "c": "{{d}}"}) == {"a", "b", "d"}


@pytest.mark.parametrize(
    ("resource", "summary", "parameters", "field"),
    [
        ("{{bucket}}", "s", {}, "parameters"),
        ("*", "{{bucket}}", {}, "parameters"),
        ("*", "s", {"bucket": "bucket_name"}, "parameters"),
        ("{{Bucket}}", "s", {}, "policy"),
        ("*", "{{ bucket }}", {}, "summary"),
    ],
)
def test_placeholders_and_parameters_are_the_same(
    resource: str, summary: str, parameters: Any, field: str
) -> None:
    def template(resource: str, summary: str, parameters: Any) -> ScopeTemplate:
        return ScopeTemplate(
            policy=policy(GOOD | {"Resource": resource}), summary=summary, parameters=parameters
        )

    with pytest.raises(ValidationError) as refused:
        template(resource, summary, parameters).clean()
    assert set(refused.value.message_dict) == {field}
    template("{{bucket}}", "{{bucket}}", {"bucket": "bucket_name"}).clean()
    template("*", "s", "not a mapping").clean()  # the field's own validator says so


def test_a_granted_role_stays_where_its_sessions_are(make_grant: Make, role: AwsRole) -> None:
    AwsRole.objects.update(unique_id="AROA1234567890ABCDEF")
    role.refresh_from_db()
    role.name = "Other"
    role.clean()
    assert role.unique_id == ""  # another principal has another id
    role.refresh_from_db()
    make_grant()
    role.title = "New words"
    role.clean()
    role.name = "Other"
    with pytest.raises(ValidationError, match="granted already"):
        role.clean()


def test_a_granted_root_task_stays_the_one_that_was_granted(make_role: Make, make_grant: Make) -> None:
    role = make_role(
        "Root", method="root_task", root_task="IAMAuditRootUserCredentials", max_session_seconds=900,
        allows_console=False, factor_minutes=5,
    )  # fmt: skip
    role.root_task = "S3UnlockBucketPolicy"
    role.clean()
    role.refresh_from_db()
    make_grant(role=role, accepts_no_kill_switch=True)
    role.title = "New words"
    role.clean()
    role.root_task = "S3UnlockBucketPolicy"
    with pytest.raises(ValidationError, match="granted already"):
        role.clean()


def test_an_account_stays_too_and_its_revoker_is_its_own(make_grant: Make, account: AwsAccount) -> None:
    for arn in ("arn:aws:iam::333333333333:role/R", "arn:aws-cn:iam::222222222222:role/R"):
        account.revoker_role_arn = arn
        with pytest.raises(ValidationError, match="in this account"):
            account.clean()
    account.revoker_role_arn = "arn:aws:iam::222222222222:role/R"
    account.clean()
    make_grant()
    account.name = "Renamed"
    account.clean()
    account.account_id, account.revoker_role_arn = "333333333333", ""
    with pytest.raises(ValidationError, match="add another account"):
        account.clean()


@pytest.mark.django_db
def test_what_a_role_is_in_aws(make_role: Make) -> None:
    role = make_role("Reader", path="/team/")
    assert role.arn == "arn:aws:iam::222222222222:role/team/Reader"
    user = make_role("hub", method="federation_token", requires_scope=True)
    assert user.arn == "arn:aws:iam::222222222222:user/hub"
    assert (role.deny_target.kind, user.deny_target.kind) == ("role", "user")
    assert "Reader in Data" in str(role)
    assert str(role.account) == "Data (222222222222)"

"""From a grant to its one call: which, as whom, for how long, with what; what is refused before anything is asked."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from brokers.types import HubKind
from portal.access.models import AwsSession, Grant
from portal.access.operations.credentials.account_hubs import reached_as, reached_exactly
from portal.access.operations.credentials.fresh_factor import StepUpNeededError
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.grants.granting_rules import check_root_task
from portal.access.policy import LENGTH_RULES, EndTooNearError, session_length
from portal.audit.models import AuditEvent
from portal.catalog.models import AccountHub, AwsRole
from portal.kernel.errors import ConflictError, DomainError, ForbiddenError, InvalidError
from portal.kernel.sealing import seal
from tests.fakes import FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
POOL = "eu-central-1:00000000-0000-4000-8000-000000000001"
HUB_SECRET = "hub-secret-that-stands-nowhere"


@pytest.fixture
def hub(account: Any) -> AccountHub:
    made: AccountHub = AccountHub.objects.create(
        account=account,
        kind="keys",
        region="eu-west-1",
        access_key_id="AKIAHUBHUBHUBHUB1",
        secret=seal(HUB_SECRET.encode()),
    )
    return made


def issue(grant: Grant, aws: FakeAws, actor_of: Make) -> Any:
    """By somebody who gave a second factor just now."""
    actor = replace(actor_of(grant.person), factor_at=datetime.now(UTC))
    return issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor)


def test_a_role_behind_another_is_chained_for_an_hour(
    make_grant: Make, make_role: Make, aws: FakeAws, actor_of: Make
) -> None:
    first = make_role("Gate", max_session_seconds=7200)
    chained = make_grant(role=make_role("Inner", via=first, max_session_seconds=7200), seconds=9000)
    straight = make_grant(role=first, seconds=9000)
    issue(chained, aws, actor_of)
    issue(straight, aws, actor_of)
    one, other = aws.asked("assume_role")
    assert (one.via_role_arn, one.duration) == (first.arn, timedelta(hours=1))
    assert (other.via_role_arn, other.duration) == (None, timedelta(hours=2))
    assert "one hour" in issue(chained, aws, actor_of).length_why
    assert aws.asked("hub_of") == []


def test_an_account_with_a_hub_of_its_own_is_called_by_it(
    make_grant: Make, make_role: Make, aws: FakeAws, actor_of: Make, hub: AccountHub
) -> None:
    aws.hub_is_chained = True  # the portal's own, which has nothing to do with this account
    issue(make_grant(role=make_role("Far", max_session_seconds=7200), seconds=9000), aws, actor_of)
    [(spec, region)] = aws.asked("hub_of")
    assert (spec.kind, spec.access_key_id, spec.secret_access_key, region) == (
        HubKind.KEYS,
        hub.access_key_id,
        HUB_SECRET,
        "",
    )
    assert aws.asked("assume_role")[0].duration == timedelta(hours=2)
    assert HUB_SECRET not in repr(spec)
    assert HUB_SECRET not in str(list(AuditEvent.objects.values()))
    assert reached_exactly(hub.account) == "an IAM user's own key, AKIAHUBHUBHUBHUB1, by the STS of eu-west-1"
    assert reached_as(hub.account) == "an IAM user's own key, by the STS of eu-west-1"


def test_a_hub_on_temporary_credentials_chains(
    make_grant: Make, make_role: Make, aws: FakeAws, actor_of: Make, account: Any
) -> None:
    AccountHub.objects.create(account=account, kind="ambient")
    issue(make_grant(role=make_role("Far", max_session_seconds=7200), seconds=9000), aws, actor_of)
    assert aws.asked("assume_role")[0].duration == timedelta(hours=1)


def test_a_hub_whose_secret_cannot_be_opened_is_named(
    make_grant: Make, aws: FakeAws, actor_of: Make, hub: AccountHub
) -> None:
    AccountHub.objects.update(secret=b"sealed by a key that is gone")
    with pytest.raises(ConflictError, match="enter it again"):
        issue(make_grant(), aws, actor_of)
    assert aws.asked("assume_role") == []


def test_a_developer_identity_is_vouched_for_by_its_persons_id(
    make_grant: Make, make_role: Make, aws: FakeAws, actor_of: Make
) -> None:
    role = make_role(
        "Mobile",
        method="cognito_developer",
        identity_pool_id=POOL,
        login_name="login.example",
        region="eu-west-1",
    )
    grant = make_grant(role=role)
    issue(grant, aws, actor_of)
    call = aws.asked("get_developer_credentials")[0]
    assert (call.user, call.developer_provider, call.identity_pool_id) == (
        str(grant.person_id),
        "login.example",
        POOL,
    )
    assert (call.ends_at, call.session_name) == (grant.ends_at, AwsSession.objects.get().session_name)
    assert aws.asked("hub_of") == [(None, "eu-west-1")]


def test_what_was_called_is_written_down(make_grant: Make, aws: FakeAws, actor_of: Make) -> None:
    grant = make_grant()
    issue(grant, aws, actor_of)
    session = AwsSession.objects.get()
    call = aws.asked("assume_role")[0]
    assert session.call == "AssumeRole"
    assert session.source_identity == call.source_identity
    assert session.duration_seconds == call.duration.total_seconds()
    issued = AuditEvent.objects.get(type="access.session.issued")
    assert (issued.details["call"], issued.details["source_identity"]) == ("AssumeRole", call.source_identity)


@pytest.fixture
def root_role(make_role: Make) -> AwsRole:
    role: AwsRole = make_role(
        "root",
        method="root_task",
        root_task="S3UnlockBucketPolicy",
        max_session_seconds=900,
        allows_console=False,
        factor_minutes=5,
    )
    return role


def test_a_root_task_is_had_for_a_quarter_of_an_hour_and_never_past_the_end(
    make_grant: Make, root_role: AwsRole, aws: FakeAws, actor_of: Make
) -> None:
    issue(make_grant(role=root_role, accepts_no_kill_switch=True), aws, actor_of)
    short = make_grant(role=root_role, accepts_no_kill_switch=True, seconds=600)
    issue(short, aws, actor_of)
    whole, less = aws.asked("assume_root")
    assert (whole.task, whole.account_id, whole.duration) == (
        "S3UnlockBucketPolicy",
        "222222222222",
        timedelta(minutes=15),
    )
    assert timedelta(minutes=9) < less.duration <= timedelta(minutes=10)
    asked_at = AwsSession.objects.get(grant=short).asked_at
    assert asked_at + less.duration <= short.ends_at


def test_a_root_task_must_be_accepted_without_a_kill_switch(make_grant: Make, root_role: AwsRole) -> None:
    with pytest.raises(InvalidError, match="No kill switch"):
        make_grant(role=root_role)


def test_a_root_task_asks_for_a_factor_and_for_a_second_person(  # noqa: PLR0917  # fixtures
    make_grant: Make, root_role: AwsRole, aws: FakeAws, actor_of: Make, admin: Any, person: Make
) -> None:
    grant = make_grant(role=root_role, accepts_no_kill_switch=True)
    with pytest.raises(StepUpNeededError):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    with pytest.raises(ForbiddenError, match="to themselves"):
        make_grant(admin, role=root_role, accepts_no_kill_switch=True, actor=actor_of(admin))
    make_grant(person("Ben"), role=root_role, accepts_no_kill_switch=True, actor=actor_of(admin))
    AwsRole.objects.filter(pk=root_role.pk).update(factor_minutes=0)
    with pytest.raises(InvalidError, match="fresh second factor"):
        make_grant(role=root_role, accepts_no_kill_switch=True)


def test_nobody_takes_a_root_task_by_themselves(root_role: AwsRole, role: AwsRole) -> None:
    with pytest.raises(ForbiddenError, match="by themselves"):
        check_root_task(root_role, is_taken=True)
    check_root_task(role, is_taken=True)


def test_a_call_without_a_session_policy_is_not_granted_with_a_scope(
    make_grant: Make, root_role: AwsRole, template: Any
) -> None:
    template.roles.add(root_role)
    scoped = {"scope_template_id": template.pk, "scope_parameters": {"bucket": "reports"}}
    with pytest.raises(InvalidError, match="takes no session policy") as refused:
        make_grant(role=root_role, accepts_no_kill_switch=True, **scoped)
    assert refused.value.field == "scope_template"
    make_grant(role=root_role, accepts_no_kill_switch=True)
    make_grant(**scoped)


def test_a_scope_that_came_into_such_a_grant_stops_it_before_anything_is_written(
    make_grant: Make, root_role: AwsRole, aws: FakeAws, actor_of: Make
) -> None:
    grant = make_grant(role=root_role, accepts_no_kill_switch=True)
    Grant.objects.filter(pk=grant.pk).update(
        scope_managed_policy_arns=["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    )
    with pytest.raises(ConflictError, match="scope could not be kept") as refused:
        issue(grant, aws, actor_of)
    assert refused.value.code == "not_callable"
    assert not AwsSession.objects.exists()
    assert aws.asked("assume_root") == []
    assert AuditEvent.objects.get(type="access.session.refused").details["code"] == "not_callable"
    Grant.objects.filter(pk=grant.pk).update(scope_managed_policy_arns=[])
    issue(grant, aws, actor_of)


def test_federation_is_refused_before_anything_is_asked_where_the_hub_has_no_keys(
    make_grant: Make, make_role: Make, template: Any, aws: FakeAws, actor_of: Make
) -> None:
    role = make_role("hub-user", method="federation_token", requires_scope=True)
    template.roles.add(role)
    grant = make_grant(role=role, scope_template_id=template.pk, scope_parameters={"bucket": "reports"})
    aws.hub_is_chained = True
    with pytest.raises(DomainError, match="IAM user's own keys"):
        issue(grant, aws, actor_of)
    assert not AwsSession.objects.exists()
    aws.hub_is_chained = False
    issue(grant, aws, actor_of)
    assert aws.asked("get_federation_token")[0].user_arn == role.arn


@pytest.mark.parametrize(("method", "least"), [("session_token", 900), ("cognito", 3600), ("root_task", 60)])
def test_what_carries_no_end_is_refused_where_it_would_outlive_it(method: str, least: int) -> None:
    def length(seconds: float) -> timedelta:
        return session_length(
            longest=timedelta(seconds=3600),
            chained=True,
            remaining=timedelta(seconds=seconds),
            method=method,
        ).duration

    with pytest.raises(EndTooNearError, match="takes no policy that could end it earlier") as refused:
        length(least - 0.1)
    assert refused.value.code == "end_too_near"
    assert length(least) == timedelta(seconds=least)


def test_every_call_of_ours_has_its_rule() -> None:
    assert set(LENGTH_RULES) == set(AwsRole.Method.values) - {"cross_account"}
    for method, rule in LENGTH_RULES.items():
        assert rule.carries_end == AwsRole(method=method).carries_end

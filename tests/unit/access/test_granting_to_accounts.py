"""Granting to a partner's own AWS account: by which rules, what is written of it, what it would come to."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction

from brokers.errors import LimitExceeded
from brokers.types import PolicyFinding, Severity
from portal.access.models import AwsSession, Grant, PartnerRole
from portal.access.operations.credentials.console_links import make_console_link
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.grants.extend_grant import extend_grant
from portal.access.operations.grants.make_grant import GrantOrder, make_grant
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.partners.make_partner_grant import make_partner_grant, preview_partner_grant
from portal.access.operations.partners.partner_role_spec import fit_tag, spec_of
from portal.access.operations.partners.suspend_partner import preview_suspension, suspend_partner
from portal.access.operations.running.sweep_grants import activate_batch, expire_batch
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.directory.models import PartnerAccount, Person
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from tests.fakes import CONSOLE, FakeAws
from tests.partner_world import (
    DAY,
    SHELL,
    THEIRS,
    add_account,
    add_partner,
    add_template,
    connect,
    events_of,
    grant_to,
    order_for,
    prove,
    row_of,
    work,
)

pytestmark = pytest.mark.django_db
ROLE = f"arn:aws:iam::{THEIRS}:role/build/ci"


@pytest.fixture
def ours(account: Any) -> Any:
    return connect(account)


@pytest.fixture
def theirs(db: None) -> Any:
    return add_account(add_partner())


@pytest.fixture
def scope(db: None) -> Any:
    return add_template()


@pytest.fixture
def make(ours: Any, theirs: Any, scope: Any, aws: FakeAws) -> Any:
    return lambda **changes: grant_to(changes.pop("to", theirs), ours, scope, aws, **changes)


@pytest.fixture
def order(ours: Any, theirs: Any, scope: Any) -> Any:
    return lambda **changes: order_for(theirs, ours, scope, **changes)


def test_a_grant_to_an_account_is_written_with_its_role(
    make: Any, ours: Any, theirs: Any, scope: Any
) -> None:
    grant = make(reason="  Joint project: read <the> reports  ", ticket="OPS-7")
    row = row_of(grant)
    assert (grant.person_id, grant.partner_account_id, grant.state) == (None, theirs.pk, "active")
    assert grant.scope_summary == "Read the bucket joint-project"
    assert (row.state, row.principal_arn) == ("making", f"arn:aws:iam::{THEIRS}:root")
    role = row.role
    assert (role.method, role.path, role.account_id) == (
        "cross_account",
        "/sallyport/partners/acme-robotics/",
        ours.pk,
    )
    assert role.title.startswith("Acme Robotics: One bucket for a partner (sp-")
    spec = spec_of(row, at=database_now())
    assert spec.ends_at == grant.ends_at
    assert spec.starts_at == grant.starts_at.replace(microsecond=0)
    assert [each.until for each in spec.external_ids] == [None]
    assert spec.tags == {
        "SallyportGrant": str(grant.pk),
        "SallyportPartner": "acme-robotics",
        "SallyportPartnerAccount": THEIRS,
        "SallyportReason": "Joint project: read the reports",
        "SallyportTicket": "OPS-7",
    }
    assert spec.description.startswith(f"Made by Sallyport for Acme Robotics, AWS account {THEIRS}")
    assert "<" not in spec.tags["SallyportReason"]
    assert events_of(grant) == ["grant.made"]
    told = AuditEvent.objects.get(grant_id=grant.pk)
    assert (told.partner_id, told.person_id) == (theirs.partner_id, None)
    assert told.details["role_arn"] == role.arn


def test_two_alike_stand_beside_each_other(make: Any) -> None:
    titles = {make().role.title for _ in range(3)}
    assert len(titles) == 3
    assert max(map(len, titles)) <= 120


def test_a_long_name_leaves_room_for_what_tells_roles_apart(ours: Any, aws: FakeAws) -> None:
    long = add_account(add_partner("N" * 120), "777788889999")
    scope = add_template("S" * 120)
    titles = [grant_to(long, ours, scope, aws).role.title for _ in range(2)]
    assert [len(title) for title in titles] == [120, 120]
    assert titles[0] != titles[1]


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("plain", "plain"),
        ("a\nb\tc", "a b c"),
        ("naïve “x”", "na ve x"),
        ("<b>", "b"),
        ("x" * 300, "x" * 256),
        ("💥", ""),
    ],
)
def test_a_tag_holds_what_iam_takes(text: str, fits: str) -> None:
    assert fit_tag(text) == fits


@pytest.mark.parametrize("arn", [ROLE, f"arn:aws:iam::{THEIRS}:user/ci", f"arn:aws:iam::{THEIRS}:root"])
def test_one_role_or_user_can_be_named(make: Any, arn: str) -> None:
    assert row_of(make(principal_arn=arn)).principal_arn == arn


@pytest.mark.parametrize(
    "arn",
    [
        "*",
        f"arn:aws:iam::{THEIRS}:role/*",
        f"arn:aws:iam::{THEIRS}:*",
        "arn:aws:iam::*:root",
        "arn:aws:iam::999999999999:role/build/ci",
        f"arn:aws-cn:iam::{THEIRS}:role/build/ci",
        f"arn:aws:sts::{THEIRS}:assumed-role/ci/session",
        f"{ROLE}\n",
        f"{ROLE}\narn:aws:iam::999999999999:root",
        f"arn:aws:iam::{THEIRS}:role/" + "a" * 65,
        f"arn:aws:iam::{THEIRS}:role/" + "a/" * 400 + "b",
        f"arn:aws:iam::{THEIRS}:group/ci",
        THEIRS,
    ],
)
def test_who_is_not_one_of_that_account_is_refused(make: Any, arn: str) -> None:
    with pytest.raises(InvalidError) as refused:
        make(principal_arn=arn)
    assert refused.value.field == "principal_arn"
    assert not Grant.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reason": "  "}, "reason"),
        ({"ends_at": datetime.now(UTC) + 31 * DAY}, "ends_at"),
        ({"ends_at": datetime.now(UTC) - DAY}, "ends_at"),
        ({"starts_at": datetime.now(UTC) - DAY}, "starts_at"),
        ({"starts_at": datetime.now(UTC) + DAY, "ends_at": datetime.now(UTC) + DAY}, "ends_at"),
        ({"ends_at": datetime(2030, 1, 1)}, "ends_at"),  # noqa: DTZ001  # no zone is the point
        ({"max_session_seconds": 3599}, "max_session"),
        ({"max_session_seconds": 43_201}, "max_session"),
        ({"scope_parameters": {}}, "scope_parameters"),
        ({"scope_parameters": {"bucket": "*"}}, "scope_parameters"),
        ({"scope_parameters": {"bucket": "a-bucket", "more": "x"}}, "scope_parameters"),
        ({"ticket": "T" * 81}, "ticket"),
    ],
)
def test_what_no_grant_may_be_is_refused(make: Any, change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidError) as refused:
        make(**change)
    assert refused.value.field == field
    assert not Grant.objects.exists()
    assert not AwsRole.objects.filter(method="cross_account").exists()


@pytest.mark.parametrize("seconds", [3600, 43_200])
def test_a_session_may_last_an_hour_to_half_a_day(make: Any, seconds: int) -> None:
    assert spec_of(row_of(make(max_session_seconds=seconds)), at=database_now()).max_session == timedelta(
        seconds=seconds
    )


def test_nothing_reaches_past_the_contract(make: Any, theirs: Any) -> None:
    partner = theirs.partner
    with pytest.raises(InvalidError, match="contract ends on"):
        make(ends_at=partner.contract_ends_at + timedelta(seconds=1))
    last = partner.contract_ends_at.replace(microsecond=0)
    grant = make(ends_at=last)
    partner.contract_ends_at -= DAY
    partner.save()
    # However it was shortened: what stands in AWS ends with it.
    spec = spec_of(PartnerRole.objects.get(grant=grant), at=database_now())
    assert spec.ends_at == last - DAY


def test_only_who_may_grant_grants(order: Any, aws: FakeAws, person: Any, actor_of: Any) -> None:
    clerk, granter = person("Clerk", is_staff=True), person("Granter", is_staff=True)
    granter.user_permissions.add(Permission.objects.get(codename="make_grant"))
    for operation in (make_partner_grant, preview_partner_grant):
        with pytest.raises(ForbiddenError):
            operation(order=order(), aws=aws.ports(), actor=actor_of(clerk))
        operation(order=order(), aws=aws.ports(), actor=actor_of(granter))
    assert Grant.objects.get().granted_by == granter


def test_who_is_suspended_or_closed_gets_nothing(
    make: Any, ours: Any, scope: Any, aws: FakeAws, theirs: Any
) -> None:
    make()
    PartnerAccount.objects.filter(pk=theirs.pk).update(closed_at=database_now())
    with pytest.raises(InvalidError, match="was closed"):
        make()
    other = add_account(add_partner("Other"), "777788889999")
    suspend_partner(partner_id=other.partner_id, reason="r", actor=SHELL)
    with pytest.raises(InvalidError, match="is suspended"):
        grant_to(other, ours, scope, aws)
    with pytest.raises(InvalidError, match="Choose an AWS account of the partner's"):
        make(partner_account_id=ours.pk)


def test_an_account_that_is_not_connected_is_refused(make: Any, ours: Any) -> None:
    ours.provisioner_role_arn = ""
    ours.save()
    with pytest.raises(InvalidError, match="connect it with a provisioner role first"):
        make()
    connect(ours)
    make()
    with pytest.raises(InvalidError, match="that the portal reaches"):
        make(account_id=row_of(Grant.objects.get()).pk)


def test_partitions_are_not_mixed_and_nobody_is_let_in_to_itself(make: Any, ours: Any, theirs: Any) -> None:
    PartnerAccount.objects.filter(pk=theirs.pk).update(partition="aws-cn")
    with pytest.raises(InvalidError, match="partition aws, the partner's account in aws-cn"):
        make()
    PartnerAccount.objects.filter(pk=theirs.pk).update(partition="aws", account_id=ours.account_id)
    with pytest.raises(InvalidError, match="nothing to let in to"):
        make()


def test_a_scope_must_be_one_for_partners(make: Any, template: Any) -> None:
    with pytest.raises(InvalidError, match="made for partners"):
        make(scope_template_id=template.pk)


def test_errors_of_the_scope_and_aws_limits_refuse(make: Any, aws: FakeAws) -> None:
    aws.partners.findings.append(
        PolicyFinding(Severity.ERROR, "unknown_action", "Statement 1", "There is no s3:GetThing.")
    )
    with pytest.raises(InvalidError, match="no s3:GetThing"):
        make()
    aws.partners.findings.clear()
    aws.fail["check_role"] = LimitExceeded("The inline policies", "10,300 characters", "10,240")
    with pytest.raises(InvalidError, match="10,300 characters; allowed is 10,240"):
        make()
    aws.fail.clear()
    make()


def test_a_preview_says_what_would_be_and_writes_nothing(order: Any, ours: Any, aws: FakeAws) -> None:
    before = AuditEvent.objects.count()
    asked = order(principal_arn=ROLE)
    seen = preview_partner_grant(order=asked, aws=aws.ports(), actor=SHELL)
    assert seen.principal_arn == ROLE
    assert ROLE in str(seen.trust)
    assert seen.role_arn.startswith(
        f"arn:aws:iam::{ours.account_id}:role/sallyport/partners/acme-robotics/sp-"
    )
    assert 0 < seen.sizes.trust < seen.sizes.trust_limit
    assert seen.summary == "Read the bucket joint-project"
    assert [each.service for each in seen.access] == ["s3"]
    assert seen.ends_at == asked.ends_at.replace(microsecond=0)
    assert not Grant.objects.exists()
    assert not PartnerRole.objects.exists()
    assert AuditEvent.objects.count() == before


def test_its_role_is_granted_to_nobody_else(make: Any, ben: Any, aws: FakeAws, role: Any) -> None:
    made = make().role

    def order(which: AwsRole) -> GrantOrder:
        return GrantOrder(
            person_id=ben.pk, role_id=which.pk, ends_at=datetime.now(UTC) + DAY, reason="the same"
        )

    with pytest.raises(InvalidError, match="role that is enabled"):
        make_grant(order=order(made), aws=aws.ports(), actor=SHELL)
    assert make_grant(order=order(role), aws=aws.ports(), actor=SHELL).role == role


def test_one_role_serves_one_grant(make: Any) -> None:
    row = row_of(make())
    other = make()
    with pytest.raises(IntegrityError), transaction.atomic():
        PartnerRole.objects.filter(grant=other).update(role=row.role)


def test_nothing_is_issued_under_it(make: Any, admin: Any, mallory: Any, aws: FakeAws, actor_of: Any) -> None:
    grant = make()
    with pytest.raises(ForbiddenError, match=f"comes in from its own AWS account {THEIRS}"):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(admin))
    with pytest.raises(ForbiddenError, match="comes in from its own"):
        make_console_link(grant_id=grant.pk, destination=CONSOLE, aws=aws.ports(), actor=actor_of(admin))
    with pytest.raises(NotFoundError):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(mallory))
    assert not AwsSession.objects.exists()
    assert aws.count("assume_role") == 0


def test_its_partners_admin_is_told_too_and_another_partners_is_not(
    make: Any, theirs: Any, person: Any, aws: FakeAws, actor_of: Any
) -> None:
    grant = make()
    kim = person("Kim", partner=theirs.partner, is_partner_admin=True)
    lee = person("Lee", partner=theirs.partner)
    other = person("Oz", partner=add_partner("Other"), is_partner_admin=True)
    with pytest.raises(ForbiddenError, match="comes in from its own"):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(kim))
    for stranger in (lee, other):
        with pytest.raises(NotFoundError):
            issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(stranger))


def test_it_starts_and_ends_by_the_sweep(
    make: Any, ours: Any, theirs: Any, aws: FakeAws, move_time: Any
) -> None:
    grant = make(starts_at=datetime.now(UTC) + DAY, ends_at=datetime.now(UTC) + 2 * DAY)
    assert grant.state == "scheduled"
    prove(theirs, ours)
    work(aws)
    assert row_of(grant).state == "standing"
    move_time(grant.pk, DAY.total_seconds() + 1)
    activate_batch()
    assert Grant.objects.get().state == "active"
    move_time(grant.pk, DAY.total_seconds())
    expire_batch()
    assert row_of(grant).state == "closing"
    work(aws)
    assert row_of(grant).state == "gone"
    told = AuditEvent.objects.filter(grant_id=grant.pk)
    assert {event.partner_id for event in told} == {theirs.partner_id}


def test_only_who_may_grant_extends_and_by_the_same_rules(
    make: Any, theirs: Any, aws: FakeAws, person: Any, actor_of: Any
) -> None:
    grant = make()
    later = grant.ends_at + DAY

    def extend(ends_at: datetime = later, actor: Any = SHELL) -> Grant:
        return extend_grant(grant_id=grant.pk, ends_at=ends_at, reason="longer", aws=aws.ports(), actor=actor)

    with pytest.raises(NotFoundError):
        extend(actor=actor_of(person("Clerk", is_staff=True)))
    with pytest.raises(InvalidError, match="must be later than the old one"):
        extend(grant.ends_at)
    with pytest.raises(InvalidError, match="contract ends on"):
        extend(theirs.partner.contract_ends_at + DAY)
    aws.fail["check_role"] = LimitExceeded("The trust policy", "2,100 characters", "2,048")
    with pytest.raises(InvalidError, match="2,100"):
        extend()
    aws.fail.clear()
    assert row_of(grant).wanted == 1
    assert extend().ends_at == later
    assert row_of(grant).wanted == 2
    PartnerAccount.objects.filter(pk=theirs.pk).update(closed_at=database_now())
    with pytest.raises(InvalidError, match="was closed"):
        extend(later + DAY)
    revoke_grant(grant_id=grant.pk, reason="over", actor=SHELL)
    PartnerAccount.objects.filter(pk=theirs.pk).update(closed_at=None)
    with pytest.raises(ConflictError):
        extend(later + DAY)


def test_a_suspension_takes_the_roles_too(
    make: Any, theirs: Any, ours: Any, aws: FakeAws, make_grant: Any
) -> None:
    prove(theirs, ours)
    grants = [make() for _ in range(2)]
    work(aws)
    make_grant(Person.objects.admit(name="Pat", partner=theirs.partner))
    other = add_account(add_partner("Other"), "777788889999")
    neighbour = make(to=other)
    foreseen = preview_suspension(theirs.partner_id)
    assert len(foreseen.grants) == 3
    assert {row.grant_id for row in foreseen.roles} == {grant.pk for grant in grants}
    assert foreseen.sessions == []
    done = suspend_partner(partner_id=theirs.partner_id, reason="a leak", actor=SHELL)
    assert (done.grants, done.roles, done.revocations) == (3, 2, 0)
    prove(other, ours)
    work(aws)
    assert {row_of(grant).state for grant in grants} == {"gone"}
    assert row_of(neighbour).state == "standing"
    assert [name for _, name in aws.partners.roles] == [row_of(neighbour).role.name]
    assert preview_suspension(theirs.partner_id).roles == []

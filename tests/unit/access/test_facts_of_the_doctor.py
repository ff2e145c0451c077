"""What the doctor takes from what it is told and from the rows, where one thing could be taken for another."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from brokers.types import DeniedCall
from portal.access.doctor import DenyKind
from portal.access.models import Grant, PartnerRole
from portal.access.operations.doctor.diagnose import Diagnosis, DoctorOrder, diagnose
from portal.access.operations.partners.partner_facts import _kind
from portal.access.operations.partners.partner_role_spec import spec_of
from portal.catalog.models import AwsAccount
from portal.directory.models import PartnerAccount
from portal.kernel.actor import Actor
from tests.fakes import FakeAws
from tests.partners import account_grant, make_partner, partner_account
from tests.unit.access.test_diagnosing import ports

pytestmark = pytest.mark.django_db
COMMAND = Actor.command("tests")


@pytest.fixture
def theirs(db: None) -> PartnerAccount:
    return partner_account(make_partner("Acme"))


@pytest.fixture
def grant(theirs: PartnerAccount, aws: FakeAws) -> Grant:
    made = account_grant(theirs)
    AwsAccount.objects.update(provisioner_role_arn="arn:aws:iam::222222222222:role/provisioner")
    row = PartnerRole.objects.select_related("grant__partner_account__partner", "role__account").get()
    spec = spec_of(row, at=datetime.now(UTC))
    aws.partners.roles[spec.place.account_id, spec.name] = aws.partners._standing(spec, "AROAFAKE1")
    return made


def ask(grant: Grant, aws: FakeAws, call: DeniedCall | None = None, **told: Any) -> Diagnosis:
    assert grant.partner_account is not None
    sent = str(grant.partner_account.external_ids.get(accepted_until=None).value)
    known = {"role_arn": grant.role.arn, "external_id": sent}
    return diagnose(order=DoctorOrder(**{**known, **told}), aws=ports(aws, call), actor=COMMAND)


def verdicts(found: Diagnosis) -> Mapping[str, str]:
    return {step.name: step.verdict.value for step in found.steps}


@pytest.mark.parametrize("state", ["making", "closing", "gone"])
def test_aws_is_not_asked_of_a_role_that_should_not_stand(
    theirs: PartnerAccount, aws: FakeAws, state: str
) -> None:
    made = account_grant(theirs, state=state)
    assert verdicts(ask(made, aws))["drift"] == "unknown"
    assert aws.count("read_role") == 0


def test_aws_is_asked_of_one_that_stands(grant: Grant, aws: FakeAws) -> None:
    assert verdicts(ask(grant, aws))["drift"] == "ok"
    assert aws.count("read_role") == 1


@pytest.mark.parametrize(
    "told",
    [
        {"sends_tags": True},
        {"error_text": "$ aws sts assume-role --role-session-name x --tags Key=a,Value=b"},
        {"sends_source_identity": True},
        {"error_text": "$ aws sts assume-role --role-session-name x --source-identity me"},
    ],
)
def test_tags_and_a_source_identity_are_typed_or_pasted(
    grant: Grant, aws: FakeAws, told: dict[str, Any]
) -> None:
    assert ask(grant, aws, **told).stopped_by == "session"
    assert ask(grant, aws, error_text="$ aws sts assume-role --role-session-name x").stopped_by == ""


def test_only_of_iam_is_the_role_that_the_text_names_what_was_acted_on(grant: Grant, aws: FakeAws) -> None:
    inside = f"arn:aws:sts::222222222222:assumed-role/{grant.role.name}/theirs"
    text = f"$ aws s3 cp --profile {grant.role.name}\nUser: {inside} is not authorized to perform this"
    found = ask(grant, aws, DeniedCall("AccessDenied", inside, "s3:GetObject"), error_text=text)
    assert verdicts(found)["scope"] == "maybe", "nobody says on which object"
    found = ask(grant, aws, DeniedCall("AccessDenied", inside, "iam:GetRole"), error_text=text)
    assert found.stopped_by == "denies"


@pytest.mark.parametrize("is_open", [True, False])
def test_another_account_of_theirs_is_named_while_it_is_open(
    grant: Grant, theirs: PartnerAccount, aws: FakeAws, *, is_open: bool
) -> None:
    over = None if is_open else datetime.now(UTC)
    partner_account(theirs.partner, "777777777777", name="Sandbox", closed_at=over)
    found = ask(grant, aws, partner_account_number="777777777777")
    assert found.stopped_by == "account"
    assert ("Acme's account Sandbox" in found.sentence) == is_open


@pytest.mark.parametrize(
    ("actions", "condition", "kind"),
    [
        ("*", {"DateLessThan": {"aws:CurrentTime": "2026-05-06T18:00:00Z"}}, DenyKind.WINDOW),
        ("s3:*", {"DateLessThan": {"aws:CurrentTime": "2026-05-06T18:00:00Z"}}, DenyKind.SCOPE),
        ("sts:Assume*", {}, DenyKind.CHAINING),
        ("iam:*", {}, DenyKind.OWN_ROLE),
        (["iam:*", "s3:*"], {}, DenyKind.SCOPE),
        (["sts:*", "s3:*"], {}, DenyKind.SCOPE),
    ],
)
def test_which_deny_it_is(actions: object, condition: dict[str, Any], kind: DenyKind) -> None:
    assert _kind({"Effect": "Deny", "Action": actions, "Resource": "*", "Condition": condition}) == kind

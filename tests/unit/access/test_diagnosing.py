"""The doctor with rows and a fake AWS: what it gathers, whom it tells what, and what it writes down."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection

from brokers.ports import AwsPorts
from brokers.types import Decision, DeniedCall, PolicyFinding, ServiceAccess
from portal.access.doctor import Verdict
from portal.access.models import ExternalId, Grant, PartnerRole
from portal.access.operations.doctor import diagnose as diagnosing
from portal.access.operations.doctor.diagnose import Diagnosis, DoctorOrder, diagnose
from portal.access.operations.partners.partner_role_spec import spec_of
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsAccount
from portal.directory.models import Partner, PartnerAccount, Person
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.attempts import Limit
from portal.kernel.errors import ForbiddenError, InvalidError, NotFoundError, TooManyError
from tests.fakes import UNAVAILABLE, FakeAws
from tests.partners import account_grant, make_partner, make_partner_admin, partner_account
from tests.world import HOUR, as_actor, make_admin, make_person

pytestmark = pytest.mark.django_db
COMMAND = Actor.command("tests")
THEIRS = "333333333333"
CALLER = f"arn:aws:iam::{THEIRS}:user/ci"


@dataclass(frozen=True)
class ScriptedAnalyst:
    """Allows s3:GetObject on the shared bucket, as the grant's scope does; reads any error as `call`."""

    call: DeniedCall

    def lint(self, policy: Mapping[str, Any], *, partition: str, account_id: str) -> Sequence[PolicyFinding]:
        raise NotImplementedError

    def access(self, policy: Mapping[str, Any]) -> Sequence[ServiceAccess]:
        resources = tuple(each["Resource"][0] for each in policy["Statement"])
        return [ServiceAccess("s3", "Amazon S3", {"Read": ("GetObject",)}, resources)]

    def decide(
        self, policies: Sequence[Mapping[str, Any]], *, action: str, resource: str, context: Mapping[str, str]
    ) -> Decision:
        assert datetime.fromisoformat(context["aws:CurrentTime"])
        statements = [each for policy in policies for each in policy["Statement"]]
        if action == "sts:AssumeRole" and any(
            each["Sid"] == "SallyportChain" for each in statements if "Sid" in each
        ):
            return Decision.EXPLICIT_DENY
        own = any(each.get("Sid") == "SallyportOwn" for each in statements)
        if action.startswith("iam:") and own and ":role/sallyport/partners/" in resource:
            return Decision.EXPLICIT_DENY
        fits = action == "s3:GetObject" and resource.startswith("arn:aws:s3:::shared-reports/")
        return Decision.ALLOWED if fits else Decision.NOT_ALLOWED

    def read_error(self, text: str) -> DeniedCall:
        return self.call if text else DeniedCall()


def ports(aws: FakeAws, call: DeniedCall | None = None) -> AwsPorts:
    known = aws.ports()
    return replace(known, partners=replace(known.partners, analyst=ScriptedAnalyst(call or DeniedCall())))


@pytest.fixture
def acme() -> Partner:
    return make_partner("Acme")


@pytest.fixture
def theirs(acme: Partner) -> PartnerAccount:
    return partner_account(acme, THEIRS)


@pytest.fixture
def grant(theirs: PartnerAccount, aws: FakeAws) -> Grant:
    """A grant whose role stands in AWS as it should."""
    made = account_grant(theirs)
    AwsAccount.objects.update(provisioner_role_arn="arn:aws:iam::222222222222:role/provisioner")
    stand(made, aws)
    return made


def stand(grant: Grant, aws: FakeAws) -> None:
    row = PartnerRole.objects.select_related("grant__partner_account__partner", "role__account").get(
        grant=grant
    )
    spec = spec_of(row, at=datetime.now(UTC))
    aws.partners.roles[spec.place.account_id, spec.name] = aws.partners._standing(spec, "AROAFAKE1")


def order(grant: Grant, **told: Any) -> DoctorOrder:
    known = {"role_arn": grant.role.arn, "partner_account_number": THEIRS, "external_id": current(grant)}
    return DoctorOrder(**{**known, **told})


def current(grant: Grant) -> str:
    assert grant.partner_account is not None
    return str(grant.partner_account.external_ids.get(accepted_until=None).value)


def verdicts(found: Diagnosis) -> Mapping[str, str]:
    return {step.name: step.verdict.value for step in found.steps}


def test_nothing_stops_the_healthy_one(grant: Grant, aws: FakeAws) -> None:
    found = diagnose(order=order(grant), aws=ports(aws), actor=COMMAND)
    assert (found.stopped_by, found.sentence, found.grant) == ("", "Nothing here stops it.", grant)
    assert set(verdicts(found).values()) == {"ok", "unknown"}
    assert aws.count("read_role") == 1


def test_aws_is_asked_with_no_transaction_open(grant: Grant, aws: FakeAws, django_db_blocker: object) -> None:
    outer = len(connection.savepoint_ids)
    seen: list[int] = []
    aws.before["read_role"] = lambda: seen.append(len(connection.savepoint_ids))
    diagnose(order=order(grant), aws=ports(aws), actor=COMMAND)
    assert seen == [outer]


def test_what_stopped_it_is_told_and_written_down(grant: Grant, aws: FakeAws) -> None:
    admin = make_admin("view_grant")
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # AWS's own example
    text = (
        f"aws sts assume-role --role-arn {grant.role.arn} --external-id {uuid.uuid4()}\n"
        f"aws_secret_access_key = {secret}\nAccess denied " + "no " * 400
    )
    told = order(grant, external_id="", error_text=text)
    found = diagnose(order=told, aws=ports(aws), actor=as_actor(admin))
    assert found.stopped_by == "external_id"
    event = AuditEvent.objects.get(type="access.doctor.asked")
    assert grant.partner_account is not None
    assert (event.actor_id, event.grant_id, event.role_id) == (admin.pk, grant.pk, grant.role_id)
    assert event.partner_id == grant.partner_account.partner_id
    assert event.details["stopped_by"] == "external_id"
    assert event.details["verdicts"]["external_id"] == "stopped"
    assert len(event.details["error"]) == 300
    assert "[id]" in event.details["error"]
    assert secret not in str(event.details)


@pytest.mark.parametrize("field", ["role_arn", "principal_arn", "action"])
def test_what_is_pasted_into_the_wrong_field_is_kept_no_more_than_from_the_error(
    grant: Grant, aws: FakeAws, field: str
) -> None:
    secret, external_id = "wJalrXUtnFEMI7K7MDENG7bPxRfiCYEXAMPLEKEY", current(grant)
    told = {"error_text": grant.role.arn, field: f"{secret} {external_id}"}
    diagnose(order=order(grant, **told), aws=ports(aws), actor=COMMAND)
    event = AuditEvent.objects.get(type="access.doctor.asked")
    assert secret not in str(event.details)
    assert external_id not in str(event.details)
    assert "[masked] [id]" in str(event.details)
    assert event.details["error"] == grant.role.arn


@pytest.mark.parametrize("failure", ["read_role"])
def test_a_silent_aws_leaves_its_step_unknown(grant: Grant, aws: FakeAws, failure: str) -> None:
    aws.fail[failure] = UNAVAILABLE
    found = diagnose(
        order=order(grant, external_id="", sends_external_id=False), aws=ports(aws), actor=COMMAND
    )
    assert verdicts(found)["drift"] == Verdict.UNKNOWN
    assert found.stopped_by == "external_id"


def test_a_role_that_somebody_took_away_is_seen(grant: Grant, aws: FakeAws) -> None:
    aws.partners.roles.clear()
    assert diagnose(order=order(grant), aws=ports(aws), actor=COMMAND).stopped_by == "role"


def test_drift_is_seen(grant: Grant, aws: FakeAws) -> None:
    [(key, role)] = aws.partners.roles.items()
    aws.partners.roles[key] = replace(role, tags={})
    found = diagnose(order=order(grant), aws=ports(aws), actor=COMMAND)
    assert verdicts(found)["drift"] == Verdict.MAYBE


def test_a_role_that_is_being_changed_is_no_drift(grant: Grant, aws: FakeAws) -> None:
    aws.partners.roles.clear()
    PartnerRole.objects.update(wanted=2, written=1)
    found = diagnose(order=order(grant), aws=ports(aws), actor=COMMAND)
    assert verdicts(found)["role"] == Verdict.OK
    assert verdicts(found)["drift"] == Verdict.UNKNOWN
    assert aws.count("read_role") == 0


def test_the_error_alone_names_the_role_the_caller_and_the_account(grant: Grant, aws: FakeAws) -> None:
    call = DeniedCall("AccessDenied", "arn:aws:iam::777777777777:user/x", "sts:AssumeRole", grant.role.arn)
    found = diagnose(order=DoctorOrder(error_text="not authorized"), aws=ports(aws, call), actor=COMMAND)
    assert (found.stopped_by, found.grant) == ("account", grant)
    assert "777777777777" in found.sentence


def test_the_role_is_found_by_what_its_session_was_refused(grant: Grant, aws: FakeAws) -> None:
    inside = f"arn:aws:sts::222222222222:assumed-role/{grant.role.name}/theirs"
    refused = {
        "s3:GetObject": ("arn:aws:s3:::other/x", "scope", "not on arn:aws:s3:::other/x"),
        "s3:PutObject": (
            "arn:aws:s3:::shared-reports/x",
            "scope",
            "doesn't have s3:PutObject. It allows: Amazon S3",
        ),
        "sts:AssumeRole": ("arn:aws:iam::222222222222:role/Admin", "denies", "go on to a further role"),
    }
    for action, (resource, name, words) in refused.items():
        call = DeniedCall("AccessDenied", inside, action, resource)
        found = diagnose(order=DoctorOrder(error_text="not authorized"), aws=ports(aws, call), actor=COMMAND)
        assert (found.stopped_by, found.grant) == (name, grant)
        assert words in found.sentence


@pytest.mark.parametrize(("is_own", "step"), [(True, "denies"), (False, "scope")])
def test_iam_names_the_own_role_by_its_name_alone(
    grant: Grant, aws: FakeAws, step: str, *, is_own: bool
) -> None:
    inside = f"arn:aws:sts::222222222222:assumed-role/{grant.role.name}/theirs"
    named = grant.role.name if is_own else "another-role"
    text = f"User: {inside} is not authorized to perform: iam:PutRolePolicy on resource: role {named}"
    call = DeniedCall("AccessDenied", inside, "iam:PutRolePolicy")
    found = diagnose(order=DoctorOrder(error_text=text), aws=ports(aws, call), actor=COMMAND)
    assert (found.stopped_by, found.grant) == (step, grant)


def test_an_arn_without_its_path_is_found_all_the_same(grant: Grant, aws: FakeAws) -> None:
    told = order(grant, role_arn=f"arn:aws:iam::222222222222:role/{grant.role.name}")
    found = diagnose(order=told, aws=ports(aws), actor=COMMAND)
    assert (found.stopped_by, found.grant) == ("role_arn", grant)
    assert grant.role.arn in found.sentence


def test_another_moment_is_judged_by_what_stood_then(grant: Grant, aws: FakeAws) -> None:
    before = diagnose(order=order(grant, at=grant.starts_at - HOUR), aws=ports(aws), actor=COMMAND)
    after = diagnose(order=order(grant, at=grant.ends_at), aws=ports(aws), actor=COMMAND)
    within = diagnose(order=order(grant, at=grant.ends_at - HOUR), aws=ports(aws), actor=COMMAND)
    assert (before.stopped_by, after.stopped_by, within.stopped_by) == ("window", "window", "")


class TestExternalIds:
    def test_an_old_one_counts_in_its_window_and_not_after_it(self, grant: Grant, aws: FakeAws) -> None:
        now = datetime.now(UTC)
        assert grant.partner_account is not None
        old = ExternalId.objects.create(
            partner_account=grant.partner_account, made_at=now - HOUR, accepted_until=now + HOUR
        )
        stand(grant, aws)
        sent = order(grant, external_id=str(old.value))
        assert diagnose(order=sent, aws=ports(aws), actor=COMMAND).stopped_by == ""
        late = replace(sent, at=now + HOUR)
        assert diagnose(order=late, aws=ports(aws), actor=COMMAND).stopped_by == "external_id"

    def test_whose_anothers_is_an_admin_is_told_and_a_partner_is_not(
        self, grant: Grant, acme: Partner, aws: FakeAws
    ) -> None:
        beta = partner_account(make_partner("Beta"), "444444444444")
        sent = order(grant, external_id=str(beta.external_ids.get().value))
        told = diagnose(order=sent, aws=ports(aws), actor=as_actor(make_admin("view_grant")))
        theirs = diagnose(order=sent, aws=ports(aws), actor=as_actor(make_partner_admin(acme)))
        assert told.stopped_by == theirs.stopped_by == "external_id"
        assert "It is Beta, Production's" in told.sentence
        assert "Beta" not in str(theirs.steps)


class TestWhoMayAsk:
    def test_a_partners_admin_asks_of_their_own_company_alone(
        self, grant: Grant, acme: Partner, aws: FakeAws
    ) -> None:
        own, other = make_partner_admin(acme), make_partner_admin(make_partner("Beta"), "Bo Beta")
        assert diagnose(order=order(grant), aws=ports(aws), actor=as_actor(own)).grant == grant
        unknown = diagnose(order=order(grant), aws=ports(aws), actor=as_actor(other))
        assert (unknown.grant, unknown.stopped_by, len(unknown.steps)) == (None, "role_arn", 1)
        never = diagnose(
            order=order(grant, role_arn=f"{grant.role.arn}x"), aws=ports(aws), actor=as_actor(other)
        )
        assert never.steps[0].advice == unknown.steps[0].advice
        by_id = DoctorOrder(grant_id=grant.pk)
        assert diagnose(order=by_id, aws=ports(aws), actor=as_actor(own)).grant == grant
        with pytest.raises(NotFoundError):
            diagnose(order=by_id, aws=ports(aws), actor=as_actor(other))

    def test_a_partners_admin_is_not_told_of_our_side(
        self, grant: Grant, acme: Partner, aws: FakeAws
    ) -> None:
        own = as_actor(make_partner_admin(acme))
        aws.fail["read_role"] = UNAVAILABLE
        assert "fake:Call" not in str(diagnose(order=order(grant), aws=ports(aws), actor=own).steps)
        assert "fake:Call" in str(diagnose(order=order(grant), aws=ports(aws), actor=COMMAND).steps)
        PartnerRole.objects.update(
            state="making",
            made_at=None,
            written=0,
            due_at=grant.starts_at,
            last_error="iam:CreateRole by hub",
        )
        assert "CreateRole" not in str(diagnose(order=order(grant), aws=ports(aws), actor=own).steps)
        assert "CreateRole" in diagnose(order=order(grant), aws=ports(aws), actor=COMMAND).sentence

    @pytest.mark.parametrize("is_of_partner", [True, False])
    def test_others_may_not(self, grant: Grant, acme: Partner, aws: FakeAws, *, is_of_partner: bool) -> None:
        person = make_person("Cleo", partner=acme if is_of_partner else None)
        with pytest.raises(ForbiddenError):
            diagnose(order=order(grant), aws=ports(aws), actor=as_actor(person))
        with pytest.raises(NotFoundError):
            diagnose(order=DoctorOrder(grant_id=grant.pk), aws=ports(aws), actor=as_actor(person))
        assert not AuditEvent.objects.filter(type="access.doctor.asked").exists()
        assert aws.count("read_role") == 0


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"role_arn": " "}, "role_arn"),
        ({"partner_account_number": "12345"}, "partner_account_number"),
        ({"partner_account_number": "١٢٣٤٥٦٧٨٩٠١٢"}, "partner_account_number"),
        ({"at": datetime(2026, 5, 6, 12)}, "at"),  # noqa: DTZ001  # that is the point
        ({"duration_seconds": -1}, "duration_seconds"),
        ({"principal_arn": "x" * 2049}, "principal_arn"),
        ({"error_text": "x" * 20_001}, "error_text"),
    ],
)
def test_what_can_not_be_meant_is_refused(
    grant: Grant, aws: FakeAws, told: Mapping[str, Any], field: str
) -> None:
    with pytest.raises(InvalidError) as refusal:
        diagnose(order=order(grant, **told), aws=ports(aws), actor=COMMAND)
    assert refusal.value.field == field


def test_numbers_may_be_grouped(grant: Grant, aws: FakeAws) -> None:
    told = order(grant, partner_account_number="3333-3333-3333")
    assert diagnose(order=told, aws=ports(aws), actor=COMMAND).stopped_by == ""


def test_a_partner_that_is_suspended_hears_that_and_not_what_followed(
    grant: Grant, acme: Partner, aws: FakeAws
) -> None:
    now = datetime.now(UTC)
    Partner.objects.filter(pk=acme.pk).update(suspended_at=now - timedelta(minutes=5))
    Grant.objects.filter(pk=grant.pk).update(state="suspended", ended_at=now - timedelta(minutes=5))
    PartnerRole.objects.update(state="closing", closing_at=now - timedelta(minutes=5), due_at=now)
    found = diagnose(order=order(grant), aws=ports(aws), actor=COMMAND)
    assert found.stopped_by == "partner"
    assert verdicts(found)["role"] == Verdict.STOPPED


def test_the_role_that_was_typed_counts_before_those_that_the_error_names(
    grant: Grant, theirs: PartnerAccount, aws: FakeAws
) -> None:
    other = account_grant(theirs)
    inside = f"arn:aws:sts::222222222222:assumed-role/{other.role.name}/theirs"
    call = DeniedCall("AccessDenied", inside, "sts:AssumeRole", grant.role.arn)

    def found(role_arn: str) -> Grant | None:
        asked = DoctorOrder(role_arn=role_arn, error_text="not authorized")
        return diagnose(order=asked, aws=ports(aws, call), actor=COMMAND).grant

    assert found(other.role.arn) == other
    assert found("") == grant, "of an error, what was asked for comes before who asked"


def test_of_a_grant_its_own_role_is_meant_and_another_ones_arn_is_what_stopped_them(
    grant: Grant, theirs: PartnerAccount, aws: FakeAws
) -> None:
    other = account_grant(theirs)
    found = diagnose(
        order=order(grant, grant_id=grant.pk, role_arn=other.role.arn), aws=ports(aws), actor=COMMAND
    )
    assert (found.grant, found.stopped_by) == (grant, "role_arn")
    found = diagnose(order=order(grant, grant_id=grant.pk), aws=ports(aws), actor=COMMAND)
    assert (found.grant, found.stopped_by) == (grant, "")


@pytest.mark.parametrize("right", ["view_grant", "revoke_grant", "make_grant"])
def test_whoever_sees_or_decides_about_grants_may_ask_of_all(grant: Grant, aws: FakeAws, right: str) -> None:
    clerk = make_person("Clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_partner"))
    order = DoctorOrder(role_arn=grant.role.arn)
    with pytest.raises(ForbiddenError):
        diagnose(order=order, aws=ports(aws), actor=as_actor(clerk))
    clerk.user_permissions.add(Permission.objects.get(codename=right, content_type__app_label="access"))
    clerk = Person.objects.get(pk=clerk.pk)
    assert diagnose(order=order, aws=ports(aws), actor=as_actor(clerk)).grant == grant


def test_who_is_nobody_here_hears_of_no_grant(grant: Grant, aws: FakeAws) -> None:
    nobody = Actor(ActorKind.NOBODY, "nobody")
    with pytest.raises(NotFoundError, match="no such grant"):
        diagnose(order=DoctorOrder(grant_id=grant.pk), aws=ports(aws), actor=nobody)
    assert diagnose(order=DoctorOrder(grant_id=grant.pk), aws=ports(aws), actor=COMMAND).grant == grant


def test_a_persons_grant_is_walked_by_the_doors_of_issuing(ben: Person, aws: FakeAws) -> None:
    from tests.world import make_grant, make_role  # noqa: PLC0415  # for this test alone

    own = make_grant(ben, make_role(is_enabled=False))
    found = diagnose(order=DoctorOrder(grant_id=own.pk), aws=ports(aws), actor=as_actor(ben))
    assert (found.stopped_by, found.grant) == ("switched_on", own)


def test_so_many_questions_and_no_more_of_one_person(
    grant: Grant, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each costs reads of IAM: one person's flood is not everybody's."""
    monkeypatch.setattr(diagnosing, "QUESTIONS", Limit("doctor.questions", 2, timedelta(minutes=10)))
    ada, ben = (as_actor(make_admin("view_grant", name=name)) for name in ("Ada", "Ben"))
    for _ in range(2):
        diagnose(order=order(grant), aws=ports(aws), actor=ada)
    with pytest.raises(TooManyError):
        diagnose(order=order(grant), aws=ports(aws), actor=ada)
    assert diagnose(order=order(grant), aws=ports(aws), actor=ben).stopped_by == ""

"""Partners through the API: what a script reads and does. Who may, says test_partners_matrix.py."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from portal.access.lifecycle import PartnerRoleState
from portal.access.models import ExternalId, Grant, PartnerRole
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.partners.partner_accounts import close_partner_account
from portal.access.operations.partners.suspend_partner import suspend_partner
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsAccount, ScopeTemplate
from portal.directory.models import Partner, PartnerAccount
from portal.kernel.actor import Actor
from tests.fakes import FakeAws
from tests.integration.api.calling import caller, problem, send
from tests.partners import account_grant, make_partner, make_partner_admin, partner_account
from tests.world import HOUR, add_session, make_admin, make_grant, make_person

pytestmark = pytest.mark.django_db
ADMIN = ("view_partner", "add_partner", "change_partner", "make_grant", "view_grant")


@pytest.fixture
def acme() -> Partner:
    return make_partner("Acme")


@pytest.fixture
def account(acme: Partner) -> PartnerAccount:
    return partner_account(acme)


@pytest.fixture
def grant(account: PartnerAccount) -> Grant:
    made = account_grant(account)
    AwsAccount.objects.update(provisioner_role_arn="arn:aws:iam::222222222222:role/provisioner")
    ScopeTemplate.objects.update(for_partners=True)
    return made


@pytest.fixture
def admin() -> Any:
    return caller(make_admin(*ADMIN))


def test_a_company_reads_itself_and_no_other(acme: Partner, admin: Any) -> None:
    make_partner("Beta")
    theirs = caller(make_partner_admin(acme))
    assert [each["name"] for each in send(admin, "get", "/api/v1/partners").json()["results"]] == [
        "Acme",
        "Beta",
    ]
    [own] = send(theirs, "get", "/api/v1/partners").json()["results"]
    assert (own["name"], own["slug"], own["id"]) == ("Acme", "acme", str(acme.pk))
    assert "notes" not in own


def test_accounts_show_the_external_ids_that_are_accepted(account: PartnerAccount) -> None:
    now = datetime.now(UTC)
    for until in (now + HOUR, now - HOUR / 2):
        ExternalId.objects.create(partner_account=account, made_at=now - HOUR, accepted_until=until)
    address = reverse("api:partner-accounts", args=[account.partner_id])
    [shown] = send(caller(make_partner_admin(account.partner)), "get", address).json()
    current = account.external_ids.get(accepted_until=None)
    assert shown["external_ids"][0] | {"made_at": ""} == {
        "value": str(current.value),
        "made_at": "",
        "accepted_until": None,
    }
    assert len(shown["external_ids"]) == 2


def test_a_companys_grants_are_its_own_whoever_reads_them(grant: Grant, acme: Partner, admin: Any) -> None:
    beta = make_partner("Beta")
    other = account_grant(partner_account(beta, "777777777777"))
    make_grant(make_person("Pat", partner=acme))
    readers = {acme: (admin, caller(make_partner_admin(acme))), beta: (admin,)}
    for partner, own in ((acme, grant), (beta, other)):
        address = reverse("api:partner-grants", args=[partner.pk])
        for reader in readers[partner]:
            shown = send(reader, "get", address).json()["results"]
            assert [each["id"] for each in shown] == [str(own.pk)]
    theirs = readers[acme][1]
    problem(send(theirs, "get", reverse("api:partner-grants", args=[beta.pk])), 404, "not_found")


def test_a_companys_admin_has_what_a_client_needs_and_not_why_we_fail(grant: Grant, admin: Any) -> None:
    PartnerRole.objects.update(
        state=PartnerRoleState.MAKING.value,
        made_at=None,
        written=0,
        due_at=grant.made_at,
        last_error="iam:CreateRole by arn:aws:iam::111111111111:user/hub",
    )
    assert grant.partner_account is not None
    address = reverse("api:partner-grants", args=[grant.partner_account.partner_id])
    theirs = caller(make_partner_admin(grant.partner_account.partner))
    [shown] = send(theirs, "get", address).json()["results"]
    assert shown["role"]["arn"] == grant.role.arn
    assert shown["partner_account_number"] == grant.partner_account.account_id
    assert shown["role"]["last_error"] == ""
    [seen] = send(admin, "get", address).json()["results"]
    assert seen["role"]["last_error"].startswith("iam:CreateRole")
    assert shown["role"]["next_try_at"] == seen["role"]["next_try_at"] is not None
    PartnerRole.objects.update(last_error="")
    [fine] = send(admin, "get", address).json()["results"]
    assert fine["role"]["next_try_at"] is None


def test_a_partner_is_made_with_its_account_and_granted_to(admin: Any, grant: Grant, aws: FakeAws) -> None:
    now = datetime.now(UTC)
    made = send(
        admin,
        "post",
        "/api/v1/partners",
        {
            "name": "Beta & Söhne",
            "sponsor": str(make_person("Sam Sponsor").pk),
            "contract_starts_at": now.isoformat(),
            "contract_ends_at": (now + timedelta(days=30)).isoformat(),
            "account": {"name": "Production", "account_id": "444444444444"},
        },
    )
    assert made.status_code == 201, made.content
    partner = Partner.objects.get(pk=made.json()["id"])
    order = {
        "partner_account": str(partner.aws_accounts.get().pk),
        "account": str(grant.role.account_id),
        "scope_template": str(grant.scope_template_id),
        "ends_at": (now + timedelta(days=14)).isoformat(),
        "reason": "A joint project",
    }
    preview = send(admin, "post", "/api/v1/partner-grants/preview", order)
    assert preview.status_code == 200, preview.content
    assert preview.json()["trust"]["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::444444444444:root"}
    assert preview.json()["sizes"]["trust_limit"] == 2048
    assert not Grant.objects.filter(partner_account__partner=partner).exists()
    granted = send(admin, "post", "/api/v1/partner-grants", order).json()
    assert granted["role"]["state"] == "making"
    assert granted["role"]["arn"].startswith(
        f"arn:aws:iam::222222222222:role/sallyport/partners/{partner.slug}/"
    )
    own = order | {"id": str(uuid4())}
    twice = [send(admin, "post", "/api/v1/partner-grants", own).json()["id"] for _ in range(2)]
    assert twice == [own["id"], own["id"]]
    another = send(admin, "post", "/api/v1/partner-grants", own | {"reason": "Another"})
    problem(another, 409, "conflict")
    late = order | {"ends_at": (now + timedelta(days=31)).isoformat()}
    refused = problem(send(admin, "post", "/api/v1/partner-grants", late), 400, "invalid")
    assert refused["errors"][0]["field"] == "ends_at"
    assert aws.count("make_role") == 0


def test_a_rotation_shows_both(account: PartnerAccount, admin: Any) -> None:
    address = reverse("api:rotate-external-id", args=[account.pk])
    shown = send(admin, "post", address, {"reason": "as each year", "overlap_seconds": 3600}).json()
    current, old = shown["external_ids"]
    assert current["accepted_until"] is None
    assert old["accepted_until"] is not None
    problem(send(admin, "post", address, {"reason": "again", "overlap_seconds": -1}), 400, "invalid")


class TestSuspending:
    def test_a_dry_run_says_what_would_end_and_ends_nothing(
        self, grant: Grant, acme: Partner, admin: Any
    ) -> None:
        own = make_grant(make_person("Kim Reyes", partner=acme))
        add_session(own)
        address = reverse("api:suspend", args=[acme.pk])
        shown = send(admin, "post", address, {"dry_run": True}).json()
        would = shown["would_end"]
        assert {each["id"] for each in would["grants"]} == {str(grant.pk), str(own.pk)}
        assert [each["arn"] for each in would["roles"]] == [grant.role.arn]
        assert would["live_sessions"] == 1
        assert (shown["grants_ended"], shown["suspended_at"]) == (0, None)
        assert Grant.objects.filter(ended_at=None).count() == 2
        assert not AuditEvent.objects.filter(type="directory.partner.suspended").exists()
        done = send(admin, "post", address, {"reason": "the contract was broken"}).json()
        assert (done["grants_ended"], done["roles_closed"], done["would_end"]) == (2, 1, None)
        assert Grant.objects.filter(ended_at=None).count() == 0

    def test_a_reason_is_needed_but_for_a_dry_run(self, acme: Partner, admin: Any) -> None:
        address = reverse("api:suspend", args=[acme.pk])
        assert problem(send(admin, "post", address, {}), 400, "invalid")["errors"][0]["field"] == "reason"

    def test_who_may_not_suspend_learns_nothing_by_a_dry_run(self, grant: Grant, acme: Partner) -> None:
        address = reverse("api:suspend", args=[acme.pk])
        for person in (make_admin("view_partner"), make_partner_admin(acme)):
            problem(send(caller(person), "post", address, {"dry_run": True}), 404, "not_found")
        assert grant.ended_at is None


def test_the_doctor_says_what_stopped_it(grant: Grant, aws: FakeAws) -> None:
    del aws
    PartnerRole.objects.update(wanted=2)
    client = caller(make_admin("view_grant"))
    told = {"role_arn": grant.role.arn, "partner_account_number": "777777777777"}
    found = send(client, "post", "/api/v1/doctor", told).json()
    assert (found["stopped_by"], found["grant"]) == ("account", str(grant.pk))
    assert "777777777777" in found["sentence"]
    assert {"name", "verdict", "detail", "advice", "paste"} == set(found["steps"][0])
    assert (
        problem(send(client, "post", "/api/v1/doctor", {}), 400, "invalid")["errors"][0]["field"]
        == "role_arn"
    )


def test_scopes_say_what_they_must_be_told(grant: Grant, admin: Any) -> None:
    template = grant.scope_template
    assert template is not None
    ScopeTemplate.objects.filter(pk=template.pk).update(parameters={"bucket": "bucket_name"})
    shown = {each["id"]: each for each in send(admin, "get", "/api/v1/scopes").json()}
    assert shown[str(template.pk)]["parameters"][0]["name"] == "bucket"
    ScopeTemplate.objects.update(for_partners=False)
    assert send(admin, "get", "/api/v1/scopes").json() == []


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(("how", "is_told"), [("suspend", False), ("close", False), ("revoke", True)])
def test_why_a_company_was_suspended_its_own_admins_are_not_told(
    grant: Grant, account: PartnerAccount, admin: Any, how: str, is_told: bool
) -> None:
    """As in its trail: the form asks for a reason that the audit trail keeps, and not for one that they read."""
    acme, shell = account.partner, Actor.command("test")
    if how == "suspend":
        suspend_partner(partner_id=acme.pk, reason="looks like fraud", actor=shell)
    elif how == "close":
        close_partner_account(partner_account_id=account.pk, reason="looks like fraud", actor=shell)
    else:
        revoke_grant(grant_id=grant.pk, reason="looks like fraud", actor=shell)
    theirs, grants = caller(make_partner_admin(acme)), f"/api/v1/partners/{acme.pk}/grants"
    asked = {"role_arn": grant.role.arn}
    for method, path, body in (("get", grants, None), ("post", "/api/v1/doctor", asked)):
        told = send(admin, method, path, body) if body else send(admin, method, path)
        assert "looks like fraud" in told.content.decode(), path
        told = send(theirs, method, path, body) if body else send(theirs, method, path)
        assert told.status_code == 200
        assert ("looks like fraud" in told.content.decode()) == is_told, path


class TestLinting:
    def test_what_is_wrong_is_told(self, grant: Grant, admin: Any) -> None:
        def lint(action: str) -> Any:
            statement = {
                "Effect": "Allow",
                "Action": ["s3:GetObject", action],
                "Resource": "arn:aws:s3:::a/*",
            }
            policy = {"Version": "2012-10-17", "Statement": [statement]}
            order = {"account": str(grant.role.account_id), "policy": policy}
            return send(admin, "post", "/api/v1/scopes/lint", order).json()

        wrong, right = lint("s3:GetThing"), lint("s3:GetObjectTagging")
        assert [(each["severity"], each["code"]) for each in wrong["findings"]] == [
            ("warning", "unknown-action")
        ]
        assert right["findings"] == []
        assert right["access"][0]["service"] == "s3"

    def test_either_a_policy_or_a_scope(self, grant: Grant, admin: Any, aws: FakeAws) -> None:
        del aws
        account, template = str(grant.role.account_id), str(grant.scope_template_id)
        for order in ({}, {"policy": grant.scope_policy, "scope_template": template}):
            told = send(admin, "post", "/api/v1/scopes/lint", {"account": account, **order})
            assert problem(told, 400, "invalid")["errors"][0]["field"] == "policy"
        good = {"account": account, "scope_template": template}
        assert send(admin, "post", "/api/v1/scopes/lint", good).status_code == 200
        more = good | {"scope_parameters": {"nonsense": "x"}}
        wrong = problem(send(admin, "post", "/api/v1/scopes/lint", more), 400, "invalid")
        assert wrong["errors"][0]["field"] == "scope_parameters"
        for field in ("account", "scope_template"):
            nowhere = send(admin, "post", "/api/v1/scopes/lint", good | {field: str(uuid4())})
            assert problem(nowhere, 400, "invalid")["errors"][0]["field"] == field


def test_lists_cost_the_same_however_long(
    acme: Partner, account: PartnerAccount, admin: Any, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        account_grant(account)
    for number in range(5):
        partner_account(acme, f"{number:012d}", name=f"More {number}")
    for name in ("partner-grants", "partner-accounts"):
        with django_assert_max_num_queries(12):
            send(admin, "get", reverse(f"api:{name}", args=[acme.pk]))

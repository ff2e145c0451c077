"""Granting in the admin: an own form, the one operation, refusals at their fields, times in the admin's own zone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from portal.access.models import Grant
from portal.catalog.models import AwsRole, ScopeTemplate
from portal.directory.models import Partner, Person
from tests.integration.staff.pages import errors_of, said, trail
from tests.world import make_admin, make_role, signed_in

pytestmark = pytest.mark.django_db
ADD = "/manage/access/grant/add/"
HOURS = {"window_opens": "08:00", "window_closes": "18:00", "window_zone": "Europe/Berlin"}
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::{{bucket}}/*"}],
}


@pytest.fixture
def granter(db: None) -> Person:
    return make_admin("make_grant", "view_person", "view_awsrole")


@pytest.fixture
def client(granter: Person) -> Client:
    return signed_in(granter)


@pytest.fixture
def scope(role: AwsRole) -> ScopeTemplate:
    template = ScopeTemplate.objects.create(
        name="One bucket", summary="Read {{bucket}}", policy=POLICY, parameters={"bucket": "bucket_name"}
    )
    template.roles.add(role)
    return template


def form(person: Person, role: AwsRole, **more: str) -> dict[str, Any]:
    return {"person": str(person.pk), "role": str(role.pk), "duration": "3600", "reason": "on call", **more}


def test_a_grant_of_an_hour_from_now(client: Client, granter: Person, ben: Person, role: AwsRole) -> None:
    before = datetime.now(UTC)
    answer = client.post(ADD, form(ben, role, ticket="OPS-7"))
    grant = Grant.objects.get()
    assert answer["Location"] == reverse("admin:access_grant_change", args=[grant.pk])
    assert (grant.person, grant.role, grant.state, grant.granted_by) == (ben, role, "active", granter)
    assert (grant.reason, grant.ticket) == ("on call", "OPS-7")
    assert timedelta(minutes=59) < grant.ends_at - before < timedelta(minutes=61)
    event = trail("access.grant.made")[0]
    assert (event.actor_id, event.grant_id) == (granter.pk, grant.pk)
    assert "Granted: Ben Lindqvist" in said(client.get(answer["Location"]))


def test_times_are_the_admins_own(client: Client, granter: Person, ben: Person, role: AwsRole) -> None:
    Person.objects.filter(pk=granter.pk).update(time_zone="Asia/Tokyo")
    page = client.get(ADD).content.decode()
    assert "Asia/Tokyo (UTC+0900)" in page
    day = (datetime.now(ZoneInfo("Asia/Tokyo")) + timedelta(days=3)).date()
    times = {"starts_at_0": str(day), "starts_at_1": "09:00", "ends_at_0": str(day), "ends_at_1": "17:30"}
    client.post(ADD, form(ben, role, duration="", **times))
    grant = Grant.objects.get()
    assert f"{grant.starts_at:%Y-%m-%d %H:%M}" == f"{day} 00:00"
    assert f"{grant.ends_at:%H:%M}" == "08:30"
    assert grant.state == "scheduled"
    shown = client.get(reverse("admin:access_grant_change", args=[grant.pk])).content.decode()
    assert f"{day} 09:00:00 JST" in shown


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"person": ""}, "person"),
        ({"role": "nonsense"}, "role"),
        ({"reason": " "}, "reason"),
        ({"duration": ""}, "ends_at"),
        ({"duration": "60"}, "duration"),
        ({"ends_at_0": "2030-01-01", "ends_at_1": "10:00"}, "duration"),
        ({"duration": "", "ends_at_0": "2020-01-01", "ends_at_1": "10:00"}, "ends_at"),
        ({"starts_at_0": "2020-01-01", "starts_at_1": "10:00"}, "starts_at"),
        ({"starts_at_0": "soon", "starts_at_1": "10:00"}, "starts_at"),
        ({"ticket": "x" * 81}, "ticket"),
        ({"scope_template": "nonsense"}, "scope_template"),
        ({"accepts_no_kill_switch": "on"}, "accepts_no_kill_switch"),
        ({"window_days": "1", "window_closes": "18:00", "window_zone": "UTC"}, "window_opens"),
        ({"window_days": "8", **HOURS}, "window_days"),
        ({"window_days": "1", **HOURS, "window_zone": "Mars/Olympus"}, "window_zone"),
        ({"window_days": "1", **HOURS, "window_closes": "08:00"}, "window_closes"),
        ({"window_opens": "08:00"}, "window_days"),
    ],
)
def test_a_refusal_stands_at_its_field_and_keeps_what_was_typed(
    client: Client, ben: Person, role: AwsRole, changed: dict[str, str], field: str
) -> None:
    answer = client.post(ADD, {**form(ben, role), "reason": "typed by hand", **changed})
    assert set(errors_of(answer)) == {field}
    page = answer.content.decode()
    assert "Nothing was granted yet" in page
    assert "typed by hand" in page or "reason" in changed
    assert not Grant.objects.exists()


def test_hours_of_the_week_by_the_clocks_of_a_zone(
    client: Client, granter: Person, ben: Person, role: AwsRole
) -> None:
    Person.objects.filter(pk=granter.pk).update(time_zone="Asia/Tokyo")
    page = client.get(ADD).content.decode()
    assert 'value="Asia/Tokyo"' in page
    assert '<option value="Europe/Berlin"></option>' in page
    sent = {**form(ben, role, duration="1209600", **HOURS), "window_days": ["1", "2", "5"]}
    assert errors_of(client.post(ADD, sent)) == {}
    grant = Grant.objects.get()
    assert grant.window is not None
    assert grant.window.describe() == "Mon, Tue, Fri 08:00-18:00 Europe/Berlin"
    shown = client.get(reverse("admin:access_grant_change", args=[grant.pk])).content.decode()
    assert "Mon, Tue, Fri 08:00-18:00 Europe/Berlin" in shown
    # The zone stands there for whoever wants one: alone it asks for nothing.
    assert errors_of(client.post(ADD, form(ben, role, window_zone="Asia/Tokyo"))) == {}
    assert Grant.objects.filter(window_days="").count() == 1


def test_no_kill_switch_is_accepted_on_each_grant(client: Client, ben: Person) -> None:
    role = make_role(is_writable=False)
    refused = client.post(ADD, form(ben, role))
    assert "could not be cut off" in errors_of(refused)["accepts_no_kill_switch"][0]
    assert not Grant.objects.exists()
    assert errors_of(client.post(ADD, form(ben, role, accepts_no_kill_switch="on"))) == {}
    assert Grant.objects.get().accepted_no_kill_switch


def test_nobody_grants_to_themselves(client: Client, granter: Person, ben: Person, role: AwsRole) -> None:
    assert "themselves" in str(errors_of(client.post(ADD, form(granter, role))))
    assert not Grant.objects.exists()
    assert errors_of(client.post(ADD, form(ben, role))) == {}


def test_only_the_active_and_the_enabled(client: Client, ben: Person, role: AwsRole) -> None:
    off = make_role("Old", is_enabled=False)
    assert set(errors_of(client.post(ADD, form(ben, off)))) == {"role"}
    Person.objects.filter(pk=ben.pk).update(is_active=False, deactivated_at=datetime.now(UTC))
    assert set(errors_of(client.post(ADD, form(ben, role)))) == {"person"}


def test_a_partners_contract_bounds_its_people(client: Client, ben: Person, role: AwsRole) -> None:
    now = datetime.now(UTC)
    ben.partner = Partner.objects.create(
        name="Hull", contract_starts_at=now - timedelta(days=1), contract_ends_at=now + timedelta(hours=3)
    )
    ben.save()
    assert "contract ends" in errors_of(client.post(ADD, form(ben, role, duration="14400")))["ends_at"][0]
    assert errors_of(client.post(ADD, form(ben, role))) == {}


def test_a_scopes_parameters_are_asked_by_name(
    client: Client, ben: Person, role: AwsRole, scope: ScopeTemplate
) -> None:
    asked = client.post(ADD, form(ben, role, scope_template=str(scope.pk)))
    assert errors_of(asked)["parameter_bucket"][0].startswith("The scope needs this. An S3 bucket name")
    for bad in ("*", "a b", "UPPER", 'x"}', "${aws:username}"):
        answer = client.post(ADD, form(ben, role, scope_template=str(scope.pk), parameter_bucket=bad))
        assert set(errors_of(answer)) == {"parameter_bucket"}, bad
    client.post(ADD, form(ben, role, scope_template=str(scope.pk), parameter_bucket="hull-reports"))
    grant = Grant.objects.get()
    assert (grant.scope_summary, grant.scope_parameters) == ("Read hull-reports", {"bucket": "hull-reports"})


def test_a_scope_of_another_role_is_refused(
    client: Client, ben: Person, scope: ScopeTemplate, role: AwsRole
) -> None:
    other = make_role("Another", name="Another")
    sent = {"scope_template": str(scope.pk), "parameter_bucket": "hull-reports"}
    assert set(errors_of(client.post(ADD, form(ben, other, **sent)))) == {"scope_template"}
    assert errors_of(client.post(ADD, form(ben, role, **sent))) == {}


def test_the_links_of_other_pages_fill_it_in(client: Client, ben: Person, role: AwsRole) -> None:
    page = client.get(ADD, {"person": str(ben.pk), "role": str(role.pk)}).content.decode()
    assert f'<option value="{ben.pk}" selected>' in page
    assert f'<option value="{role.pk}" selected>' in page


def test_it_needs_the_permission(ben: Person, role: AwsRole) -> None:
    looker = signed_in(make_admin("view_grant", name="Lou Looker"))
    assert looker.get(ADD).status_code == 403
    assert looker.post(ADD, form(ben, role)).status_code == 403
    assert not Grant.objects.exists()


def test_the_lists_to_choose_from_leave_out_who_and_what_cannot_be_chosen(
    client: Client, ben: Person, role: AwsRole
) -> None:
    make_role("Old", is_enabled=False)
    asked = {"app_label": "access", "model_name": "grant", "term": ""}
    roles = client.get("/manage/autocomplete/", {**asked, "field_name": "role"}).json()["results"]
    assert [row["id"] for row in roles] == [str(role.pk)]
    Person.objects.filter(pk=ben.pk).update(is_active=False, deactivated_at=datetime.now(UTC))
    people = client.get("/manage/autocomplete/", {**asked, "field_name": "person"}).json()["results"]
    assert str(ben.pk) not in [row["id"] for row in people]

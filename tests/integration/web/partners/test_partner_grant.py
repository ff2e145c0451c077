"""Granting a partner's account access: the form, its scope's fields, the preview, the grant; by whom, and when not."""

import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from brokers.types import PolicyFinding, Severity
from portal.access.models import Grant, PartnerRole
from portal.catalog.models import AwsAccount, ScopeTemplate
from portal.directory.models import Partner, PartnerAccount, Person
from tests.fakes import FakeAws
from tests.integration.web.partner_rows import (
    DAY,
    make_partner,
    make_partner_account,
    make_place,
    make_template,
    now,
)
from tests.world import make_admin, make_person, signed_in

pytestmark = pytest.mark.django_db
PATH = "/partners/acme/grant/"
BERLIN = ZoneInfo("Europe/Berlin")
SCRIPT = {"HX-Request": "true"}
BUCKET = "arn:{{aws_partition}}:s3:::{{bucket}}"
MORE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": BUCKET}]}


@pytest.fixture
def acme(db: None) -> Partner:
    return make_partner()


@pytest.fixture
def theirs(acme: Partner) -> PartnerAccount:
    return make_partner_account(acme)


@pytest.fixture
def ours(db: None) -> AwsAccount:
    return make_place()


@pytest.fixture
def template(db: None) -> ScopeTemplate:
    return make_template()


@pytest.fixture
def granter(db: None) -> Person:
    admin = make_admin("view_partner", "make_grant", name="Grace Warden")
    admin.time_zone = "Europe/Berlin"
    admin.save()
    return admin


@pytest.fixture
def client(granter: Person) -> Client:
    return signed_in(granter)


@pytest.fixture
def sent(theirs: PartnerAccount, ours: AwsAccount, template: ScopeTemplate) -> dict[str, str]:
    return {
        "act": "preview",
        "partner_account": str(theirs.pk),
        "account": str(ours.pk),
        "scope_template": str(template.pk),
        "param-bucket": "acme-reports",
        "ends_at": f"{datetime.now(BERLIN) + 14 * DAY:%Y-%m-%dT%H:%M}",
        "reason": "The joint project",
    }


def hidden(page: str) -> dict[str, str]:
    """What the preview carries on, as a browser would send it."""
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {name: value for name, value in fields if name != "csrfmiddlewaretoken"}


@pytest.mark.parametrize(
    ("rights", "status"),
    [
        ((), 404),
        (("make_grant",), 404),
        (("view_partner", "change_partner", "revoke_grant"), 403),
        (("view_partner", "make_grant"), 200),
    ],
)
def test_it_takes_both_rights(
    rights: tuple[str, ...], status: int, sent: dict[str, str], aws: FakeAws
) -> None:
    client = signed_in(make_admin(*rights))
    assert client.get(PATH).status_code == status
    assert client.post(PATH, sent).status_code == status
    made = client.post(PATH, {**sent, "act": "make"})
    assert made.status_code == (303 if status == 200 else status)
    assert Grant.objects.exists() is (status == 200)
    assert aws.calls == [] or status == 200


def test_its_own_people_find_nothing_there(acme: Partner, sent: dict[str, str]) -> None:
    guest = make_person("Noor Guest", partner=acme, is_partner_admin=True)
    client = signed_in(guest)
    assert client.get(PATH).status_code == client.post(PATH, {**sent, "act": "make"}).status_code == 404


def test_what_there_is_one_of_is_chosen_and_two_weeks_suggested(
    client: Client, theirs: PartnerAccount, ours: AwsAccount, template: ScopeTemplate
) -> None:
    form = client.get(PATH).context["form"]
    assert [len(form.fields[name].choices) for name in ("partner_account", "account")] == [1, 1]
    assert form.fields["scope_template"].choices[0][0] == ""
    assert abs(form.initial["ends_at"] - now() - 14 * DAY) < timedelta(minutes=2)
    make_partner_account(theirs.partner, "staging")
    make_place("Logs")
    form = client.get(PATH, {"account": str(theirs.pk)}).context["form"]
    assert [len(form.fields[name].choices) for name in ("partner_account", "account")] == [3, 3]
    assert form["partner_account"].value() == str(theirs.pk)
    Partner.objects.update(contract_ends_at=now() + 3 * DAY)
    form = client.get(PATH).context["form"]
    assert abs(form.initial["ends_at"] - now() - 3 * DAY) < timedelta(minutes=2)


def test_scopes_that_are_not_for_partners_and_unconnected_accounts_are_not_offered(
    client: Client, theirs: PartnerAccount, ours: AwsAccount, sent: dict[str, str]
) -> None:
    inside = make_template("For our own people", for_partners=False)
    unconnected = AwsAccount.objects.create(name="Unconnected", account_id="599999999999")
    page = client.get(PATH).content.decode()
    assert "For our own people" not in page
    assert "Unconnected" not in page
    for field, value in (("scope_template", inside.pk), ("account", unconnected.pk)):
        refused = client.post(PATH, {**sent, field: str(value), "act": "make"})
        assert refused.status_code == 400
        assert set(refused.context["form"].errors) == {field}
    foreign = make_partner_account(make_partner("Other"))
    refused = client.post(PATH, {**sent, "partner_account": str(foreign.pk), "act": "make"})
    assert set(refused.context["form"].errors) == {"partner_account"}
    assert not Grant.objects.exists()


def test_a_scopes_fields_come_by_script_and_without(client: Client, sent: dict[str, str]) -> None:
    asked = {**sent, "act": "fields", "reason": "typed by hand"}
    part = client.post(PATH, asked, headers=SCRIPT).content.decode()
    assert part.strip().startswith('<div id="scope-fields"')
    assert "in the bucket …" in part
    assert "{{" not in part
    assert 'name="param-bucket" value="acme-reports"' in part
    assert "typed by hand" not in part
    page = client.post(PATH, asked)
    assert page.status_code == 200
    whole = page.content.decode()
    assert 'name="param-bucket" value="acme-reports"' in whole
    assert "typed by hand" in whole
    assert sent["ends_at"] in whole
    assert "errorlist" not in whole
    assert not Grant.objects.exists()


def test_the_preview_says_it_in_words_and_writes_nothing(
    client: Client, sent: dict[str, str], theirs: PartnerAccount, ours: AwsAccount, aws: FakeAws
) -> None:
    aws.partners.findings.append(
        PolicyFinding(Severity.WARNING, "wide", "Statement 1", "It may be wide.", "Narrow it.")
    )
    answer = client.post(PATH, sent)
    assert answer.status_code == 200
    view = answer.context["view"]
    assert view.summary == "Read every object in the bucket acme-reports"
    assert view.whom.startswith("Everybody whom the admins of that account let")
    assert view.starts_now
    assert [(row.service, row.levels[0].level, row.levels[0].actions) for row in view.access] == [
        ("Amazon S3", "Read", "GetObject")
    ]
    assert [(row.badge.word, row.text) for row in view.findings] == [("Warning", "It may be wide.")]
    assert [size.words.partition(" of ")[2] for size in view.sizes] == [
        "2,048 characters",
        "10,240 characters",
    ]
    page = answer.content.decode()
    assert f"arn:aws:iam::{theirs.account_id}:root" in page
    assert ours.name in page
    assert not Grant.objects.exists()
    assert not PartnerRole.objects.exists()
    assert [call for call, _ in aws.calls if call != "check_role"] == []


def test_what_the_preview_carries_makes_the_grant(
    client: Client, sent: dict[str, str], granter: Person
) -> None:
    arn = f"arn:aws:iam::{PartnerAccount.objects.get().account_id}:role/importer"
    more = {"principal_arn": arn, "ticket": "OPS-1", "max_session_seconds": "7200"}
    carried = hidden(client.post(PATH, {**sent, **more}).content.decode())
    assert "act" not in carried
    made = client.post(PATH, {**carried, "act": "make"}, follow=True)
    grant = Grant.objects.get()
    assert made.redirect_chain == [(f"/grants/{grant.pk}/", 303)]
    assert (grant.granted_by, grant.reason, grant.ticket, grant.state) == (
        granter,
        "The joint project",
        "OPS-1",
        "active",
    )
    assert f"{grant.ends_at.astimezone(BERLIN):%Y-%m-%dT%H:%M}" == sent["ends_at"]
    role = PartnerRole.objects.get()
    assert (role.principal_arn, role.state, role.role.max_session_seconds) == (arn, "making", 7200)


@pytest.mark.parametrize(
    ("change", "is_made"),
    [
        ({"policy": MORE}, False),
        ({"summary": "Look at {{bucket}}"}, False),
        ({"managed_policy_arns": ["arn:{{aws_partition}}:iam::aws:policy/ReadOnlyAccess"]}, False),
        ({"name": "Another name"}, True),
    ],
)
def test_what_was_looked_at_is_made_or_nothing(
    client: Client, sent: dict[str, str], template: ScopeTemplate, change: dict[str, Any], is_made: bool
) -> None:
    """Somebody who may edit scopes, and grant nothing, edits one between the look and the click."""
    carried = hidden(client.post(PATH, sent).content.decode()) | {"act": "make"}
    ScopeTemplate.objects.filter(pk=template.pk).update(**change)
    made = client.post(PATH, carried)
    assert made.status_code == (303 if is_made else 400)
    assert Grant.objects.exists() == is_made
    if not is_made:
        assert "was changed since you looked" in made.content.decode()
        again = hidden(client.post(PATH, carried | {"act": "preview"}).content.decode())
        assert client.post(PATH, again | {"act": "make"}).status_code == 303


def test_a_double_click_makes_one_grant(client: Client, sent: dict[str, str]) -> None:
    carried = hidden(client.post(PATH, sent).content.decode()) | {"act": "make"}
    first, second = (client.post(PATH, carried) for _ in range(2))
    grant = Grant.objects.get()
    assert str(grant.pk) == carried["grant_id"]
    assert first.status_code == second.status_code == 303
    assert first["Location"] == second["Location"] == f"/grants/{grant.pk}/"
    # Another order from the same page, as by going back: refused, and never taken for the first one.
    assert client.post(PATH, {**carried, "reason": "Another"}).status_code == 409
    assert Grant.objects.count() == 1
    # A look of its own makes a grant of its own, though all else is the same.
    again = hidden(client.post(PATH, carried | {"act": "preview"}).content.decode())
    assert again["grant_id"] != carried["grant_id"]
    assert client.post(PATH, again | {"act": "make"}).status_code == 303
    assert Grant.objects.count() == 2
    assert client.post(PATH, {**again, "act": "make", "grant_id": "1; --"}).status_code == 400


def test_going_back_keeps_what_was_typed(client: Client, sent: dict[str, str]) -> None:
    carried = hidden(client.post(PATH, sent).content.decode())
    back = client.post(PATH, {**carried, "act": "change"})
    assert back.status_code == 200
    page = back.content.decode()
    for words in ("acme-reports", "The joint project", sent["ends_at"]):
        assert words in page
    assert f'<option value="{sent["scope_template"]}" selected>' in page


@pytest.mark.parametrize("act", ["preview", "make", ""])
@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"param-bucket": "*"}, "param-bucket"),
        ({"param-bucket": ""}, "param-bucket"),
        ({"param-bucket": "arn:aws-cn:s3:::acme"}, "param-bucket"),
        ({"principal_arn": "arn:aws:iam::999999999999:root"}, "principal_arn"),
        ({"principal_arn": "*"}, "principal_arn"),
        ({"ends_at": "2020-01-01T10:00"}, "ends_at"),
        ({"ends_at": "2999-01-01T10:00"}, "ends_at"),
        ({"ends_at": "soon"}, "ends_at"),
        ({"starts_at": "2020-01-01T10:00"}, "starts_at"),
        ({"reason": " "}, "reason"),
        ({"max_session_seconds": "1"}, "max_session_seconds"),
        ({"scope_template": ""}, "scope_template"),
    ],
)
def test_what_is_refused_says_where_and_stays_typed(
    act: str, changed: dict[str, str], field: str, client: Client, sent: dict[str, str]
) -> None:
    answer = client.post(PATH, {**sent, "principal_arn": "", **changed, "act": act})
    assert answer.status_code == 400
    assert set(answer.context["form"].errors) == {field}
    page = answer.content.decode()
    assert "Not saved yet." in page
    assert "The joint project" in page or field == "reason"
    assert not Grant.objects.exists()


def test_nothing_is_granted_while_suspended_or_after_the_contract(
    client: Client, sent: dict[str, str]
) -> None:
    for fields in ({"suspended_at": now()}, {"suspended_at": None, "contract_ends_at": now() - DAY}):
        Partner.objects.update(**fields)
        assert client.get(PATH).status_code == 409
        assert client.post(PATH, {**sent, "act": "make"}).status_code == 409
    assert not Grant.objects.exists()


def test_without_accounts_it_says_what_to_do_first(client: Client, acme: Partner) -> None:
    assert "No AWS account of its own is known" in client.get(PATH).content.decode()
    make_partner_account(acme, closed_at=now())
    assert "No AWS account of its own is known" in client.get(PATH).content.decode()
    make_partner_account(acme)
    assert "No account of ours is connected for partners" in client.get(PATH).content.decode()


def test_nobody_grants_by_a_forged_form(granter: Person, sent: dict[str, str]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(granter)
    assert client.post(PATH, {**sent, "act": "make"}).status_code == 403
    assert not Grant.objects.exists()


def test_an_account_that_was_closed_is_not_offered(
    client: Client, acme: Partner, theirs: PartnerAccount, ours: AwsAccount, template: ScopeTemplate
) -> None:
    del ours, template
    closed = PartnerAccount.objects.create(
        partner=acme, name="moved away", account_id="700000000099", closed_at=now()
    )
    page = client.get(PATH).content.decode()
    assert f'value="{theirs.pk}"' in page
    assert str(closed.pk) not in page

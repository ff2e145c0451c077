"""Revoking in the admin asks first, names what ends, and is the same act as everywhere; no form saves a grant."""

from datetime import timedelta

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client
from django.urls import reverse

from portal.access.models import AwsSession, DenyDocument, Grant, Revocation
from portal.directory.models import Person
from portal.kernel.models import OutboxMessage
from tests.integration.staff.pages import said, trail
from tests.world import HOUR, add_session, make_admin, make_grant, make_role, signed_in

pytestmark = pytest.mark.django_db
LIST = "/manage/access/grant/"
YES = {"action": "revoke", "confirmed": "yes", "reason": "left the project"}


@pytest.fixture
def grant(ben: Person) -> Grant:
    return make_grant(ben)


@pytest.fixture
def client(db: None) -> Client:
    return signed_in(make_admin("revoke_grant", "view_revocation"))


@pytest.fixture
def session(grant: Grant) -> AwsSession:
    return add_session(grant)


def state(grant: Grant) -> str:
    return Grant.objects.values_list("state", flat=True).get(pk=grant.pk)


def own_page(grant: Grant) -> str:
    return reverse("admin:access_grant_revoke", args=[grant.pk])


def test_it_asks_first_and_names_what_ends(client: Client, grant: Grant, session: AwsSession) -> None:
    for page in (
        client.post(LIST, {"action": "revoke", ACTION_CHECKBOX_NAME: [str(grant.pk)]}),
        client.get(own_page(grant)),
    ):
        assert page.status_code == 200
        assert page.context["question"].rows[0][:3] == ("Ben Lindqvist", "Production read only", "1")
        assert "with 1 live session in AWS" in page.content.decode()
    assert state(grant) == "active"


def test_it_needs_a_reason(client: Client, grant: Grant) -> None:
    for reason in ("", "  ", "x" * 301):
        page = client.post(own_page(grant), {**YES, "reason": reason})
        assert page.context["form"].errors["reason"]
    assert state(grant) == "active"
    assert client.post(own_page(grant), {**YES, "reason": "x" * 300}).status_code == 302


def test_one_grant_on_its_own_page(client: Client, grant: Grant, session: AwsSession) -> None:
    answer = client.post(own_page(grant), YES)
    assert answer["Location"] == reverse("admin:access_grant_change", args=[grant.pk])
    assert state(grant) == "revoked"
    assert Revocation.objects.get().userids == [session.userid]
    assert trail("access.grant.revoked")[0].details["reason"] == "left the project"
    page = client.get(answer["Location"])
    assert "AWS is being told to refuse every session of this grant" in said(page)
    assert "<strong>Pending.</strong>" in page.content.decode()
    assert own_page(grant) not in page.content.decode()


def test_several_in_the_list_and_those_that_ended_are_said(client: Client, grant: Grant, ben: Person) -> None:
    other, ended = make_grant(ben), make_grant(ben)
    client.post(own_page(ended), YES)
    chosen = {ACTION_CHECKBOX_NAME: [str(row.pk) for row in (grant, other, ended)]}
    page = client.post(LIST, {**YES, **chosen}, follow=True)
    assert [state(row) for row in (grant, other, ended)] == ["revoked"] * 3
    assert "ended already" in said(page) or "revoked already" in said(page)
    assert len(trail("access.grant.revoked")) == 3


def test_sessions_can_be_let_run_out_and_nobody_chooses_that_by_accident(
    client: Client, grant: Grant, session: AwsSession, ben: Person
) -> None:
    asked = client.get(own_page(grant))
    assert asked.context["question"].rows[0][3].startswith(f"{grant.ends_at:%Y-%m-%d %H:%M:%S}")
    page = client.post(own_page(grant), {**YES, "sessions": "run_out"}, follow=True)
    assert "let the sessions run out: 0 console sessions and 1 set of credentials may live on" in said(page)
    assert reverse("web:cut-sessions", args=[grant.pk]) in page.content.decode()
    assert not Revocation.objects.exists()
    other = make_grant(ben)
    add_session(other)
    client.post(own_page(other), {**YES, "sessions": "nonsense"})
    assert state(other) == "active"
    client.post(own_page(other), {**YES, "sessions": "cut"})
    assert Revocation.objects.get().grant == other


def test_a_grants_page_leads_to_its_extension(grant: Grant) -> None:
    extend = reverse("web:extend", args=[grant.pk])
    granter = signed_in(make_admin("make_grant", name="Grace Warden"))
    assert extend in granter.get(f"{LIST}{grant.pk}/change/").content.decode()
    assert (
        extend not in signed_in(make_admin("revoke_grant")).get(f"{LIST}{grant.pk}/change/").content.decode()
    )


def test_what_has_no_kill_switch_is_named_before(client: Client, ben: Person) -> None:
    grant = make_grant(ben, make_role(is_writable=False), accepted_no_kill_switch=True)
    add_session(grant)
    assert "1 of them can" in client.get(own_page(grant)).context["question"].lead
    page = client.post(own_page(grant), YES, follow=True)
    assert "This role has no kill switch" in said(page)
    assert not Revocation.objects.exists()


def test_it_needs_the_permission(grant: Grant) -> None:
    looker = signed_in(make_admin("view_grant", "make_grant", name="Lou Looker"))
    assert looker.get(own_page(grant)).status_code == 403
    assert looker.post(own_page(grant), YES).status_code == 403
    looker.post(LIST, {**YES, ACTION_CHECKBOX_NAME: [str(grant.pk)]})
    assert state(grant) == "active"
    assert own_page(grant) not in looker.get(f"{LIST}{grant.pk}/change/").content.decode()


def test_no_form_saves_or_deletes_a_grant(root: Person, grant: Grant) -> None:
    client = signed_in(root)
    sent = {"state": "active", "ends_at_0": "2030-01-01", "ends_at_1": "00:00"}
    assert client.post(f"{LIST}{grant.pk}/change/", sent).status_code == 403
    assert client.post(f"{LIST}{grant.pk}/delete/", {"post": "yes"}).status_code == 403
    before = grant.ends_at
    grant.refresh_from_db()
    assert grant.ends_at == before


def test_a_grants_page_shows_sessions_history_and_where_else_to_look(
    client: Client, grant: Grant, session: AwsSession
) -> None:
    AwsSession.objects.filter(pk=session.pk).update(access_key_id="ASIASEENINCLOUDTRAIL")
    client.post(own_page(grant), YES)
    page = client.get(f"{LIST}{grant.pk}/change/").content.decode()
    for shown in ("ASIASEENINCLOUDTRAIL", "access.grant.revoked", reverse("web:grant", args=[grant.pk])):
        assert shown in page


def failing(grant: Grant) -> Revocation:
    document = DenyDocument.objects.create(account=grant.role.account, kind="role", name=grant.role.name)
    return Revocation.objects.create(
        grant=grant,
        document=document,
        userids=[f"{grant.role.unique_id}:sp-1"],
        state="failing",
        asked_at=grant.starts_at,
        covers_until=grant.ends_at + HOUR,
        attempts=3,
        next_try_at=grant.ends_at + timedelta(hours=3),
        last_error="AccessDenied",
    )


def test_what_fails_stands_on_the_first_page(client: Client, grant: Grant) -> None:
    assert "failing" not in client.get("/manage/").content.decode()
    failing(grant)
    page = client.get("/manage/").content.decode()
    assert "1 revocation\n      is failing" in page
    assert "/manage/access/revocation/?state__exact=failing" in page
    assert "failing" not in signed_in(make_admin(name="Nell None")).get("/manage/").content.decode()


def test_a_failing_revocation_is_tried_again_at_once(client: Client, grant: Grant) -> None:
    row = failing(grant)
    sent = {"action": "retry", ACTION_CHECKBOX_NAME: [str(row.pk)]}
    looker = signed_in(make_admin("view_revocation", name="Lou Looker"))
    looker.post("/manage/access/revocation/", sent)
    row.refresh_from_db()
    assert row.next_try_at > grant.ends_at
    page = client.post("/manage/access/revocation/", sent, follow=True)
    assert "Being tried now: 1" in said(page)
    row.refresh_from_db()
    assert row.next_try_at < grant.ends_at
    assert OutboxMessage.objects.filter(topic="access.revocations.retried").count() == 1
    assert trail("access.revocation.retried")[0].grant_id == grant.pk

"""Suspending a partner from its page: what ends by name and number before, how far AWS is after, and resuming."""

import pytest
from django.test import Client

from portal.access.models import Grant, PartnerRole
from portal.directory.models import Partner, Person
from tests.integration.web.partner_rows import (
    make_account_grant,
    make_partner,
    make_partner_account,
    make_place,
    now,
)
from tests.world import Answer, add_session, make_admin, make_grant, make_person, make_role, signed_in

pytestmark = pytest.mark.django_db
POLL = {"HX-Request": "true"}
PATH = "/partners/acme"


@pytest.fixture
def acme(db: None) -> Partner:
    return make_partner()


@pytest.fixture
def standing(acme: Partner) -> Grant:
    return make_account_grant(make_partner_account(acme), make_place())


@pytest.fixture
def guests(acme: Partner) -> Grant:
    return make_grant(make_person("Noor Guest", partner=acme), make_role("Dropbox"))


@pytest.fixture
def client(db: None) -> Client:
    return signed_in(make_admin("view_partner", "change_partner", name="Grace Warden"))


def text(answer: Answer) -> str:
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_who_may_not(acme: Partner, standing: Grant, ben: Person) -> None:
    guest = make_person("Noor Guest", partner=acme, is_partner_admin=True)
    looker = make_admin("view_partner", "revoke_grant")
    for person, status in ((ben, 404), (guest, 404), (make_admin("change_partner"), 404), (looker, 403)):
        browser = signed_in(person)
        for act in ("suspend", "resume"):
            assert browser.get(f"{PATH}/{act}/").status_code == status
            assert browser.post(f"{PATH}/{act}/", {"reason": "r"}).status_code == status
        if status == 404:
            assert browser.get(f"{PATH}/ended/").status_code == 404
            assert browser.get(f"{PATH}/ended/state", headers=POLL).status_code == 404
    acme.refresh_from_db()
    standing.refresh_from_db()
    assert (acme.suspended_at, standing.state) == (None, "active")


def test_what_would_end_is_listed_by_name_and_number(
    client: Client, standing: Grant, guests: Grant, ben: Person
) -> None:
    add_session(guests)
    make_grant(ben)
    page = text(client.get(f"{PATH}/suspend/"))
    assert "<strong>2 grants</strong>" in page
    assert "<strong>1 role</strong> made for its AWS accounts" in page
    assert "<strong>1 live session</strong>" in page
    assert standing.scope_summary in page
    assert standing.role.name in page
    assert "Noor Guest: Credentials on Dropbox (sp-1)" in page
    assert "Ben Lindqvist" not in page
    assert Grant.objects.filter(state="active").count() == 3


def test_what_can_not_be_cut_is_said(client: Client, acme: Partner) -> None:
    uncut = make_role("Billing", name="AWSReservedSSO_Billing_1")
    add_session(make_grant(make_person("Noor Guest", partner=acme), uncut, accepted_no_kill_switch=True))
    page = text(client.get(f"{PATH}/suspend/"))
    assert "<strong>Not cut off:</strong>" in page
    assert "Noor Guest, Billing" in page


def test_it_is_done_with_a_reason_and_leads_to_its_progress(
    client: Client, acme: Partner, standing: Grant, guests: Grant
) -> None:
    for reason in (" ", "x" * 301):
        refused = client.post(f"{PATH}/suspend/", {"reason": reason})
        assert refused.status_code == 400
        assert set(refused.context["form"].errors) == {"reason"}
    assert not Grant.objects.filter(state="suspended").exists()
    done = client.post(f"{PATH}/suspend/", {"reason": "a dispute"}, follow=True)
    assert done.redirect_chain == [(f"{PATH}/ended/", 303)]
    assert "Grants ended: 2; roles to go: 1." in done.content.decode()
    assert set(Grant.objects.values_list("state", flat=True)) == {"suspended"}
    assert client.get(f"{PATH}/suspend/").status_code == 409
    assert client.post(f"{PATH}/suspend/", {"reason": "again"}).status_code == 409


def test_the_progress_goes_on_until_all_roles_are_gone(
    client: Client, acme: Partner, standing: Grant
) -> None:
    other = make_account_grant(make_partner_account(acme, "staging"), make_place("Logs"))
    neighbour = make_account_grant(make_partner_account(make_partner("Other")), make_place("Else"))
    client.post(f"{PATH}/suspend/", {"reason": "a dispute"})
    progress = client.get(f"{PATH}/ended/").context["progress"]
    assert (progress.total, progress.gone, progress.is_done) == (2, 0, False)
    assert client.get(f"{PATH}/ended/state", {"seen": progress.fingerprint}, headers=POLL).status_code == 204
    role = PartnerRole.objects.get(grant=other)
    gone = {"state": "gone", "closed_at": now(), "gone_at": now(), "due_at": None}
    PartnerRole.objects.filter(pk=role.pk).update(**gone)
    part = client.get(f"{PATH}/ended/state", {"seen": progress.fingerprint}, headers=POLL)
    assert "1 of 2 roles are gone from AWS; it goes on by itself." in text(part)
    assert "hx-trigger" in part.content.decode()
    assert [row.name for row in part.context["progress"].rows] == [standing.role.name, other.role.name]
    PartnerRole.objects.filter(grant=standing).update(**gone)
    over = client.get(f"{PATH}/ended/state", {"seen": "old"}, headers=POLL)
    assert "All 2 roles are gone from AWS." in text(over)
    assert "hx-trigger" not in over.content.decode()
    assert over.context["progress"].seconds
    neighbour.refresh_from_db()
    assert neighbour.state == "active"
    assert client.get(f"{PATH}/ended/state").headers["Location"] == f"{PATH}/ended/"


def test_sessions_of_its_people_are_waited_for_too(client: Client, guests: Grant) -> None:
    add_session(guests)
    client.post(f"{PATH}/suspend/", {"reason": "a dispute"})
    progress = client.get(f"{PATH}/ended/").context["progress"]
    assert (progress.total, progress.cutting, progress.is_done) == (0, "1", False)
    guests.revocation.applied_at, guests.revocation.state = now(), "applied"
    guests.revocation.save()
    assert client.get(f"{PATH}/ended/").context["progress"].is_done


def test_what_was_never_suspended_has_no_progress(client: Client, acme: Partner) -> None:
    assert client.get(f"{PATH}/ended/").status_code == 404


def test_resuming_brings_nothing_back_and_keeps_the_progress(
    client: Client, acme: Partner, standing: Grant
) -> None:
    assert client.get(f"{PATH}/resume/").status_code == 409
    client.post(f"{PATH}/suspend/", {"reason": "a dispute"})
    assert "Nothing comes back by itself" in text(client.get(f"{PATH}/resume/"))
    assert client.post(f"{PATH}/resume/", {"reason": ""}).status_code == 400
    done = client.post(f"{PATH}/resume/", {"reason": "settled"}, follow=True)
    assert done.redirect_chain == [(f"{PATH}/", 303)]
    acme.refresh_from_db()
    standing.refresh_from_db()
    assert (acme.suspended_at, standing.state) == (None, "suspended")
    assert client.post(f"{PATH}/resume/", {"reason": "again"}).status_code == 409
    progress = client.get(f"{PATH}/ended/").context["progress"]
    assert (progress.total, progress.is_suspended) == (1, False)

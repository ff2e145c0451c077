"""Suspending a partner asks first and lists what ends; resuming gives nothing back."""

from typing import Any

import pytest
from django.test import Client

from portal.access.models import Grant, Revocation
from portal.directory.models import Partner, Person
from tests.integration.staff.pages import said, trail
from tests.world import add_session, make_admin, make_grant, make_person, make_role, make_scheduled, signed_in

pytestmark = pytest.mark.django_db
YES = {"confirmed": "yes", "reason": "the contract is in dispute"}


@pytest.fixture
def client(db: None) -> Client:
    return signed_in(make_admin("change_partner", "view_partner"))


@pytest.fixture
def guest(partner: Partner) -> Person:
    return make_person("Noa Guest", partner=partner)


def page_of(partner: Partner, act: str) -> str:
    return f"/manage/directory/partner/{partner.pk}/{act}/"


def states(*grants: Grant) -> list[str]:
    return [Grant.objects.get(pk=grant.pk).state for grant in grants]


def test_a_look_lists_what_would_end_and_ends_nothing(
    client: Client, partner: Partner, guest: Person, ben: Person
) -> None:
    active, coming, own = make_grant(guest), make_scheduled(guest), make_grant(ben)
    unstoppable = make_grant(guest, make_role(is_writable=False), accepted_no_kill_switch=True)
    for grant in (active, active, own, unstoppable):
        add_session(grant)
    question = client.get(page_of(partner, "suspend")).context["question"]
    assert question.lead.startswith("3 grants of its people end now and for good, with 3 live sessions")
    assert "1 of them can't be cut off" in question.lead
    assert sorted((row[0], row[2]) for row in question.rows) == [
        ("Noa Guest", "0"), ("Noa Guest", "1"), ("Noa Guest", "2"),
    ]  # fmt: skip
    assert states(active, coming, own) == ["active", "scheduled", "active"]
    for reason in ("", " ", "x" * 301):
        assert client.post(page_of(partner, "suspend"), {**YES, "reason": reason}).context["form"].errors
    assert not trail("directory.partner.suspended")


def test_suspending_ends_its_peoples_grants_and_nobody_elses(
    client: Client, partner: Partner, guest: Person, ben: Person
) -> None:
    theirs, own = make_grant(guest), make_grant(ben)
    add_session(theirs)
    add_session(own)
    page = client.post(page_of(partner, "suspend"), YES, follow=True)
    assert "Acme is suspended; grants ended: 1. Being cut off in AWS: 1." in said(page)
    assert page_of(partner, "resume") in page.content.decode()
    assert page_of(partner, "suspend") not in page.content.decode()
    assert states(theirs, own) == ["suspended", "active"]
    assert Revocation.objects.get().grant == theirs
    assert "suspended already" in said(client.post(page_of(partner, "suspend"), YES, follow=True))
    assert len(trail("directory.partner.suspended")) == 1


def test_resuming_gives_nothing_back(client: Client, partner: Partner, guest: Person) -> None:
    grant = make_grant(guest)
    client.post(page_of(partner, "suspend"), YES)
    assert "what ended stays ended" in client.get(page_of(partner, "resume")).context["question"].lead
    assert "may be given access again" in said(client.post(page_of(partner, "resume"), YES, follow=True))
    assert Partner.objects.get().suspended_at is None
    assert states(grant) == ["suspended"]
    assert "is not suspended" in said(client.post(page_of(partner, "resume"), YES, follow=True))


@pytest.mark.parametrize("act", ["suspend", "resume"])
def test_it_needs_the_permission(partner: Partner, guest: Person, act: str) -> None:
    grant = make_grant(guest)
    looker = signed_in(make_admin("view_partner", "revoke_grant", name="Lou Looker"))
    assert looker.get(page_of(partner, act)).status_code == 403
    assert looker.post(page_of(partner, act), YES).status_code == 403
    change: Any = looker.get(f"/manage/directory/partner/{partner.pk}/change/")
    assert page_of(partner, act) not in change.content.decode()
    assert states(grant) == ["active"]
    assert Partner.objects.get().suspended_at is None


def test_a_partner_that_is_not_there(client: Client) -> None:
    nowhere = "00000000-0000-4000-8000-000000000000"
    assert client.get(f"/manage/directory/partner/{nowhere}/suspend/").status_code == 404

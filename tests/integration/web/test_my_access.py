"""My access: what is shown, in how many queries, and what polling it does."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from brokers.errors import NotPossible
from portal import wiring
from portal.access.models import Grant
from portal.directory.models import Partner, Person
from tests.fakes import ORIGINS
from tests.world import HOUR, make_grant, make_person, make_role, make_scheduled, signed_in

POLL = {"HX-Request": "true"}
# Session, person, time, grants, offers, who vouches; and the partner of a partner's person, or what an employee is
# asked as a sponsor.
BUDGET = 7


def queries_of(client: Client, path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as counted:
        assert client.get(path, headers=POLL).status_code == 200
    return len(counted)


def test_its_queries_do_not_grow_with_the_grants(ben: Person) -> None:
    client, path = signed_in(ben), reverse("web:my-access")
    make_grant(ben)
    few = queries_of(client, path)
    for _ in range(8):
        make_grant(ben, granted_by=make_person("Ada"))
    assert queries_of(client, path) == few <= BUDGET
    assert queries_of(client, reverse("web:grants-fragment")) == few - 1, "nobody is asked anything by a poll"


def test_a_partners_person_costs_no_more_than_the_budget(partner: Partner) -> None:
    guest = make_person("Noa Guest", partner=partner)
    make_grant(guest)
    assert queries_of(signed_in(guest), reverse("web:my-access")) <= BUDGET


def test_grants_stand_where_the_clock_puts_them(ben: Person, mallory: Person) -> None:
    now = datetime.now(UTC)
    active, later = make_grant(ben), make_scheduled(ben)
    unswept = make_grant(ben, ends_at=now - timedelta(seconds=1))
    due = make_grant(ben, state="scheduled", activated_at=None)
    revoked = make_grant(ben, state="revoked", ended_at=now)
    early = make_grant(
        ben, state="revoked", activated_at=None, starts_at=now + HOUR, ends_at=now + 2 * HOUR, ended_at=now
    )
    make_grant(
        ben, state="expired", starts_at=now - 400 * HOUR, ends_at=now - 300 * HOUR, ended_at=now - 300 * HOUR
    )
    make_grant(mallory)
    access = signed_in(ben).get("/").context["access"]
    assert {card.id for card in access.active} == ids(active, due)
    assert {card.id for card in access.later} == ids(later)
    assert {card.id for card in access.ended} == ids(unswept, revoked, early)
    assert {card.badge.word for card in access.active} == {"Active"}
    assert {card.badge.word for card in access.ended} == {"Ended", "Revoked"}


def ids(*grants: Grant) -> set[str]:
    return {str(grant.pk) for grant in grants}


def test_polling_is_answered_with_nothing_until_something_changed(ben: Person) -> None:
    grant = make_grant(ben)
    client = signed_in(ben)
    seen = client.get("/").context["access"].fingerprint
    assert client.get("/grants/", {"seen": seen}, headers=POLL).status_code == 204
    make_grant(ben)
    changed = client.get("/grants/", {"seen": seen}, headers=POLL)
    assert changed.status_code == 200
    assert b"<html" not in changed.content
    seen = changed.context["access"].fingerprint
    Grant.objects.filter(pk=grant.pk).update(state="revoked", ended_at=datetime.now(UTC))
    assert client.get("/grants/", {"seen": seen}, headers=POLL).status_code == 200


def test_the_polled_part_alone_is_no_page(ben: Person) -> None:
    assert signed_in(ben).get("/grants/").headers["Location"] == "/"


def test_polling_without_a_session_leads_the_whole_page_to_sign_in(client: Client, db: None) -> None:
    answer = client.get("/grants/", headers=POLL)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["HX-Redirect"] == "/sign-in/"


def test_forms_may_lead_to_the_console_from_here(ben: Person) -> None:
    policy = signed_in(ben).get("/").headers["Content-Security-Policy"]
    assert f"form-action 'self' {' '.join(ORIGINS)};" in f"{policy};"


def test_the_page_works_while_the_portal_has_no_aws(ben: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_aws() -> None:
        raise NotPossible("The hub has no AWS credentials.")

    monkeypatch.setattr(wiring, "aws_ports", no_aws)
    grant, client = make_grant(ben), signed_in(ben)
    page = client.get("/")
    assert page.status_code == 200
    assert "form-action 'self';" in f"{page.headers['Content-Security-Policy']};"
    refused = client.post(reverse("web:credentials", args=[grant.pk]))
    assert refused.status_code == 503
    assert b"AWS credentials can&#x27;t be used" in refused.content


def test_an_empty_page_teaches(ben: Person) -> None:
    assert b"No access at the moment" in signed_in(ben).get("/").content


def test_script_in_a_justification_stays_text(ben: Person) -> None:
    evil = "<script>alert(1)</script>"
    grant = make_grant(ben, reason=evil, role=make_role(title="<img src=x onerror=alert(2)>"))
    client = signed_in(ben)
    for page in (client.get("/"), client.get(reverse("web:grant", args=[grant.pk]))):
        assert evil.encode() not in page.content
        assert b"<img src=x" not in page.content
        assert b"&lt;script&gt;alert(1)" in page.content


def test_a_zone_that_is_gone_is_utc(ben: Person) -> None:
    Person.objects.update(time_zone="Nowhere/Gone")
    make_grant(ben)
    assert "UTC" in signed_in(ben).get("/").context["access"].active[0].countdown.moment.exact

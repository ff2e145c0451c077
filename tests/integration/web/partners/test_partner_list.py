"""The list of all partners: whose it is, what it shows, what a search finds, in how many queries."""

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.access import partner_queries
from portal.directory.models import Partner, Person
from tests.integration.web.partner_rows import (
    DAY,
    make_account_grant,
    make_partner,
    make_partner_account,
    make_place,
    now,
)
from tests.world import make_admin, make_grant, make_person, signed_in

pytestmark = pytest.mark.django_db
BUDGET = 10


@pytest.fixture
def ada(db: None) -> Person:
    return make_admin("view_partner")


def page(client: Client, **search: str) -> str:
    answer = client.get("/partners/", search)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


@pytest.mark.parametrize("rights", [(), ("view_grant", "make_grant", "revoke_grant"), ("change_partner",)])
def test_to_who_may_not_look_nothing_is_there(rights: tuple[str, ...], ben: Person) -> None:
    partner = make_partner()
    guest = make_person("Noor Guest", partner=partner, is_partner_admin=True)
    for person in (ben, guest, make_admin(*rights)):
        client = signed_in(person)
        assert client.get("/partners/").status_code == client.get("/partners/acme/").status_code == 404
        assert 'href="/partners/"' not in client.get("/").content.decode()


def test_who_may_look_gets_in_and_is_led_there(ada: Person) -> None:
    make_partner()
    client = signed_in(ada)
    assert 'href="/partners/acme/"' in page(client)
    assert 'href="/partners/"' in client.get("/").content.decode()
    assert 'href="/partners/new/"' not in page(client)
    assert 'href="/partners/new/"' in page(signed_in(make_admin("view_partner", "add_partner")))


def test_an_empty_page_teaches(ada: Person) -> None:
    assert "No company is let in yet" in page(signed_in(ada))
    assert "Add the first partner" not in page(signed_in(ada))
    assert "Add the first partner" in page(signed_in(make_admin("view_partner", "add_partner")))


def test_it_says_who_answers_until_when_and_what_it_has(ada: Person) -> None:
    partner = make_partner(sponsor=ada)
    account = make_partner_account(partner)
    make_account_grant(account, make_place())
    make_account_grant(account, make_place("Logs"), state="gone")
    guest = make_person("Noor Guest", partner=partner)
    for _ in range(2):
        make_grant(guest)
    make_grant(
        guest, ends_at=now() - DAY / 2, starts_at=now() - DAY
    )  # the sweep is late; by the clock it is over
    make_grant(ada)
    [line] = signed_in(ada).get("/partners/").context["partners"]
    assert (line.name, line.sponsor, line.grants, line.accounts) == ("Acme", "Ada Okafor", "2", "1")
    assert line.contract.words == "ends in 199 days"
    assert line.contract.percent_left == 67
    assert line.badge.word == "Active"


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"suspended_at": now()}, "Suspended"),
        ({"contract_ends_at": now() - DAY}, "Contract over"),
        ({"sponsor": None}, "Nobody answers"),
        ({"contract_starts_at": now() + DAY}, "Contract not begun"),
    ],
)
def test_what_matters_most_is_its_state(ada: Person, fields: dict[str, object], word: str) -> None:
    made = make_partner(sponsor=ada)
    Partner.objects.filter(pk=made.pk).update(**fields)
    [line] = signed_in(ada).get("/partners/").context["partners"]
    assert line.badge.word == word


def test_a_sponsor_who_is_gone_answers_for_nothing(ada: Person) -> None:
    gone = make_person("Gone Sponsor", is_active=False, deactivated_at=now())
    make_partner(sponsor=gone)
    [line] = signed_in(ada).get("/partners/").context["partners"]
    assert line.badge.word == "Nobody answers"


@pytest.mark.parametrize("search", ["acm", "ACME GmbH", "ada ok", "7000-0000-0001", "700000000001", "the-ac"])
def test_it_is_found_by_its_names_its_sponsors_and_its_accounts(ada: Person, search: str) -> None:
    partner = make_partner(sponsor=ada, slug="the-acme", legal_name="Acme GmbH")
    make_partner_account(partner, account_id="700000000001")
    make_partner("Other")
    found = signed_in(ada).get("/partners/", {"q": search}).context
    assert [line.name for line in found["partners"]] == ["Acme"]
    assert found["listing"].number == "1"


def test_what_fits_nothing_is_said(ada: Person) -> None:
    make_partner()
    shown = page(signed_in(ada), q='"><script>')
    assert "No partner has this" in shown
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_long_lists_are_cut_and_counts_stop(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partner_queries, "MOST", 3)
    monkeypatch.setattr("portal.web.partner_lines.MOST", 3)
    monkeypatch.setattr("portal.web.partners.SHOWN", 2)
    for number in range(5):
        guest = make_person(f"Guest {number}", partner=make_partner(f"Partner {number}", sponsor=ada))
        for _ in range(5 if number == 0 else 0):
            make_grant(guest)
    context = signed_in(ada).get("/partners/").context
    assert [line.grants for line in context["partners"]] == ["over 3", "0"]
    assert (context["listing"].number, context["listing"].more) == ("over 3", "over 1")


def test_it_takes_as_many_queries_for_many_as_for_few(ada: Person) -> None:
    client = signed_in(ada)
    numbers = []
    for crowd in (1, 30):
        for number in range(crowd):
            partner = make_partner(f"Partner {crowd} {number}", sponsor=ada)
            make_grant(make_person(f"Guest {crowd} {number}", partner=partner))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page(client)
        numbers.append(len([q for q in queries if "SAVEPOINT" not in q["sql"]]))
    assert numbers[0] == numbers[1]
    assert numbers[0] <= BUDGET + (0 if "sqlite" in settings.DATABASES["default"]["ENGINE"] else 1)

"""A partner's record: all of it, with what it refuses, and what of it only pages change."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from portal.access.models import ExternalId
from portal.directory.models import Partner, PartnerDocument, Person
from tests.integration.staff.pages import errors_of, fields_of, save, trail
from tests.partners import account_grant, make_partner, partner_account
from tests.world import HOUR, make_admin, make_grant, make_person, signed_in

pytestmark = pytest.mark.django_db
PARTNERS = "/manage/directory/partner/"
PEOPLE = "/manage/directory/person/"


@pytest.fixture
def client(root: Person) -> Client:
    return signed_in(root)


@pytest.fixture
def acme(db: None) -> Partner:
    return make_partner(sponsor=make_person("Sam"))


def page(partner: Partner) -> str:
    return f"{PARTNERS}{partner.pk}/change/"


def contract(partner: Partner, end: Any) -> dict[str, str]:
    parts = {"contract_starts_at": partner.contract_starts_at, "contract_ends_at": end}
    return {
        f"{name}_{number}": f"{at:{form}}"
        for name, at in parts.items()
        for number, form in enumerate(("%Y-%m-%d", "%H:%M:%S"))
    }


def start(at: Any) -> dict[str, str]:
    return {"contract_starts_at_0": f"{at:%Y-%m-%d}", "contract_starts_at_1": f"{at:%H:%M:%S}"}


def keep(client: Client, partner: Partner, **told: Any) -> dict[str, list[str]]:
    """Save the record as it stands, with what is told changed; returns its errors."""
    dates = contract(partner, partner.contract_ends_at)
    return errors_of(save(client, page(partner), **{**dates, **told}))


def row(prefix: str, **values: str) -> dict[str, str]:
    return {f"{prefix}-TOTAL_FORMS": "1", **{f"{prefix}-0-{name}": value for name, value in values.items()}}


def test_all_of_it_is_there_and_changes(client: Client, acme: Partner) -> None:
    dee = make_person("Dee")
    told = {
        "legal_name": "Acme Ltd",
        "slug": "acme-ltd",
        "data_class": "restricted",
        "people_quota": "7",
        "deputy": str(dee.pk),
        "notes": "Ask Sam first",
    }
    assert keep(client, acme, **told) == {}
    acme.refresh_from_db()
    assert {name: str(getattr(acme, name)) for name in told} == {**told, "deputy": "Dee"}
    [event] = trail("staff.record.changed")
    assert event.partner_id == acme.pk
    assert event.details["fields"] == sorted(told)


def test_one_is_added_and_its_short_name_made(client: Client) -> None:
    now = make_partner("Old").contract_starts_at
    sent = fields_of(client.get(f"{PARTNERS}add/"))
    dates = contract(Partner(contract_starts_at=now), now + timedelta(days=9))
    page = client.post(f"{PARTNERS}add/", {**sent, "name": "New & Sons", **dates})
    assert errors_of(page) == {}
    assert Partner.objects.get(name="New & Sons").slug == "new-sons"


@pytest.mark.parametrize("slug", ["Acme", "a_b", "-a", "a--b", "a/b", "x"])
def test_a_short_name_is_plain(client: Client, acme: Partner, slug: str) -> None:
    assert set(keep(client, acme, slug=slug)) == {"slug"}
    assert keep(client, acme, slug="a-b") == {}


def test_a_short_name_is_one_partners(client: Client, acme: Partner) -> None:
    make_partner("Globex")
    assert set(keep(client, acme, slug="globex")) == {"slug"}


def test_the_short_name_stays_once_a_role_was_made(client: Client, acme: Partner) -> None:
    account = partner_account(acme)
    assert "slug" in client.get(page(acme)).context["adminform"].form.fields
    account_grant(account)
    assert "slug" not in client.get(page(acme)).context["adminform"].form.fields
    keep(client, acme, slug="another", notes="x")
    acme.refresh_from_db()
    assert (acme.slug, acme.notes) == ("acme", "x")


def test_a_contract_is_not_shortened_under_what_it_holds(client: Client, acme: Partner) -> None:
    end = acme.contract_ends_at - timedelta(days=20)
    neighbour = partner_account(make_partner("Globex"), "444444444444")
    account_grant(neighbour)
    make_grant(make_person("Own"), ends_at=acme.contract_ends_at)
    grants = [
        make_grant(make_person("Pat", partner=acme), ends_at=end + HOUR),
        account_grant(partner_account(acme), ends_at=end + HOUR),
    ]
    words = "1 of its people's grants and 1 of the grants to its AWS accounts end after this"
    refused = keep(client, acme, **contract(acme, end))
    assert set(refused) == {"contract_ends_at"}
    assert refused["contract_ends_at"][0].startswith(words)
    for grant in grants:
        assert keep(client, acme, **contract(acme, end))
        grant.state, grant.ended_at = "revoked", acme.created_at
        grant.save()
    assert keep(client, acme, **contract(acme, end)) == {}


def test_a_contract_does_not_begin_after_what_it_holds(client: Client, acme: Partner) -> None:
    """A role's window begins with the contract: moved, each of them would be another one than it should."""
    grants = [
        make_grant(make_person("Pat", partner=acme)),
        account_grant(partner_account(acme)),
    ]
    late = {**contract(acme, acme.contract_ends_at), **start(grants[1].starts_at + HOUR)}
    refused = keep(client, acme, **late)
    assert set(refused) == {"contract_starts_at"}
    words = "1 of its people's grants and 1 of the grants to its AWS accounts begin before this"
    assert refused["contract_starts_at"][0].startswith(words)
    assert keep(client, acme, **start(min(grant.starts_at for grant in grants) - HOUR)) == {}
    for grant in grants:
        grant.state, grant.ended_at = "revoked", acme.created_at
        grant.save()
    assert keep(client, acme, **late) == {}


def test_the_number_of_people_is_not_below_those_there(client: Client, acme: Partner) -> None:
    for name in ("A", "B"):
        make_person(name, partner=acme)
    make_person("C", partner=acme, is_active=False, deactivated_at=acme.created_at)
    refused = keep(client, acme, people_quota="1")
    assert refused == {
        "people_quota": ["It has 2 active people: deactivate some first, then lower the number."]
    }
    assert keep(client, acme, people_quota="2") == {}


@pytest.mark.parametrize("field", ["sponsor", "deputy"])
def test_who_answers_is_of_the_own_company_and_active(client: Client, acme: Partner, field: str) -> None:
    gone = make_person("Gone", is_active=False, deactivated_at=acme.created_at)
    for wrong in (make_person("Pat", partner=acme), gone):
        assert set(keep(client, acme, **{field: str(wrong.pk)})) == {field}
    assert keep(client, acme, **{field: str(make_person("Nia").pk)}) == {}


def test_only_such_are_offered(client: Client, acme: Partner) -> None:
    make_person("Searched Own")
    make_person("Searched Theirs", partner=acme)
    make_person("Searched Gone", is_active=False, deactivated_at=acme.created_at)
    asked = {"term": "Searched", "app_label": "directory", "model_name": "partner", "field_name": "sponsor"}
    found = client.get("/manage/autocomplete/", asked).json()["results"]
    assert [each["text"] for each in found] == ["Searched Own"]


@pytest.mark.parametrize(
    "url", ["http://papers.example", "javascript:alert(1)", "ftp://papers.example", "papers"]
)
def test_papers_are_linked_by_https_alone(client: Client, acme: Partner, url: str) -> None:
    told = row("documents", title="Contract", url=url)
    assert set(keep(client, acme, **told)) == {"documents-0-url"}
    assert not PartnerDocument.objects.exists()
    told["documents-0-url"] = "https://papers.example/acme"
    assert keep(client, acme, **told) == {}
    assert PartnerDocument.objects.get().url == "https://papers.example/acme"
    assert trail("staff.record.changed")[0].details["values"]["documents"] == "1 rows"


def test_contacts_are_kept(client: Client, acme: Partner) -> None:
    told = row("contacts", name="Cleo", what_for="security", email="c@acme.example", phone="+1 555")
    assert keep(client, acme, **told) == {}
    assert acme.contacts.get().email == "c@acme.example"


def test_accounts_are_shown_and_not_changed(client: Client, acme: Partner) -> None:
    account = partner_account(acme)
    shown = client.get(page(acme)).content.decode()
    assert str(ExternalId.objects.get().value) in shown
    assert account.account_id in shown
    assert f'href="/partners/{acme.slug}/"' in shown
    told = row("aws_accounts", id=str(account.pk), account_id="999999999999", name="Evil")
    keep(client, acme, **told)
    account.refresh_from_db()
    assert (account.name, account.account_id) == ("Production", "333333333333")


def test_who_may_only_look_changes_nothing(acme: Partner) -> None:
    looker = signed_in(make_admin("view_partner"))
    shown: Any = looker.get(page(acme))
    assert shown.status_code == 200
    told = {"name": "Evil", **row("contacts", name="Evil")}
    assert looker.post(page(acme), told).status_code == 403
    acme.refresh_from_db()
    assert (acme.name, acme.contacts.count()) == ("Acme", 0)
    changer = signed_in(make_admin("change_partner", "view_partner", name="Cam"))
    assert keep(changer, acme, **row("contacts", name="Cleo")) == {}
    assert acme.contacts.count() == 1


class TestPeople:
    def test_a_company_admin_is_made_and_told(self, client: Client, acme: Partner) -> None:
        pat = make_person("Pat", partner=acme)
        assert errors_of(save(client, f"{PEOPLE}{pat.pk}/change/", is_partner_admin="on")) == {}
        pat.refresh_from_db()
        assert pat.is_partner_admin
        [event] = trail("directory.partner.admin_changed")
        assert (event.person_id, event.partner_id, event.details["is_admin"]) == (pat.pk, acme.pk, True)

    def test_only_a_partners_person_is_one(self, client: Client, ben: Person) -> None:
        refused = errors_of(save(client, f"{PEOPLE}{ben.pk}/change/", is_partner_admin="on"))
        assert set(refused) == {"is_partner_admin"}
        assert not trail("directory.partner.admin_changed")

    def test_moving_takes_a_place(self, client: Client, acme: Partner, ben: Person) -> None:
        Partner.objects.update(people_quota=1)
        pat = make_person("Pat", partner=acme)
        refused = errors_of(save(client, f"{PEOPLE}{ben.pk}/change/", partner=str(acme.pk)))
        assert set(refused) == {"partner"}
        assert "all are taken" in refused["partner"][0]
        assert errors_of(save(client, f"{PEOPLE}{pat.pk}/change/", name="Pat Moss")) == {}, (
            "who is there stays"
        )
        Partner.objects.update(people_quota=2)
        assert errors_of(save(client, f"{PEOPLE}{ben.pk}/change/", partner=str(acme.pk))) == {}

    def test_adding_takes_a_place(self, client: Client, acme: Partner) -> None:
        Partner.objects.update(people_quota=0)
        sent = {**fields_of(client.get(f"{PEOPLE}add/")), "name": "New", "partner": str(acme.pk)}
        assert set(errors_of(client.post(f"{PEOPLE}add/", sent))) == {"partner"}
        Partner.objects.update(people_quota=1)
        assert errors_of(client.post(f"{PEOPLE}add/", sent)) == {}

    def test_whoever_is_deactivated_takes_none(self, client: Client, acme: Partner, ben: Person) -> None:
        Partner.objects.update(people_quota=0)
        Person.objects.filter(pk=ben.pk).update(is_active=False, deactivated_at=acme.created_at)
        assert errors_of(save(client, f"{PEOPLE}{ben.pk}/change/", partner=str(acme.pk))) == {}

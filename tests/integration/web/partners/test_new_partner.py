"""Adding a partner in a minute: what the form suggests, what is made of it, what is refused and stays typed."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from portal.access.models import ExternalId
from portal.access.operations.partners.keep_partner import FirstAccount, PartnerOrder, create_partner
from portal.audit.models import AuditEvent
from portal.directory.models import Partner, PartnerAccount, Person
from portal.kernel.actor import Actor
from portal.kernel.errors import ForbiddenError, InvalidError
from tests.integration.web.partner_rows import DAY, make_partner, make_place, now
from tests.world import as_actor, make_admin, make_person, signed_in

pytestmark = pytest.mark.django_db
BERLIN = ZoneInfo("Europe/Berlin")
PATH = "/partners/new/"


@pytest.fixture
def grace(db: None) -> Person:
    rights = ("view_partner", "add_partner", "change_partner")
    admin = make_admin(*rights, name="Grace Warden")
    admin.time_zone, admin.email = "Europe/Berlin", "grace@example.com"
    admin.save()
    return admin


@pytest.fixture
def client(grace: Person) -> Client:
    return signed_in(grace)


def typed(**changed: str) -> dict[str, str]:
    today = datetime.now(BERLIN).date()
    return {
        "name": "Acme",
        "first_day": f"{today}",
        "last_day": f"{today + timedelta(days=40)}",
        "sponsor": "grace@example.com",
        **changed,
    }


@pytest.mark.parametrize(
    ("rights", "status"),
    [((), 404), (("add_partner",), 404), (("view_partner",), 403), (("view_partner", "add_partner"), 200)],
)
def test_it_takes_the_right_to_add(rights: tuple[str, ...], status: int) -> None:
    admin = make_admin(*rights)
    admin.email = "ada@example.com"
    admin.save()
    client = signed_in(admin)
    assert client.get(PATH).status_code == status
    assert client.get("/partners/colleagues", {"sponsor": "ada"}).status_code == status
    made = client.post(PATH, typed(sponsor="ada@example.com"))
    assert made.status_code == (303 if status == 200 else status)
    assert Partner.objects.exists() is (status == 200)


def test_the_form_suggests_whoever_fills_it_in_and_a_year(client: Client) -> None:
    page = client.get(PATH).content.decode()
    assert 'value="Grace Warden (grace@example.com)"' in page
    assert f'value="{datetime.now(BERLIN).date() + timedelta(days=365)}"' in page


def test_a_name_a_sponsor_and_days_are_enough(client: Client, grace: Person) -> None:
    sent = typed()
    answer = client.post(PATH, sent, follow=True)
    assert answer.redirect_chain == [("/partners/acme/", 303)]
    made = Partner.objects.get()
    assert (made.name, made.slug, made.sponsor, made.data_class) == ("Acme", "acme", grace, "internal")
    begin = made.contract_starts_at.astimezone(BERLIN)
    end = made.contract_ends_at.astimezone(BERLIN)
    assert (f"{begin:%Y-%m-%d %H:%M}", f"{begin.tzname()}") == (f"{sent['first_day']} 00:00", begin.tzname())
    assert f"{end - timedelta(seconds=1):%Y-%m-%d}" == sent["last_day"]
    assert not PartnerAccount.objects.exists()
    event = AuditEvent.objects.get(partner_id=made.pk)
    assert (event.type, event.actor_label) == ("staff.record.added", "Grace Warden")
    assert event.details["sponsor"] == str(grace.pk)


def test_its_first_account_comes_with_an_external_id(client: Client) -> None:
    deputy = make_person("Dana Deputy", email="dana@example.com")
    sent = typed(
        slug="the-acme",
        deputy="Dana Deputy (dana@example.com)",
        data_class="restricted",
        account_id="7000 0000-0001",
        account_name="production",
    )
    client.post(PATH, sent)
    made = Partner.objects.get()
    account = PartnerAccount.objects.get()
    assert (made.slug, made.deputy, made.data_class) == ("the-acme", deputy, "restricted")
    assert (account.account_id, account.name, account.partition) == ("700000000001", "production", "aws")
    assert ExternalId.objects.get().partner_account == account


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "Other"}, "name"),
        ({"slug": "Not Small"}, "slug"),
        ({"slug": "drift"}, "slug"),
        ({"slug": "other"}, "slug"),
        ({"sponsor": ""}, "sponsor"),
        ({"sponsor": "Nobody Known"}, "sponsor"),
        ({"sponsor": "Noor Guest"}, "sponsor"),
        ({"sponsor": "Gone Colleague"}, "sponsor"),
        ({"sponsor": "Same Name"}, "sponsor"),
        ({"deputy": "grace@example.com"}, "deputy"),
        ({"first_day": "soon"}, "first_day"),
        ({"last_day": "2020-01-01"}, "last_day"),
        ({"account_id": "123"}, "account_id"),
        ({"account_id": "500000000001"}, "account_id"),
        ({"data_class": "secret"}, "data_class"),
        ({"account_id": "700000000001", "partition": "aws-moon"}, "partition"),
    ],
)
def test_what_is_refused_stays_typed(changed: dict[str, str], field: str, client: Client) -> None:
    other = make_partner("Other")
    make_place(account_id="500000000001")
    make_person("Noor Guest", partner=other)
    make_person("Gone Colleague", is_active=False, deactivated_at=now())
    make_person("Same Name")
    make_person("Same Name")
    sent = typed(**changed)
    answer = client.post(PATH, sent)
    assert answer.status_code == 400
    assert set(answer.context["form"].errors) == {field}
    assert sent["name"].strip() in answer.content.decode()
    assert Partner.objects.count() == 1
    assert not PartnerAccount.objects.exists()


def test_colleagues_are_suggested_and_nobody_else(client: Client) -> None:
    make_person("Anna Berg", email="anna@example.com")
    make_person("Berta Anders", email="berta@example.com")
    make_person("Anna Guest", partner=make_partner())
    make_person("Anna Gone", is_active=False, deactivated_at=now())
    make_person("<b>Anna</b>")

    def suggested(**asked: str) -> str:
        return client.get("/partners/colleagues", asked).content.decode()

    assert "Anna Berg (anna@example.com)" in suggested(sponsor="an")
    assert "Berta Anders" in suggested(deputy="And")
    for who in ("Guest", "Gone", "<b>"):
        assert who not in suggested(sponsor="anna")
    assert "option" not in suggested(sponsor=" ")


def order(grace: Person, **changed: object) -> PartnerOrder:
    known = {
        "name": "Acme",
        "sponsor_id": grace.pk,
        "contract_starts_at": now(),
        "contract_ends_at": now() + 30 * DAY,
        **changed,
    }
    return PartnerOrder(**known)  # type: ignore[arg-type]  # facts by name


def test_the_operation_wants_zones_and_rights(grace: Person) -> None:
    mallory = make_admin("view_partner", "change_partner", name="Mallory Quick")
    with pytest.raises(ForbiddenError):
        create_partner(order=order(grace), actor=as_actor(mallory))
    with pytest.raises(InvalidError) as refused:
        create_partner(order=order(grace, contract_ends_at=datetime(2030, 1, 1)), actor=as_actor(grace))  # noqa: DTZ001  # no zone is the point
    assert refused.value.field == "contract_ends_at"
    made = create_partner(
        order=order(grace, contract_ends_at=datetime(2030, 1, 1, tzinfo=UTC)), actor=as_actor(grace)
    )
    assert made.slug == "acme"


def test_an_account_takes_the_right_to_change_and_goes_with_the_partner(grace: Person) -> None:
    adder = make_admin("view_partner", "add_partner", name="Only Adds")
    account = FirstAccount("production", "700000000001")
    with pytest.raises(ForbiddenError):
        create_partner(order=order(grace, account=account), actor=as_actor(adder))
    with pytest.raises(InvalidError):
        create_partner(order=order(grace, account=FirstAccount("x", "1")), actor=Actor.command("tests"))
    assert not Partner.objects.exists()
    create_partner(order=order(grace, account=account), actor=as_actor(grace))
    assert PartnerAccount.objects.get().partner == Partner.objects.get()


def test_a_contract_that_is_over_adds_nobody(grace: Person) -> None:
    dates = {"contract_starts_at": now() - 30 * DAY, "contract_ends_at": now() - DAY}
    with pytest.raises(InvalidError, match="over already") as refused:
        create_partner(order=order(grace, **dates), actor=as_actor(grace))
    assert refused.value.field == "contract_ends_at"
    dates["contract_ends_at"] = now() + DAY
    assert create_partner(order=order(grace, **dates), actor=as_actor(grace))


@pytest.mark.parametrize("field", ["sponsor", "deputy"])
@pytest.mark.parametrize("why", ["deactivated", "of a partner", "nobody"])
def test_who_cannot_answer_is_no_sponsor_and_no_deputy(grace: Person, field: str, why: str) -> None:
    named = make_person("Sam", partner=make_partner("Globex") if why == "of a partner" else None)
    if why == "deactivated":
        Person.objects.filter(pk=named.pk).update(is_active=False, deactivated_at=now())
    whom = {f"{field}_id": uuid4() if why == "nobody" else named.pk}
    with pytest.raises(InvalidError, match="who is active") as refused:
        create_partner(order=order(grace, **whom), actor=as_actor(grace))
    assert refused.value.field == field
    Person.objects.filter(pk=named.pk).update(is_active=True, deactivated_at=None, partner=None)
    assert create_partner(order=order(grace, **{f"{field}_id": named.pk}), actor=as_actor(grace))

"""A partner's people and its trail as pages: what its admin does there, what is refused, and what is told."""

import csv
import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.access.operations.partners.suspend_partner import suspend_partner
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import IdentityProvider, Partner, Person
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.web.company_trail import cell
from tests.partners import account_grant, make_partner, make_partner_admin, partner_account, partner_provider
from tests.world import as_actor, make_admin, make_grant, make_person, signed_in

pytestmark = pytest.mark.django_db
PEOPLE = "/company/people/"
TRAIL = "/company/trail/"
SHELL = Actor.command("tests")


@pytest.fixture
def acme(db: None) -> Partner:
    return make_partner()


@pytest.fixture
def kim(acme: Partner) -> Person:
    return make_partner_admin(acme)


@pytest.fixture
def client(kim: Person) -> Client:
    return signed_in(kim)


@pytest.fixture
def provider(acme: Partner) -> IdentityProvider:
    return partner_provider(acme)


def shown(response: Any) -> str:
    return str(response.content.decode())


class TestPeople:
    def told(self, provider: IdentityProvider, **more: str) -> dict[str, str]:
        known = {
            "name": "Lee Park",
            "email": "lee@acme.example",
            "provider": str(provider.pk),
            "subject": "lee",
        }
        return {**known, **more}

    def test_somebody_is_added(self, client: Client, acme: Partner, provider: IdentityProvider) -> None:
        page = client.post(PEOPLE, self.told(provider), follow=True)
        assert "Lee Park can sign in now" in shown(page)
        assert "2 of 25 places taken" in shown(page)
        assert Person.objects.get(name="Lee Park").partner == acme

    @pytest.mark.parametrize("act", ["deactivate", "reactivate", "admin"])
    def test_only_an_admin_is_asked_about_a_colleague(self, client: Client, acme: Partner, act: str) -> None:
        pat = make_person("Pat Moss", partner=acme)
        address = reverse(f"web:colleague-{act}", args=[make_person("Lee", partner=acme).pk])
        colleague = signed_in(pat)
        if act != "admin":
            assert (colleague.get(address).status_code, client.get(address).status_code) == (403, 200)
        assert colleague.post(address, {"reason": "r", "admin": "yes"}).status_code == 403
        assert Person.objects.filter(partner=acme, is_active=True).count() == 3
        assert Person.objects.filter(partner=acme, is_partner_admin=True).count() == 1

    @pytest.mark.parametrize(
        "forged", ["is_staff", "is_superuser", "is_partner_admin", "partner", "user_permissions"]
    )
    def test_more_than_the_form_has_is_left_alone(
        self, client: Client, acme: Partner, provider: IdentityProvider, forged: str
    ) -> None:
        other = make_partner("Globex")
        client.post(PEOPLE, self.told(provider, **{forged: str(other.pk) if forged == "partner" else "on"}))
        lee = Person.objects.get(name="Lee Park")
        assert (lee.is_staff, lee.is_superuser, lee.is_partner_admin, lee.partner) == (
            False,
            False,
            False,
            acme,
        )

    def test_a_refusal_keeps_what_was_typed(self, client: Client, provider: IdentityProvider) -> None:
        page = client.post(PEOPLE, self.told(provider, subject="l ee"))
        assert page.status_code == 400
        assert "visible ASCII" in shown(page)
        assert 'value="Lee Park"' in shown(page)
        client.post(PEOPLE, self.told(provider))
        again = client.post(PEOPLE, self.told(provider))
        assert (again.status_code, "Somebody is lee at Acme sign-in already" in shown(again)) == (400, True)

    def test_a_full_company_adds_nobody(self, client: Client, provider: IdentityProvider) -> None:
        Partner.objects.update(people_quota=1)
        assert "All places are taken" in shown(client.get(PEOPLE))
        page = client.post(PEOPLE, self.told(provider))
        assert (page.status_code, "and all are taken" in shown(page)) == (400, True)
        assert not Person.objects.filter(name="Lee Park").exists()

    def test_without_a_provider_of_its_own_it_says_whom_to_ask(self, client: Client) -> None:
        assert "has no identity provider of its own here" in shown(client.get(PEOPLE))

    def test_saml_asks_for_the_format(
        self, client: Client, acme: Partner, provider: IdentityProvider
    ) -> None:
        assert "NameID format" not in shown(client.get(PEOPLE))
        saml = partner_provider(acme, kind="saml")
        assert "NameID format" in shown(client.get(PEOPLE))
        usual = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
        client.post(PEOPLE, self.told(saml, subject_format=usual))
        client.post(PEOPLE, self.told(provider, subject="max", name="Max", subject_format=usual))
        formats = [
            Person.objects.get(name=name).identities.get().subject_format for name in ("Lee Park", "Max")
        ]
        assert formats == [usual, ""]

    def test_deactivated_and_back(self, client: Client, acme: Partner) -> None:
        pat = make_person("Pat Moss", partner=acme)
        make_grant(pat)
        where = reverse("web:colleague-deactivate", args=[pat.pk])
        assert "1 access right of theirs" in shown(client.get(where))
        assert client.post(where, {"reason": " "}).status_code == 400
        assert client.post(where, {"reason": "x" * 301}).status_code == 400
        page = client.post(where, {"reason": "left us"}, follow=True)
        assert "Pat Moss is deactivated; access ended: 1" in shown(page)
        assert "By your company." in shown(page)
        back = client.post(
            reverse("web:colleague-reactivate", args=[pat.pk]), {"reason": "back"}, follow=True
        )
        assert "Pat Moss may sign in again" in shown(back)

    def test_the_last_admin_has_no_such_button(self, client: Client, kim: Person, acme: Partner) -> None:
        where = reverse("web:colleague-deactivate", args=[kim.pk])
        assert where not in shown(client.get(PEOPLE))
        assert client.post(where, {"reason": "r"}).status_code == 403
        second = make_person("Second", partner=acme)
        assert "looks after your people now, too" in shown(
            client.post(reverse("web:colleague-admin", args=[second.pk]), {"admin": "yes"}, follow=True)
        )
        assert where in shown(client.get(PEOPLE))
        left = client.post(reverse("web:colleague-admin", args=[kim.pk]), {"admin": "no"}, follow=True)
        assert left.redirect_chain == [("/company/", 303)]
        assert client.get(PEOPLE).status_code == 403

    def test_others_are_not_let_in(self, acme: Partner, kim: Person) -> None:
        make_partner_admin(make_partner("Globex"), "Gil")
        for person, status in {
            make_person("Pat", partner=acme): 403,
            make_admin("view_partner", "change_person"): 404,
            make_person("Any"): 404,
            kim: 200,
        }.items():
            for path in (PEOPLE, TRAIL, "/company/trail.csv"):
                assert signed_in(person).get(path).status_code == status, (person, path)

    def test_only_its_own_people_are_listed(self, client: Client) -> None:
        make_person("Elsewhere", partner=make_partner("Globex"))
        make_person("Ours")
        page = shown(client.get(PEOPLE))
        assert "Kim Reyes" in page
        assert "Elsewhere" not in page
        assert "Ours" not in page

    def test_many_people_take_as_many_queries_as_one(
        self, client: Client, acme: Partner, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(10):
            make_person(f"P{number}", partner=acme)
        with django_assert_max_num_queries(16):
            client.get(PEOPLE)


def note(kind: EventType, **fields: Any) -> None:
    record(Entry(type=kind, at=database_now(), actor=fields.pop("actor", SHELL), **fields))


class TestTrail:
    def test_its_people_grants_and_company_are_told(self, client: Client, kim: Person, acme: Partner) -> None:
        grant = account_grant(partner_account(acme))
        who = Actor(ActorKind.PERSON, kim.name, kim.pk, ip="198.51.100.7")
        note(EventType.SIGN_IN_SUCCEEDED, person_id=kim.pk, actor=who)
        note(EventType.GRANT_MADE, grant_id=grant.pk, details={"reason": "A joint project"})
        note(EventType.PARTNER_ROLE_MADE, grant_id=grant.pk, actor=Actor.system("roles"))
        suspend_partner(partner_id=acme.pk, reason="internal words", actor=SHELL)
        page = shown(client.get(TRAIL))
        for words in (
            "Signed in",
            "198.51.100.7",
            "Access granted",
            "A joint project",
            "Read the bucket shared-reports",
            "Role made in AWS: you get in",
            "Company suspended",
            "Kim Reyes",
        ):
            assert words in page, words
        assert "internal words" not in page

    def test_nothing_of_the_other_side_is_told(self, client: Client, kim: Person, acme: Partner) -> None:
        ada = make_admin("change_partner", name="Ada Secret")
        theirs = Actor(ActorKind.PERSON, ada.name, ada.pk, ip="203.0.113.9", user_agent="inside/1")
        grant = account_grant(partner_account(acme))
        globex = make_partner("Globex")
        gil = make_partner_admin(globex, "Gil")
        hidden = (
            EventType.RECORD_CHANGED,
            EventType.ALARM_RAISED,
            EventType.DRIFT_FOUND,
            EventType.SPONSOR_ASKED,
            EventType.DOCTOR_ASKED,
            EventType.PROBE_MADE,
            EventType.PARTNER_ROLE_FAILING,
        )
        for kind in hidden:
            note(kind, actor=theirs, partner_id=acme.pk, grant_id=grant.pk, details={"reason": "inner words"})
        note(EventType.GRANT_REVOKED, actor=theirs, grant_id=grant.pk, details={"reason": "done"})
        note(
            EventType.PERSON_CHANGED,
            actor=theirs,
            person_id=kim.pk,
            details={"reason": "inner words", "is_active": False},
        )
        note(EventType.PERSON_ADMITTED, person_id=gil.pk, partner_id=globex.pk)
        # About somebody who was of another company when it happened.
        note(EventType.PERSON_ADMITTED, person_id=kim.pk, partner_id=globex.pk, details={"name": "Of Globex"})
        page = shown(client.get(TRAIL))
        assert page.count("An admin of your host") == 2
        for words in (
            "Ada Secret",
            "203.0.113.9",
            "inside/1",
            "inner words",
            "Gil",
            "Globex",
            "access.",
            "directory.",
        ):
            assert words not in page, words
        sheet = shown(client.get("/company/trail.csv"))
        assert sheet.count("\r\n") == 3
        assert "Ada Secret" not in sheet

    def test_page_by_page_each_event_once(self, client: Client, kim: Person) -> None:
        for number in range(120):
            note(EventType.TOKEN_CREATED, person_id=kim.pk, actor=as_actor(kim), details={"n": number})
        seen, where = 0, TRAIL
        for size in (50, 50, 20):
            page: Any = client.get(where)
            seen += len(page.context["page"].events)
            assert len(page.context["page"].events) == size
            where = page.context["page"].older
        assert (seen, where) == (120, "")

    @pytest.mark.parametrize("before", ["x", "-1", "1e9", "9" * 30, "\u0663"])
    def test_a_page_that_isnt_one(self, client: Client, before: str) -> None:
        assert client.get(TRAIL, {"before": before}).status_code == 400
        assert client.get(TRAIL, {"before": "1"}).status_code == 200

    def test_no_cell_is_a_formula(self, client: Client, acme: Partner) -> None:
        evil = make_person('=HYPERLINK("http://evil.example","x")', partner=acme)
        note(EventType.SIGN_IN_SUCCEEDED, person_id=evil.pk, actor=as_actor(evil))
        answer = client.get("/company/trail.csv")
        rows = list(csv.reader(io.StringIO(shown(answer))))
        assert rows[0] == ["When (UTC)", "What", "About", "Who", "From", "Why"]
        assert rows[1][2] == rows[1][3] == f"'{evil.name}"
        assert answer["Content-Type"].startswith("text/csv")
        assert answer["Content-Disposition"] == 'attachment; filename="audit-trail.csv"'

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "%", "|", "\uff1d"])
    def test_what_looks_like_a_formula_is_text(self, start: str) -> None:
        assert cell(f"{start}cmd") == f"'{start}cmd"
        assert cell(f"a{start}cmd") == f"a{start}cmd"

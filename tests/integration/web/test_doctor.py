"""The doctor's pages: who may ask, what they read, and that a person learns why they were refused."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from portal.access.models import Grant, PartnerRole
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsAccount
from portal.directory.models import Partner, Person
from tests.fakes import DENIED, UNAVAILABLE, FakeAws
from tests.partners import account_grant, make_partner, make_partner_admin, partner_account
from tests.world import HOUR, make_admin, make_grant, make_person, make_role, signed_in

pytestmark = pytest.mark.django_db
DOCTOR = "/doctor/"


@pytest.fixture
def acme() -> Partner:
    return make_partner("Acme")


@pytest.fixture
def grant(acme: Partner, aws: FakeAws) -> Grant:
    made = account_grant(partner_account(acme))
    AwsAccount.objects.update(provisioner_role_arn="arn:aws:iam::222222222222:role/provisioner")
    # Nobody took the role away; what it looks like in AWS is of no matter here.
    PartnerRole.objects.update(wanted=2)
    return made


def text(answer: object) -> str:
    return " ".join(answer.content.decode().split())  # type: ignore[attr-defined]  # the test client's answer


class TestOfAPartnersRole:
    def test_an_admin_is_told_in_a_sentence_what_stopped_it(self, grant: Grant) -> None:
        client = signed_in(make_admin("view_grant", "view_partner"))
        answer = client.post(DOCTOR, {"role_arn": grant.role.arn, "partner_account_number": "7777-7777-7777"})
        page = text(answer)
        assert answer.status_code == 200
        assert (
            "The call came from account 777777777777; the role trusts 333333333333 (Production) alone."
            in page
        )
        assert "Stopped it" in page
        assert reverse("web:partner", args=["acme"]) in page
        asked = text(client.get(f"{DOCTOR}?grant={grant.pk}"))
        assert f'href="{reverse("web:grant", args=[grant.pk])}"' in asked
        assert reverse("web:grant", args=[grant.pk]) in page
        assert AuditEvent.objects.filter(type="access.doctor.asked", grant_id=grant.pk).count() == 1

    def test_the_healthy_neighbour_hears_that_nothing_stops_it(self, grant: Grant) -> None:
        told = {"role_arn": grant.role.arn, "partner_account_number": "333333333333"}
        page = text(signed_in(make_admin("view_grant")).post(DOCTOR, told))
        assert "Nothing here stops it." in page
        assert "Stopped it" not in page

    def test_from_the_grants_page_its_role_is_filled_in(self, grant: Grant) -> None:
        page = text(signed_in(make_admin("view_grant")).get(f"{DOCTOR}?grant={grant.pk}"))
        assert f'value="{grant.role.arn}"' in page
        assert 'value="333333333333"' in page

    def test_times_are_read_by_the_askers_own_clock(self, grant: Grant) -> None:
        admin = make_admin("view_grant")
        Person.objects.filter(pk=admin.pk).update(time_zone="Asia/Tokyo")
        at = grant.starts_at.replace(second=0, microsecond=0) - HOUR
        told = {"role_arn": grant.role.arn, "at": f"{at.astimezone(ZoneInfo('Asia/Tokyo')):%Y-%m-%dT%H:%M}"}
        page = text(signed_in(admin).post(DOCTOR, told))
        assert f"The call came at {at:%Y-%m-%d %H:%M:%S} UTC; the grant starts only at" in page

    def test_what_can_not_be_meant_is_said_at_its_field_and_kept(self, grant: Grant) -> None:
        answer = signed_in(make_admin("view_grant")).post(
            DOCTOR, {"role_arn": grant.role.arn, "partner_account_number": "12345", "error_text": "<b>no</b>"}
        )
        assert answer.status_code == 400
        page = text(answer)
        assert "An AWS account number has 12 digits." in page
        assert "&lt;b&gt;no&lt;/b&gt;" in page
        assert "<b>no</b>" not in page
        assert not AuditEvent.objects.filter(type="access.doctor.asked").exists()

    def test_a_partners_admin_reads_of_their_own_companys_alone(self, grant: Grant, acme: Partner) -> None:
        own = signed_in(make_partner_admin(acme))
        other = signed_in(make_partner_admin(make_partner("Beta"), "Bo Beta"))
        told = {"role_arn": grant.role.arn, "partner_account_number": "777777777777"}
        page = text(own.post(DOCTOR, told))
        assert "The call came from account 777777777777" in page
        assert f'href="{reverse("web:grant", args=[grant.pk])}"' not in page
        assert reverse("web:company-grant", args=[grant.pk]) in page
        assert "There is no such role of a grant to a partner here." in text(other.post(DOCTOR, told))
        assert own.get(f"{DOCTOR}?grant={grant.pk}").status_code == 200
        assert other.get(f"{DOCTOR}?grant={grant.pk}").status_code == 404
        assert other.get(f"{DOCTOR}?grant=nonsense").status_code == 404

    def test_of_a_persons_grant_this_page_knows_nothing(self, grant: Grant) -> None:
        client = signed_in(make_admin("view_grant"))
        persons = make_grant(make_person("Ben"))
        assert client.get(f"{DOCTOR}?grant={persons.pk}").status_code == 404
        assert client.get(f"{DOCTOR}?grant={grant.pk}").status_code == 200

    def test_both_sides_pages_of_the_grant_lead_there(self, grant: Grant, acme: Partner) -> None:
        address = f"{DOCTOR}?grant={grant.pk}"
        assert address in text(signed_in(make_admin("view_grant")).get(reverse("web:grant", args=[grant.pk])))
        companys = reverse("web:company-grant", args=[grant.pk])
        assert address in text(signed_in(make_partner_admin(acme)).get(companys))
        colleague = signed_in(make_person("Cleo Colleague", partner=acme)).get(companys)
        assert address not in text(colleague)

    @pytest.mark.parametrize(
        ("told", "page"),
        [
            ({"sends_none": "on"}, "partner-account"),
            ({"at": "2000-01-01T00:00"}, "partner-grant"),
            ({"action": "s3:PutObject"}, ""),
        ],
    )
    def test_what_mends_it_is_a_click_away(self, grant: Grant, told: dict[str, str], page: str) -> None:
        client = signed_in(make_admin("view_grant", "view_partner", "change_partner", "make_grant"))
        said = text(client.post(DOCTOR, {"role_arn": grant.role.arn, **told}))
        account = grant.partner_account
        assert account is not None
        links = {
            "partner-account": reverse("web:partner-account", args=["acme", account.pk]),
            "partner-grant": reverse("web:partner-grant", args=["acme"]),
        }
        assert {name for name, link in links.items() if f'href="{link}"' in said} == (
            {page} if page else set()
        )

    def test_others_see_their_own_refusals_and_ask_nothing(
        self, grant: Grant, ben: Person, aws: FakeAws
    ) -> None:
        answer = signed_in(ben).post(DOCTOR, {"role_arn": grant.role.arn})
        assert "Nothing was refused to you" in text(answer)
        assert grant.role.arn not in text(answer)
        assert not AuditEvent.objects.filter(type="access.doctor.asked").exists()
        assert aws.count("read_role") == 0

    def test_a_stranger_is_sent_to_sign_in(self) -> None:
        assert Client().get(DOCTOR).headers["Location"] == "/sign-in/?next=/doctor/"
        assert Client().post(DOCTOR).headers["Location"] == "/sign-in/"

    def test_a_forged_form_is_refused(self, grant: Grant) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(make_admin("view_grant"))
        assert client.post(DOCTOR, {"role_arn": grant.role.arn}).status_code == 403
        assert not AuditEvent.objects.filter(type="access.doctor.asked").exists()


@pytest.mark.usefixtures("aws")
class TestWhyIWasRefused:
    def test_the_error_page_leads_to_why(self, ben: Person) -> None:
        grant = make_grant(ben, ends_at=datetime.now(UTC) - HOUR / 2)
        client = signed_in(ben)
        refused = client.post(reverse("web:credentials", args=[grant.pk]))
        assert refused.status_code == 409
        address = reverse("web:why", args=[grant.pk])
        assert f'href="{address}"' in text(refused)
        page = text(client.get(address))
        assert "The grant ended at" in page
        assert "See what I may take" in page

    def test_a_role_that_is_switched_off(self, ben: Person) -> None:
        grant = make_grant(ben, make_role(is_enabled=False))
        client = signed_in(ben)
        assert client.post(reverse("web:credentials", args=[grant.pk])).status_code == 403
        assert "The role is switched off." in text(client.get(reverse("web:why", args=[grant.pk])))

    def test_what_aws_refused_is_told_and_whether_trying_again_helps(self, ben: Person, aws: FakeAws) -> None:
        client = signed_in(ben)
        for problem, words in ((DENIED, "won&#x27;t help"), (UNAVAILABLE, "may help")):
            grant = make_grant(ben)
            aws.fail["assume_role"] = problem
            assert client.post(reverse("web:credentials", args=[grant.pk])).status_code == 503
            page = text(client.get(reverse("web:why", args=[grant.pk])))
            assert "AWS: " in page
            assert words in page

    def test_with_nothing_refused_nothing_stops_it(self, ben: Person) -> None:
        page = text(signed_in(ben).get(reverse("web:why", args=[make_grant(ben).pk])))
        assert "Nothing here stops it." in page

    def test_an_error_that_is_no_refusal_of_a_grant_leads_nowhere(self, ben: Person, mallory: Person) -> None:
        grant = make_grant(ben)
        not_there = signed_in(mallory).post(reverse("web:credentials", args=[grant.pk]))
        assert not_there.status_code == 404
        assert "/doctor/" not in text(not_there)
        assert "/doctor/" not in text(signed_in(ben).get("/now/"))

    def test_an_admin_may_look_for_them(self, ben: Person) -> None:
        address = reverse("web:why", args=[make_grant(ben).pk])
        assert signed_in(make_admin("view_grant")).get(address).status_code == 200
        assert signed_in(make_person("Somebody Else")).get(address).status_code == 404

    def test_a_grant_to_an_account_is_nobodys_own(self, grant: Grant) -> None:
        address = reverse("web:why", args=[grant.pk])
        assert signed_in(make_admin("view_grant")).get(address).status_code == 404

    def test_the_list_names_the_newest_of_each_grant(self, ben: Person) -> None:
        over = make_grant(ben, ends_at=datetime.now(UTC) - HOUR / 2)
        off = make_grant(ben, make_role("Switched off", is_enabled=False))
        client = signed_in(ben)
        for grant in (over, off, over):
            client.post(reverse("web:credentials", args=[grant.pk]))
        page = text(client.get(DOCTOR))
        assert page.count(">Why?<") == 2
        assert page.index(str(over.pk)) < page.index(str(off.pk))

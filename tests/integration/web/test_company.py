"""A partner's own pages: who sees what of its company, and that nothing of anybody else's is there."""

import io
import re
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.access.models import ExternalId, Grant
from portal.directory.models import Partner, Person
from tests.partners import account_grant, make_partner, make_partner_admin, partner_account
from tests.world import make_admin, make_grant, make_person, signed_in

pytestmark = pytest.mark.django_db
NEVER = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def acme(db: None) -> Partner:
    return make_partner(sponsor=make_person("Sam Sponsor", email="sam@host.example"))


@pytest.fixture
def kim(acme: Partner) -> Person:
    return make_partner_admin(acme)


@pytest.fixture
def pat(acme: Partner) -> Person:
    return make_person("Pat Moss", partner=acme)


@pytest.fixture
def grant(acme: Partner) -> Grant:
    return account_grant(partner_account(acme))


@pytest.fixture
def others(db: None) -> Grant:
    """A grant of another company's."""
    globex = make_partner("Globex")
    make_partner_admin(globex, "Gil")
    return account_grant(
        partner_account(globex, "444444444444", name="Elsewhere"), scope_summary="Theirs alone"
    )


def get(person: Person, name: str, *args: Any, **query: Any) -> Any:
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client.get(reverse(f"web:{name}", args=args), query)


def external_id() -> str:
    return str(ExternalId.objects.get(partner_account__partner__name="Acme").value)


class TestCompany:
    @pytest.mark.usefixtures("grant", "others")
    def test_its_people_see_what_it_has(self, pat: Person) -> None:
        page = get(pat, "company").content.decode()
        assert "Read the bucket shared-reports" in page
        assert "Sam Sponsor" in page
        assert "2222-2222-2222" in page
        assert "Theirs alone" not in page
        assert "Globex" not in page

    def test_the_external_id_and_the_ways_are_for_its_admins(
        self, kim: Person, pat: Person, grant: Grant
    ) -> None:
        where = reverse("web:company-grant", args=[grant.pk])
        theirs, admins = (get(one, "company").content.decode() for one in (pat, kim))
        assert where not in theirs
        assert where in admins
        assert "ask Kim Reyes" in theirs
        assert reverse("web:company-people") in admins
        for page in (theirs, admins):
            assert external_id() not in page

    def test_of_the_own_company_there_is_no_such_page(self, ben: Person, pat: Person) -> None:
        assert get(ben, "company").status_code == 404
        assert get(make_admin("view_partner", "change_partner"), "company").status_code == 404
        assert get(pat, "company").status_code == 200

    @pytest.mark.usefixtures("grant")
    def test_what_ended_is_shown_for_a_week(self, pat: Person) -> None:
        now = datetime.now(UTC)
        Grant.objects.update(state="revoked", ended_at=now - timedelta(days=6))
        assert "shared-reports" in get(pat, "company").content.decode()
        Grant.objects.update(
            state="revoked",
            ended_at=now - timedelta(days=8),
            starts_at=NEVER,
            ends_at=now - timedelta(days=8),
        )
        assert "shared-reports" not in get(pat, "company").content.decode()

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"suspended_at": NEVER}, "Acme is suspended"),
            (
                {"contract_starts_at": NEVER, "contract_ends_at": NEVER + timedelta(days=1)},
                "The contract is over",
            ),
            ({"sponsor": None}, "Nobody at the moment"),
        ],
    )
    def test_it_says_how_the_company_stands(self, pat: Person, changed: dict[str, Any], words: str) -> None:
        assert words not in get(pat, "company").content.decode()
        Partner.objects.update(**changed)
        assert words in get(pat, "company").content.decode()

    def test_a_sponsor_who_is_gone_is_not_named(self, pat: Person) -> None:
        Person.objects.filter(name="Sam Sponsor").update(is_active=False, deactivated_at=NEVER)
        page = get(pat, "company").content.decode()
        assert "Sam Sponsor" not in page

    def test_the_menu_leads_there(self, pat: Person, ben: Person) -> None:
        assert 'href="/company/"' in get(pat, "my-access").content.decode()
        assert 'href="/company/"' not in get(ben, "my-access").content.decode()

    def test_many_grants_take_as_many_queries_as_one(
        self, kim: Person, grant: Grant, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(5):
            account_grant(grant.partner_account)  # type: ignore[arg-type]  # it has one
        client = signed_in(kim)
        with django_assert_max_num_queries(12):
            client.get("/company/")


class TestHandOver:
    FILES = ("company-grant", "company-grant-zip")

    def test_an_admin_gets_it_and_its_other_people_dont(
        self, kim: Person, pat: Person, grant: Grant, others: Grant
    ) -> None:
        ours = make_admin("view_partner", name="Ada")
        gil = Person.objects.get(name="Gil")
        urls = [("company-grant",), ("company-grant-zip",)]
        texts = ["readme", "profile", "terraform", "boto3", "policy", "test"]
        for name, *rest in [*urls, *(("company-grant-text", key) for key in texts)]:
            expected = {
                kim: 200,
                ours: 200,
                pat: 403,
                gil: 404,
                make_person("Any"): 404,
                make_admin("view_grant"): 404,
            }
            for person, status in expected.items():
                answer = get(person, name, grant.pk, *rest)
                assert answer.status_code == status, (name, person)
                assert (external_id().encode() in answer.content) is (
                    status == 200 and rest not in (["policy"], ["test"])
                )
            assert get(kim, name, others.pk, *rest).status_code == 404
        refused = get(pat, "company-grant", grant.pk).content.decode()
        assert "This is for the admins of Acme: ask Kim Reyes." in refused

    def test_a_persons_grant_is_none(self, kim: Person, pat: Person) -> None:
        grant = make_grant(pat)
        assert get(kim, "company-grant", grant.pk).status_code == 404
        assert get(make_admin("view_partner"), "company-grant", grant.pk).status_code == 404

    def test_a_former_admin_gets_nothing(self, kim: Person, grant: Grant) -> None:
        Person.objects.filter(pk=kim.pk).update(is_partner_admin=False)
        kim.refresh_from_db()
        assert get(kim, "company-grant", grant.pk).status_code == 403

    def test_while_it_is_rotated_both_are_there_and_the_new_one_is_in_the_texts(
        self, kim: Person, grant: Grant
    ) -> None:
        old = ExternalId.objects.get()
        assert grant.partner_account is not None
        now = datetime.now(UTC)
        ExternalId.objects.update(accepted_until=now + timedelta(hours=5))
        new = ExternalId.objects.create(partner_account=grant.partner_account, made_at=now)
        page = get(kim, "company-grant", grant.pk).content.decode()
        assert str(old.value) in page
        assert "Still works until" in page
        profile = get(kim, "company-grant-text", grant.pk, "profile").content.decode()
        assert f"external_id = {new.value}\n" in profile
        assert str(old.value) not in profile
        readme = get(kim, "company-grant-text", grant.pk, "readme").content.decode()
        assert f"Old ExternalId: {old.value} (works until" in readme
        ExternalId.objects.filter(pk=old.pk).update(accepted_until=now)
        assert str(old.value) not in get(kim, "company-grant", grant.pk).content.decode()

    def test_all_files_in_one(self, kim: Person, grant: Grant) -> None:
        answer = get(kim, "company-grant-zip", grant.pk)
        [name] = re.findall(r'attachment; filename="([a-z0-9-]+)\.zip"', answer["Content-Disposition"])
        with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
            assert packed.namelist() == [
                f"{name}/{file}"
                for file in (
                    *("README.txt", "aws-config.txt", "sallyport.tf"),
                    *("sallyport_session.py", "policy-on-your-side.json", "test.sh"),
                )
            ]
            whole = b"".join(packed.read(each) for each in packed.namelist()).decode()
        assert external_id() in whole
        assert "aws s3 ls s3://shared-reports/ --profile" in whole
        assert name.startswith("s3-bucket-read-only-")

    def test_what_somebody_typed_is_in_no_line_that_runs(self, kim: Person, grant: Grant) -> None:
        evil = 'x"\n; rm -rf ~ #\x1b[2J$(reboot)'
        Grant.objects.update(reason=evil, scope_summary=evil)
        grant.scope_template.name = f"../../{evil}"  # type: ignore[union-attr]  # it has one
        grant.scope_template.save()  # type: ignore[union-attr]  # as above
        for key in ("profile", "terraform", "boto3", "policy", "test"):
            text = get(kim, "company-grant-text", grant.pk, key).content.decode()
            assert "rm -rf" not in text
            assert "$(" not in text
        answer = get(kim, "company-grant-zip", grant.pk)
        with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
            assert all(re.fullmatch(r"[a-z0-9-]+/[A-Za-z_.-]+", name) for name in packed.namelist())
            readme = packed.read(packed.namelist()[0]).decode()
        assert "\x1b" not in readme
        assert re.fullmatch(r'attachment; filename="[a-z0-9-]+\.zip"', answer["Content-Disposition"])

    def test_once_it_is_over_there_is_nothing_to_hand_over(self, kim: Person, grant: Grant) -> None:
        Grant.objects.update(state="revoked", ended_at=datetime.now(UTC))
        page = get(kim, "company-grant", grant.pk)
        assert "It has ended" in page.content.decode()
        assert external_id() not in page.content.decode()
        assert get(kim, "company-grant-zip", grant.pk).status_code == 409
        assert get(kim, "company-grant-text", grant.pk, "profile").status_code == 409

    def test_a_text_that_isnt_there(self, kim: Person, grant: Grant) -> None:
        assert get(kim, "company-grant-text", grant.pk, "nothing").status_code == 404

    def test_it_says_what_it_waits_for(self, kim: Person, grant: Grant) -> None:
        later = account_grant(grant.partner_account, state="making")  # type: ignore[arg-type]  # it has one
        assert "being made in AWS" in get(kim, "company-grant", later.pk).content.decode()
        assert "being made in AWS" not in get(kim, "company-grant", grant.pk).content.decode()

    def test_it_is_never_kept(self, kim: Person, grant: Grant) -> None:
        for name in self.FILES:
            assert "no-store" in get(kim, name, grant.pk)["Cache-Control"]

    def test_an_admins_page_of_the_grant_leads_there(self, grant: Grant) -> None:
        where = f'href="{reverse("web:company-grant", args=[grant.pk])}"'
        both, alone = make_admin("view_grant", "view_partner"), make_admin("view_grant", name="G")
        for person, leads in ((both, True), (alone, False)):
            assert (where in get(person, "grant", grant.pk).content.decode()) is leads

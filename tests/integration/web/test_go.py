"""/go/ACCOUNT/ROLE: one link for everybody, which opens only what its reader holds."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

import pytest
from django.test import Client
from django.urls import reverse

from portal.access.models import Grant
from portal.catalog.models import AwsRole
from portal.directory.models import Partner, Person
from portal.kernel.errors import UpstreamError
from tests.entitled import entitle, make_group
from tests.fakes import FakeAws
from tests.partners import make_partner
from tests.vouched import tests_provider as usual_provider
from tests.world import Answer, make_grant, make_person, make_role, make_scheduled, signed_in

pytestmark = pytest.mark.django_db
S3 = "https://console.aws.amazon.com/s3/home"


def link(grant: Grant, query: str = "") -> str:
    return f"/go/{grant.role.account.account_id}/{grant.role.name}{query}"


def visit(person: Person, path: str) -> Answer:
    return signed_in(person).get(path)


def shown(person: Person, path: str, status: int = 200) -> str:
    answer = visit(person, path)
    assert answer.status_code == status
    return answer.content.decode()


def test_it_shows_what_it_opens_and_the_button_opens_it(ben: Person, aws: FakeAws) -> None:
    grant = make_grant(ben)
    page = shown(ben, link(grant, "?to=s3&region=eu-west-1"))
    assert "S3 in eu-west-1" in page
    assert f'action="{reverse("web:open-console", args=[grant.pk])}"' in page
    assert f'name="destination" value="{S3}?region=eu-west-1"' in page
    assert aws.calls == []
    answer = signed_in(ben).post(
        reverse("web:open-console", args=[grant.pk]), {"destination": f"{S3}?region=eu-west-1"}
    )
    assert answer.status_code == 303


def test_the_form_may_lead_to_the_sign_in_hosts(ben: Person) -> None:
    policy = visit(ben, link(make_grant(ben))).headers["Content-Security-Policy"]
    assert "signin.aws.amazon.com" in policy.split("form-action")[1]


def test_a_whole_address_is_taken_as_it_is_on_the_partitions_own_hosts_alone(ben: Person) -> None:
    grant = make_grant(ben)
    address = "https://eu-west-1.console.aws.amazon.com/s3/buckets/a"
    assert f'value="{address}"' in shown(ben, link(grant, f"?to={address}"))
    for wrong in (
        "https://evil.example.test/",
        "https://console.aws.amazon.com.evil.example.test/",
        "https://console.amazonaws.cn/s3/home",
        "javascript://console.aws.amazon.com/%0aalert(1)",
        "//console.aws.amazon.com/",
    ):
        page = shown(ben, link(grant, f"?to={wrong}"), 400)
        assert "Open console" not in page
        assert "https://console.aws.amazon.com/" in page


@pytest.mark.parametrize("query", ["?to=nothing", "?to=s3&region=cn-north-1", "?to=s3&region=eu west&x=1"])
def test_a_place_that_is_none_is_named_with_what_is(ben: Person, query: str) -> None:
    page = shown(ben, link(make_grant(ben), query), 400)
    assert "Open console" not in page
    assert "This link says" in page


def test_the_account_may_be_said_by_its_name_and_the_role_in_any_case(ben: Person) -> None:
    grant = make_grant(ben)
    slug = grant.role.account.name.lower().replace(" ", "-")
    assert "Open console" in shown(ben, f"/go/{slug}/{grant.role.name.lower()}")
    assert "Console home" in shown(ben, f"/go/{slug}/{grant.role.name}")


def test_of_several_grants_it_asks_which(ben: Person) -> None:
    role = make_role()
    first = make_grant(ben, role, reason="The morning's errors")
    second = make_grant(ben, role, reason="A migration", ends_at=first.ends_at + timedelta(hours=1))
    other = make_grant(ben, make_role())
    page = shown(ben, link(first))
    assert "Which of them do you mean?" in page
    assert "The morning&#x27;s errors" in page
    assert "A migration" in page
    for grant in (first, second):
        assert reverse("web:open-console", args=[grant.pk]) in page
    assert reverse("web:open-console", args=[other.pk]) not in page


def test_one_that_has_not_begun_says_so(ben: Person) -> None:
    grant = make_scheduled(ben)
    page = shown(ben, link(grant))
    assert "It has not started yet." in page
    assert reverse("web:grant", args=[grant.pk]) in page
    assert reverse("web:open-console", args=[grant.pk]) not in page


def test_another_role_of_the_same_account_is_not_meant(ben: Person) -> None:
    grant = make_grant(ben)
    other = make_grant(ben, make_role("Power user", account=grant.role.account, name="PowerUser"))
    for meant, not_meant in ((grant, other), (other, grant)):
        page = shown(ben, link(meant))
        assert reverse("web:open-console", args=[meant.pk]) in page
        assert reverse("web:open-console", args=[not_meant.pk]) not in page


def test_a_role_that_is_switched_off_says_so(ben: Person) -> None:
    grant = make_grant(ben)
    assert "Open console" in shown(ben, link(grant))
    AwsRole.objects.filter(pk=grant.role_id).update(is_enabled=False)
    page = shown(ben, link(grant))
    assert "This access is switched off: ask an admin." in page
    assert "Open console" not in page


def test_a_suspended_partners_people_are_offered_nothing() -> None:
    partner = make_partner()
    pia, role = make_person("Pia Partner", partner=partner), make_role()
    entitle(make_group(pia), role)
    path = f"/go/{role.account.account_id}/{role.name}"
    assert "You may take it now" in shown(pia, path)
    Partner.objects.filter(pk=partner.pk).update(suspended_at=datetime.now(UTC))
    pia.refresh_from_db()
    shown(pia, path, 404)


def test_a_role_without_console_says_so(ben: Person) -> None:
    by_proof = make_role(
        method="saml", vouched_by=usual_provider(), provider_arn="arn:aws:iam::1:x", audience="a"
    )
    for role in (make_role(allows_console=False), by_proof):
        page = shown(ben, link(make_grant(ben, role)))
        assert "console can&#x27;t be opened from here" in page
        assert "Open console" not in page


def test_what_ones_groups_may_take_is_offered_and_leads_back(ben: Person) -> None:
    role = make_role()
    offer = entitle(make_group(ben), role)
    path = f"/go/{role.account.account_id}/{role.name}?to=s3"
    page = shown(ben, path)
    assert "You may take it now" in page
    take = f"{reverse('web:take', args=[offer.pk])}?next={quote(path, safe='')}"
    assert take in page
    answer = signed_in(ben).post(take, {"minutes": "15", "reason": "r"})
    assert answer.status_code == 303
    assert unquote(answer.headers["Location"]) == path
    assert "Open console" in shown(ben, path)


def test_taking_leads_to_no_other_site(ben: Person) -> None:
    offer = entitle(make_group(ben), make_role())
    path = reverse("web:take", args=[offer.pk])
    answer = signed_in(ben).post(f"{path}?next=//evil.example.test/", {"minutes": "15", "reason": "r"})
    assert answer.headers["Location"] == "/"


def test_who_holds_nothing_learns_nothing(ben: Person, mallory: Person) -> None:
    grant = make_grant(ben)
    there, nowhere = visit(mallory, link(grant)), visit(mallory, "/go/000000000000/NeverMade")
    assert there.status_code == nowhere.status_code == 404
    assert _without_own(there) == _without_own(nowhere)
    assert grant.role.account.name not in there.content.decode()
    # Nor by a wrong place: it is judged only for who holds something.
    wrong = visit(mallory, link(grant, "?to=https://evil.example.test/"))
    assert _without_own(wrong) == _without_own(nowhere)


def test_what_is_over_is_nothing(ben: Person) -> None:
    past = datetime.now(UTC) - timedelta(minutes=1)
    grant = make_grant(ben, ends_at=past, ended_at=past, state="expired")
    assert visit(ben, link(grant)).status_code == 404


def test_an_admin_holds_no_more_than_others() -> None:
    root = make_person("Ruth Root", is_staff=True, is_superuser=True)
    assert visit(root, link(make_grant(make_person("Carla Nunes")))).status_code == 404


def test_who_is_not_signed_in_comes_back_to_it(ben: Person) -> None:
    grant = make_grant(ben)
    answer = Client().get(link(grant, "?to=s3&region=eu-west-1"))
    assert answer.status_code == 303
    assert unquote(answer.headers["Location"].partition("next=")[2]) == link(grant, "?to=s3&region=eu-west-1")


def test_how_to_leave_another_console_is_said(ben: Person) -> None:
    page = shown(ben, link(make_grant(ben)))
    assert 'href="https://signin.aws.amazon.com/oauth?Action=logout"' in page
    assert "multi-session" in page


def _without_own(answer: Answer) -> str:
    page = answer.content.decode().replace(answer.headers["X-Request-Id"], "")
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page)


def test_it_is_shown_while_the_portal_has_no_aws(ben: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_aws() -> None:
        raise UpstreamError("none", upstream_code="aws.no_credentials", retryable=True)

    monkeypatch.setattr("portal.web.go.aws_ports", no_aws)
    monkeypatch.setattr("portal.web.go.sign_out_url", lambda: "")
    page = shown(ben, link(make_grant(ben)))
    assert "Open console" in page
    assert "must first log out" not in page

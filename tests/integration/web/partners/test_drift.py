"""Differences between partners' roles in AWS and what they should be: who sees them, how they read, what is done."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.access.models import Grant, PartnerRole, RoleDrift
from portal.catalog.models import AwsAccount
from portal.directory.models import Person
from portal.kernel.models import OutboxMessage
from tests.integration.web.partner_rows import (
    make_account_grant,
    make_drift,
    make_partner,
    make_partner_account,
    make_place,
    now,
)
from tests.world import make_admin, make_person, signed_in

pytestmark = pytest.mark.django_db
POLL = {"HX-Request": "true"}
WHY = {"reason": "seen by hand"}


@pytest.fixture
def ours(db: None) -> AwsAccount:
    return make_place()


@pytest.fixture
def role(ours: AwsAccount) -> PartnerRole:
    grant: Grant = make_account_grant(make_partner_account(make_partner()), ours)
    return PartnerRole.objects.get(grant=grant)


@pytest.fixture
def found(role: PartnerRole, ours: AwsAccount) -> RoleDrift:
    return make_drift(role, ours)


@pytest.fixture
def warden(db: None) -> Client:
    return signed_in(
        make_admin("view_partner", "change_partner", "revoke_grant", "make_grant", name="Grace Warden")
    )


def page(client: Client) -> str:
    answer = client.get("/partners/drift/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_others_find_nothing_there(found: RoleDrift, ben: Person, role: PartnerRole) -> None:
    guest = make_person("Noor Guest", partner=role.grant.partner, is_partner_admin=True)
    for person in (ben, guest, make_admin("revoke_grant", "change_partner")):
        client = signed_in(person)
        for path in ("", "state", f"{found.pk}/repair/", f"{found.pk}/accept/"):
            assert client.get(f"/partners/drift/{path}", headers=POLL).status_code == 404
        for path in ("check", f"{found.pk}/repair/", f"{found.pk}/accept/"):
            assert client.post(f"/partners/drift/{path}", WHY).status_code == 404
    found.refresh_from_db()
    assert found.state == "open"
    assert not OutboxMessage.objects.filter(topic__startswith="access.drift").exists()


@pytest.mark.parametrize(
    ("act", "rights", "status"),
    [
        ("repair", ("view_partner", "change_partner"), 403),
        ("repair", ("view_partner", "revoke_grant"), 303),
        ("accept", ("view_partner", "revoke_grant"), 403),
        ("accept", ("view_partner", "change_partner"), 403),
        ("accept", ("view_partner", "change_partner", "make_grant"), 303),
    ],
)
def test_each_decision_takes_its_right(
    act: str, rights: tuple[str, ...], status: int, found: RoleDrift
) -> None:
    client = signed_in(make_admin(*rights))
    assert (f"/partners/drift/{found.pk}/{act}/" in page(client)) == (status == 303)
    assert client.post(f"/partners/drift/{found.pk}/{act}/", WHY).status_code == status
    found.refresh_from_db()
    assert found.state == ({"repair": "repairing", "accept": "accepted"}[act] if status == 303 else "open")
    offered = f"/partners/drift/{found.pk}/{act}/" in page(client)
    assert not offered


def test_it_reads_line_by_line_widened_in_word_and_shape(found: RoleDrift, warden: Client) -> None:
    shown = page(warden)
    assert "Widened" in shown
    assert 'class="difference is-wide"' in shown
    assert (
        '<span class="visually-hidden">Only in AWS: </span><code> &quot;AWS&quot;: &quot;*&quot;</code>'
        in shown
    )
    assert "Missing in AWS: " in shown
    assert found.role_name in shown
    assert 'href="/partners/acme/"' in shown


def test_what_is_accepted_is_not_red(found: RoleDrift, warden: Client) -> None:
    RoleDrift.objects.update(state="accepted", reason="on purpose", decided_at=now())
    shown = page(warden)
    assert "is-wide" not in shown
    assert "Accepted by an operator: on purpose" in shown
    assert f"/partners/drift/{found.pk}/repair/" in shown
    assert f"/partners/drift/{found.pk}/accept/" not in shown


def test_what_must_be_decided_comes_first(
    role: PartnerRole, ours: AwsAccount, found: RoleDrift, warden: Client
) -> None:
    make_drift(None, ours, role_name="a-changed", kind="changed", part="tags")
    accepted = {"state": "accepted", "reason": "r", "decided_at": now()}
    make_drift(None, ours, role_name="a-accepted", **accepted)
    make_drift(None, ours, role_name="over", state="over", over_at=now())
    context = warden.get("/partners/drift/").context["page"]
    assert [each.name for each in context.roles] == [found.role_name, "a-changed", "a-accepted"]
    assert context.listing.number == "3"


def test_a_role_that_is_nobodys_is_taken_away(ours: AwsAccount, warden: Client) -> None:
    orphan = make_drift(None, ours, kind="orphaned", part="role", wanted=None, found={"arn": "arn:x"})
    assert "for nobody that is known here" in page(warden)
    asked = warden.get(f"/partners/drift/{orphan.pk}/repair/").content.decode()
    assert "taken away" in asked
    assert warden.post(f"/partners/drift/{orphan.pk}/repair/", WHY).status_code == 303


@pytest.mark.parametrize("act", ["repair", "accept"])
def test_a_reason_is_asked_for_and_what_was_typed_stays(act: str, found: RoleDrift, warden: Client) -> None:
    path = f"/partners/drift/{found.pk}/{act}/"
    assert warden.post(path, {"reason": " "}).status_code == 400
    long = warden.post(path, {"reason": "x" * 501})
    assert long.status_code == 400
    assert "x" * 501 in long.content.decode()
    found.refresh_from_db()
    assert found.state == "open"


def test_what_is_over_is_not_decided(found: RoleDrift, warden: Client) -> None:
    RoleDrift.objects.update(state="over", over_at=now())
    for act in ("repair", "accept"):
        assert warden.get(f"/partners/drift/{found.pk}/{act}/").status_code == 409
        assert warden.post(f"/partners/drift/{found.pk}/{act}/", WHY).status_code == 409


def test_a_check_is_asked_of_one_account_or_of_all(ours: AwsAccount) -> None:
    client = signed_in(make_admin("view_partner"))
    make_place("Logs")
    assert client.post("/partners/drift/check", {"account": str(ours.pk)}).status_code == 303
    assert OutboxMessage.objects.filter(topic="access.drift.check_asked").count() == 1
    assert client.post("/partners/drift/check").status_code == 303
    assert OutboxMessage.objects.filter(topic="access.drift.check_asked").count() == 3
    assert client.post("/partners/drift/check", {"account": "none"}).status_code == 404


def test_it_polls_what_changes_alone(found: RoleDrift, warden: Client) -> None:
    seen = warden.get("/partners/drift/").context["page"].fingerprint

    def poll() -> int:
        return warden.get("/partners/drift/state", {"seen": seen}, headers=POLL).status_code

    assert poll() == 204
    RoleDrift.objects.update(state="over", over_at=now())
    assert poll() == 200
    assert warden.get("/partners/drift/state").headers["Location"] == "/partners/drift/"


def test_an_empty_page_teaches(warden: Client) -> None:
    assert "No account is connected for partners" in page(warden)
    make_place()
    assert "Every role is as it should be" in page(warden)


def test_it_takes_as_many_queries_for_many_as_for_few(
    role: PartnerRole, ours: AwsAccount, warden: Client
) -> None:
    numbers = []
    for crowd in (1, 20):
        for number in range(crowd):
            make_drift(role, ours, role_name=f"sp-{crowd}-{number}")
        with CaptureQueriesContext(connection) as queries:
            page(warden)
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]

"""The page of a grant to a partner's account: how its role stands, until it stands; what to hand over; its end."""

import pytest
from django.test import Client

from portal.access.models import Grant, PartnerRole
from portal.directory.models import PartnerAccount, Person
from portal.web.presenters import GrantPage
from portal.web.presenters.partner_grants import PartnerPart
from tests.integration.web.partner_rows import (
    make_account_grant,
    make_partner,
    make_partner_account,
    make_place,
    make_proof,
    now,
)
from tests.world import make_admin, make_grant, make_person, signed_in

pytestmark = pytest.mark.django_db
POLL = {"HX-Request": "true"}


@pytest.fixture
def theirs(db: None) -> PartnerAccount:
    return make_partner_account(make_partner())


@pytest.fixture
def making(theirs: PartnerAccount) -> Grant:
    return make_account_grant(theirs, make_place(), state="making")


@pytest.fixture
def client(db: None) -> Client:
    return signed_in(make_admin("view_partner", "view_grant", "revoke_grant", name="Grace Warden"))


def part_of(client: Client, grant: Grant) -> PartnerPart:
    part: PartnerPart = client.get(f"/grants/{grant.pk}/").context["part"]
    return part


def steps(client: Client, grant: Grant) -> list[tuple[str, str]]:
    page: GrantPage = client.get(f"/grants/{grant.pk}/").context["grant"]
    return [(step.label, step.state) for step in page.timeline]


def test_it_polls_until_the_role_stands(client: Client, making: Grant) -> None:
    part = part_of(client, making)
    assert (part.state.badge.word, part.state.is_settled) == ("Being made", False)
    assert (
        f'hx-get="/grants/{making.pk}/role?seen={part.fingerprint}"'
        in client.get(f"/grants/{making.pk}/").content.decode()
    )
    path = f"/grants/{making.pk}/role"
    assert client.get(path, {"seen": part.fingerprint}, headers=POLL).status_code == 204
    PartnerRole.objects.update(state="standing", made_at=now(), written=1, due_at=None)
    answer = client.get(path, {"seen": part.fingerprint}, headers=POLL)
    assert answer.status_code == 200
    body = answer.content.decode()
    assert "Stands in AWS" in body
    assert "hx-trigger" not in body
    assert 'id="grant-life" hx-swap-oob="true"' in body
    assert client.get(path).headers["Location"] == f"/grants/{making.pk}/"


def test_it_waits_for_the_proof_and_says_so(client: Client, making: Grant, theirs: PartnerAccount) -> None:
    page = client.get(f"/grants/{making.pk}/").content.decode()
    assert "The ExternalId is proven there first" in page
    proof = make_proof(theirs, making.role.account, "asked")
    part = part_of(client, making)
    assert part.waits_for_proof
    assert part.proof is not None
    assert part.proof.badge.word == "Being proven"
    proof.state, proof.done_at, proof.due_at = "failed", now(), None
    proof.save()
    assert part_of(client, making).waits_for_proof
    proof.state = "proven"
    proof.save()
    assert not part_of(client, making).waits_for_proof


def test_it_has_what_the_partner_needs_for_who_may_see_partners(
    client: Client, theirs: PartnerAccount
) -> None:
    grant = make_account_grant(theirs, make_place())
    page = client.get(f"/grants/{grant.pk}/").content.decode()
    value = str(theirs.external_ids.get().value)
    assert value in page
    assert grant.role.arn[-18:] in page
    assert f'href="/company/grants/{grant.pk}/"' in page
    assert 'href="/partners/acme/"' in page
    assert "Acme, production of Acme" not in page
    assert "Nothing is issued here" in page
    other = signed_in(make_admin("view_grant", name="Only Grants")).get(f"/grants/{grant.pk}/")
    assert other.status_code == 200
    assert value not in other.content.decode()
    assert 'href="/partners/' not in other.content.decode()
    assert 'href="/company/' not in other.content.decode()


def test_who_may_not_see_it(making: Grant, ben: Person, theirs: PartnerAccount) -> None:
    guest = make_person("Noor Guest", partner=theirs.partner, is_partner_admin=True)
    for person in (ben, guest, make_admin("view_partner")):
        browser = signed_in(person)
        for path in ("", "role"):
            assert browser.get(f"/grants/{making.pk}/{path}", headers=POLL).status_code == 404


def test_a_grant_to_a_person_has_no_such_part(client: Client, ben: Person) -> None:
    grant = make_grant(ben)
    answer = client.get(f"/grants/{grant.pk}/")
    assert answer.context["part"] is None
    assert b"Its role in AWS" not in answer.content
    assert client.get(f"/grants/{grant.pk}/role", headers=POLL).status_code == 404


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("making", [("Stands in AWS", "now"), ("Closed in AWS", "todo"), ("Gone", "todo")]),
        ("standing", [("Stands in AWS", "done"), ("Closed in AWS", "todo"), ("Gone", "todo")]),
        ("closing", [("Stands in AWS", "done"), ("Closed in AWS", "now"), ("Gone", "now")]),
        ("gone", [("Stands in AWS", "done"), ("Closed in AWS", "done"), ("Gone", "done")]),
    ],
)
def test_its_life_is_the_roles_too(
    state: str, told: list[tuple[str, str]], client: Client, theirs: PartnerAccount
) -> None:
    grant = make_account_grant(theirs, make_place(), state=state)
    assert [
        step for step in steps(client, grant) if step[0] in {"Stands in AWS", "Closed in AWS", "Gone"}
    ] == told


def test_what_was_never_made_is_told(client: Client, theirs: PartnerAccount) -> None:
    grant = make_account_grant(theirs, make_place(), state="gone")
    PartnerRole.objects.update(made_at=None, closed_at=None)
    assert ("Stands in AWS", "none") in steps(client, grant)
    assert ("Closed in AWS", "none") in steps(client, grant)
    failing = make_account_grant(theirs, make_place("Logs"), state="closing")
    PartnerRole.objects.filter(grant=failing).update(attempts=4, last_error="Throttled")
    assert ("Gone", "failed") in steps(client, failing)
    stuck = make_account_grant(theirs, make_place("More"), state="making")
    PartnerRole.objects.filter(grant=stuck).update(attempts=4, last_error="Throttled")
    assert ("Stands in AWS", "failed") in steps(client, stuck)


def test_after_its_end_nothing_is_handed_over(client: Client, theirs: PartnerAccount) -> None:
    grant = make_account_grant(theirs, make_place(), state="closing")
    part = part_of(client, grant)
    assert (part.external_ids, part.hand_over) == ((), "")
    assert part.state.badge.word == "Being closed"


def test_revoking_says_that_the_role_goes(client: Client, theirs: PartnerAccount) -> None:
    grant = make_account_grant(theirs, make_place())
    page = client.get(f"/grants/{grant.pk}/revoke").content.decode()
    assert "Its role in AWS" in page
    assert "live console session" not in page
    assert client.post(f"/grants/{grant.pk}/revoke", {"reason": "done"}).status_code == 303
    assert PartnerRole.objects.get().state == "closing"

"""A partner's own AWS accounts: add one, see how it is proven, rotate its ExternalId, close it; whose they are."""

from uuid import uuid4

import pytest
from django.test import Client

from portal.access.models import ExternalId, ExternalIdProof, Grant
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsAccount
from portal.directory.models import Partner, PartnerAccount, Person
from portal.web.presenters.partners import AccountPage
from tests.integration.web.partner_rows import (
    make_account_grant,
    make_partner,
    make_partner_account,
    make_place,
    make_proof,
    now,
)
from tests.world import Answer, make_admin, make_person, signed_in

pytestmark = pytest.mark.django_db
POLL = {"HX-Request": "true"}
WHY = {"reason": "asked by them"}


@pytest.fixture
def acme(db: None) -> Partner:
    return make_partner()


@pytest.fixture
def account(acme: Partner) -> PartnerAccount:
    return make_partner_account(acme)


@pytest.fixture
def ours(db: None) -> AwsAccount:
    return make_place()


@pytest.fixture
def path(account: PartnerAccount) -> str:
    return f"/partners/acme/accounts/{account.pk}/"


@pytest.fixture
def client(db: None) -> Client:
    return signed_in(make_admin("view_partner", "change_partner", name="Grace Warden"))


def text(answer: Answer) -> str:
    return " ".join(answer.content.decode().split())


def shown(client: Client, path: str) -> AccountPage:
    page: AccountPage = client.get(path).context["page"]
    return page


def state() -> list[object]:
    return [
        *PartnerAccount.objects.order_by("pk").values_list("pk", "closed_at"),
        *ExternalId.objects.order_by("pk").values_list("pk", "accepted_until"),
        *ExternalIdProof.objects.order_by("pk").values_list("pk", flat=True),
        *Grant.objects.order_by("pk").values_list("pk", "state"),
    ]


def test_who_may_not(
    acme: Partner, account: PartnerAccount, ours: AwsAccount, path: str, ben: Person
) -> None:
    make_account_grant(account, ours)
    before = state()
    guest = make_person("Noor Guest", partner=acme, is_partner_admin=True)
    looker = make_admin("view_partner", "make_grant", "revoke_grant")
    acts = {"rotate/": {"overlap": "0", **WHY}, "close/": WHY, "prove": {"account": str(ours.pk)}}
    for person, status in ((ben, 404), (guest, 404), (make_admin("change_partner"), 404), (looker, 403)):
        browser = signed_in(person)
        assert browser.get(path).status_code == (200 if status == 403 else 404)
        for act, sent in acts.items():
            assert browser.post(path + act, sent).status_code == status
        new = {"account_id": "700000000009", "name": "x"}
        assert browser.post("/partners/acme/accounts/new/", new).status_code == status
    assert state() == before


def test_another_partners_account_is_not_there(client: Client, path: str, account: PartnerAccount) -> None:
    make_partner("Other")
    for act in ("", "rotate/", "close/"):
        other = f"/partners/other/accounts/{account.pk}/{act}"
        assert client.get(other).status_code == 404
        assert client.post(other, WHY).status_code in {404, 405}
    assert client.get(f"/partners/acme/accounts/{uuid4()}/").status_code == 404
    assert client.get(path).status_code == 200


def test_one_is_added_with_an_external_id_of_its_own(client: Client, acme: Partner) -> None:
    sent = {"account_id": "7000-0000-0009", "name": "staging", "partition": "aws"}
    made = client.post("/partners/acme/accounts/new/", sent, follow=True)
    account = PartnerAccount.objects.get()
    assert made.redirect_chain == [(f"/partners/acme/accounts/{account.pk}/", 303)]
    assert (account.account_id, account.partner) == ("700000000009", acme)
    assert str(ExternalId.objects.get().value) in made.content.decode()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"account_id": "123"}, "account_id"),
        ({"account_id": "70000000000٩"}, "account_id"),  # a digit, and not one of AWS's
        ({"account_id": "700000000001"}, "account_id"),
        ({"account_id": "500000000001"}, "account_id"),
        ({"name": ""}, "name"),
        ({"partition": "aws-moon"}, "partition"),
    ],
)
def test_what_is_refused_stays_typed(
    changed: dict[str, str], field: str, client: Client, acme: Partner
) -> None:
    make_partner_account(acme, account_id="700000000001")
    make_place(account_id="500000000001")
    sent = {"account_id": "700000000009", "name": "staging", **changed}
    answer = client.post("/partners/acme/accounts/new/", sent)
    assert answer.status_code == 400
    assert set(answer.context["form"].errors) == {field}
    assert sent["account_id"] in answer.content.decode()
    assert PartnerAccount.objects.count() == 1


def test_a_proof_shows_what_aws_said(
    client: Client, path: str, account: PartnerAccount, ours: AwsAccount
) -> None:
    assert "Not asked for yet" in text(client.get(path))
    make_proof(account, ours)
    page = text(client.get(path))
    assert "First proof in" in page
    assert "<strong>without any</strong>" in page
    assert "Expected: kept out. AWS: AccessDenied." in page
    assert shown(client, path).is_settled


def test_a_failed_proof_is_said_in_word_and_shape(
    client: Client, path: str, account: PartnerAccount, ours: AwsAccount
) -> None:
    step = {"what": "without any", "expected": "kept out", "answer": "in", "is_ok": False, "at": "no time"}
    make_proof(account, ours, "failed", steps=[step], last_error="AWS let somebody in.")
    page = shown(client, path)
    [proof] = page.account.proofs
    assert (proof.badge.word, proof.badge.tone) == ("Not proven", "danger")
    assert [(each.badge.word, each.moment) for each in proof.steps] == [("Not as it must be", None)]
    assert "AWS let somebody in." in text(client.get(path))


def test_a_proof_is_asked_again_in_one_of_our_accounts(
    client: Client, path: str, account: PartnerAccount, ours: AwsAccount
) -> None:
    make_proof(account, ours, "failed")
    assert client.post(f"{path}prove", {"account": str(ours.pk)}).status_code == 303
    asked = ExternalIdProof.objects.get(state="asked")
    assert (asked.account, asked.external_id.partner_account) == (ours, account)
    assert AuditEvent.objects.filter(partner_id=account.partner_id, type="staff.record.changed").count() == 1
    assert not shown(client, path).is_settled
    for wrong in (
        "",
        "none",
        str(uuid4()),
        str(AwsAccount.objects.create(name="Off", account_id="5" * 12).pk),
    ):
        assert client.post(f"{path}prove", {"account": wrong}).status_code == 400
    assert ExternalIdProof.objects.filter(state="asked").count() == 1


def test_it_polls_while_a_proof_is_under_way(
    client: Client, path: str, account: PartnerAccount, ours: AwsAccount
) -> None:
    proof = make_proof(account, ours, "asked")
    seen = shown(client, path).fingerprint
    assert client.get(f"{path}proofs", {"seen": seen}, headers=POLL).status_code == 204
    proof.state, proof.done_at, proof.due_at = "proven", now(), None
    proof.save()
    part = client.get(f"{path}proofs", {"seen": seen}, headers=POLL)
    assert part.status_code == 200
    assert b"hx-trigger" not in part.content
    assert client.get(f"{path}proofs").headers["Location"] == path


def test_rotating_keeps_both_for_a_while(client: Client, path: str, account: PartnerAccount) -> None:
    [old] = account.external_ids.all()
    assert "You hand the new one to the partner" in text(client.get(f"{path}rotate/"))
    done = client.post(f"{path}rotate/", {"overlap": "24", **WHY}, follow=True)
    assert done.redirect_chain == [(path, 303)]
    old.refresh_from_db()
    assert old.accepted_until is not None
    assert 23.9 < (old.accepted_until - now()).total_seconds() / 3600 < 24.1
    page = shown(client, path)
    assert [each.badge.word for each in page.account.external_ids] == ["Current", "Still accepted"]
    assert client.post(f"{path}rotate/", {"overlap": "24", **WHY}).status_code == 409


@pytest.mark.parametrize("sent", [{"overlap": "24", "reason": ""}, {"overlap": "99999", "reason": "r"}])
def test_a_refused_rotation_changes_nothing(sent: dict[str, str], client: Client, path: str) -> None:
    before = state()
    assert client.post(f"{path}rotate/", sent).status_code == 400
    assert state() == before


def test_closing_says_what_ends_and_ends_it(
    client: Client, path: str, account: PartnerAccount, ours: AwsAccount
) -> None:
    grant = make_account_grant(account, ours)
    neighbour = make_account_grant(make_partner_account(account.partner, "staging"), ours)
    asked = text(client.get(f"{path}close/"))
    assert grant.scope_summary in asked
    assert client.post(f"{path}close/", {"reason": " "}).status_code == 400
    done = client.post(f"{path}close/", WHY, follow=True)
    assert done.redirect_chain == [("/partners/acme/", 303)]
    assert "Grants ended: 1." in done.content.decode()
    grant.refresh_from_db()
    neighbour.refresh_from_db()
    assert (grant.state, neighbour.state) == ("suspended", "active")
    for act in ("close/", "rotate/"):
        assert client.get(path + act).status_code == 409
        assert client.post(path + act, {"overlap": "0", **WHY}).status_code == 409
    page = text(client.get(path))
    assert "Closed" in page
    assert "rotate/" not in page
    assert "/prove" not in page

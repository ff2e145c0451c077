from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from portal.directory.models import ApiToken, Partner, Person
from portal.directory.operations.api_tokens import find_token
from tests.world import make_admin, make_person, signed_in

BODY = {"name": "nightly report", "scopes": ["grants:read"], "lifetime": "7"}


@pytest.fixture
def client(ben: Person) -> Client:
    return signed_in(ben)


def test_a_token_is_shown_once_and_kept_as_a_hash(client: Client, ben: Person) -> None:
    page = client.post("/tokens/", BODY)
    plain = page.context["new_token"]
    assert plain.encode() in page.content
    assert "no-store" in page.headers["Cache-Control"]
    token = find_token(plain=plain)
    assert token is not None
    assert token.person == ben
    assert plain not in str(ApiToken.objects.values().get())
    assert token.expires_at - token.created_at == timedelta(days=7)
    again = client.get("/tokens/")
    assert plain.encode() not in again.content
    assert [row.prefix for row in again.context["tokens"]] == [plain[:9]]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"scopes": ["grants:revoke"]}, "scopes"),
        ({"lifetime": "3650"}, "lifetime"),
        ({"lifetime": "0"}, "lifetime"),
    ],
)
def test_a_form_that_is_refused_keeps_what_was_typed(
    client: Client, change: dict[str, object], field: str
) -> None:
    page = client.post("/tokens/", {**BODY, **change})
    assert page.status_code == 400
    assert list(page.context["form"].errors) == [field]
    assert page.context["form"]["name"].value() == {**BODY, **change}["name"]
    assert not ApiToken.objects.exists()


def test_only_who_may_revoke_can_hand_that_to_a_token(db: None) -> None:
    page = signed_in(make_admin("revoke_grant")).post("/tokens/", {**BODY, "scopes": ["grants:revoke"]})
    assert page.context["new_token"]


def test_the_operations_refusal_stands_at_its_field(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.directory.operations.api_tokens.MOST_TOKENS", 1)
    client.post("/tokens/", BODY)
    page = client.post("/tokens/", BODY)
    assert page.status_code == 400
    assert "revoke some first" in str(page.context["form"].errors["name"])


def test_nobody_makes_a_token_for_another_by_adding_fields(
    client: Client, ben: Person, mallory: Person
) -> None:
    client.post("/tokens/", {**BODY, "person": str(mallory.pk), "person_id": str(mallory.pk)})
    assert ApiToken.objects.get().person == ben


def test_a_revoked_token_stops_at_once(client: Client) -> None:
    plain = client.post("/tokens/", BODY).context["new_token"]
    token = ApiToken.objects.get()
    done = client.post(reverse("web:token-revoke", args=[token.pk]), follow=True)
    assert "It stopped working at once" in done.content.decode()
    assert done.context["tokens"][0].badge.word == "Revoked"
    assert find_token(plain=plain) is None
    assert client.post(reverse("web:token-revoke", args=[token.pk])).status_code == 404


def test_a_token_that_is_over_says_so(client: Client) -> None:
    client.post("/tokens/", BODY)
    past = datetime.now(UTC) - timedelta(days=1)
    ApiToken.objects.update(created_at=past - timedelta(days=1), expires_at=past, last_used_at=past)
    [row] = client.get("/tokens/").context["tokens"]
    assert (row.badge.word, row.last_used is not None) == ("Ended", True)


@pytest.mark.parametrize(
    ("permission", "scopes"),
    [
        ("make_grant", {"grants:make"}),
        ("revoke_grant", {"grants:revoke"}),
        ("view_partner", {"partners:read"}),
        ("change_partner", {"partners:suspend", "partners:write"}),
    ],
)
def test_an_admins_scopes_are_offered_by_permission(ben: Person, permission: str, scopes: set[str]) -> None:
    def offered(person: Person) -> set[str]:
        return {
            value for value, _ in signed_in(person).get("/tokens/").context["form"].fields["scopes"].choices
        }

    everybodys = {
        "grants:read", "credentials:issue", "credentials:tokens", "console:open", "grants:release", "grants:take",
    }  # fmt: skip
    assert offered(ben) == everybodys
    assert offered(make_admin(permission)) == everybodys | scopes


def test_a_companys_own_admin_may_read_it_by_a_token(partner: Partner) -> None:
    def offered(person: Person) -> set[str]:
        return {
            value for value, _ in signed_in(person).get("/tokens/").context["form"].fields["scopes"].choices
        }

    colleague = make_person("Cleo Colleague", partner=partner)
    admin = make_person("Kim Reyes", partner=partner, is_partner_admin=True)
    assert offered(admin) - offered(colleague) == {"partners:read"}

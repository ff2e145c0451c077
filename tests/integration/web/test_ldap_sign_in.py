"""The page of a directory's name and password: in, refused without a reason, limited, and when nobody answers."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from brokers.types import AccountState
from portal import wiring
from portal.directory.models import IdentityProvider, Partner, Person, SignIn
from tests.fake_ldap import DOWN, PASSWORD, FakeLdap, make_directory
from tests.world import Answer, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ldap(monkeypatch: pytest.MonkeyPatch) -> FakeLdap:
    fake = FakeLdap()
    fake.add("ann", displayName="Ann Brook")
    monkeypatch.setattr(wiring, "ldap_ports", lambda: fake)
    monkeypatch.setattr("portal.identity.operations.ldap_sign_in.time.sleep", lambda _: None)
    return fake


@pytest.fixture(autouse=True)
def office(db: None) -> IdentityProvider:
    return make_directory()


URL = "/sign-in/ldap/office/"


def post(client: Client, **changed: str) -> Answer:
    form = {"username": "ann", "password": PASSWORD, "next": "/tokens/", **changed}
    return client.post(URL, form)


def words(answer: Answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_the_form_asks_for_a_name_and_a_password() -> None:
    answer = Client().get(f"{URL}?next=/tokens/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page
    assert '<input type="hidden" name="next" value="/tokens/">' in page
    assert reverse("web:ldap-sign-in", args=["office"]) == URL


def test_a_right_password_signs_in_and_leads_on() -> None:
    client = Client()
    before = client.cookies.get("sessionid")
    answer = post(client)
    assert (answer.status_code, answer["Location"]) == (303, "/tokens/")
    sign_in = SignIn.objects.get()
    assert sign_in.person.name == "Ann Brook"
    assert sign_in.session_key == client.session.session_key
    assert before is None
    assert client.get("/tokens/").status_code == 200


@pytest.mark.parametrize("path", ["https://evil.example.test/", "//evil.example.test", "javascript:alert(1)"])
def test_it_never_leads_elsewhere(path: str) -> None:
    assert post(Client(), next=path)["Location"] == "/"


def test_every_refusal_reads_the_same_and_echoes_no_password(ldap: FakeLdap) -> None:
    pages = []
    for number, (name, password, state) in enumerate(
        (
            ("ann", "wrong", AccountState.USABLE),
            ("ann", PASSWORD, AccountState.DISABLED),
            ("ann", PASSWORD, AccountState.LOCKED),
            ("bob", PASSWORD, AccountState.USABLE),
        )
    ):
        ldap.change("ann", state)
        answer = Client(REMOTE_ADDR=f"192.0.2.{number}").post(URL, {"username": name, "password": password})
        assert answer.status_code == 403
        page = answer.content.decode()
        assert PASSWORD not in page
        assert "wrong" not in page
        assert f'value="{name}"' in page
        pages.append(words(answer).replace(name, "NAME"))
    assert len(set(pages)) == 1
    assert "Check the name and the password, and try again" in pages[0]


def test_what_is_missing_is_said_at_its_field(ldap: FakeLdap) -> None:
    answer = post(Client(), username="", password="")
    assert "Type your name there." in words(answer)
    assert "Type your password." in words(answer)
    assert ldap.calls == []


def test_spaces_belong_to_a_password(ldap: FakeLdap) -> None:
    assert post(Client(), password=f"{PASSWORD} ").status_code == 403
    assert post(Client()).status_code == 303


def test_a_directory_that_is_away_is_said_to_be(ldap: FakeLdap) -> None:
    ldap.fail["sign_in"] = DOWN
    answer = post(Client())
    assert answer.status_code == 503
    assert "Office directory can't be reached right now; try again in a few minutes." in words(
        answer
    ).replace("&#x27;", "'")
    assert 'value="ann"' in answer.content.decode()
    assert PASSWORD not in answer.content.decode()
    assert not SignIn.objects.exists()


def test_too_many_tries_are_told_when_to_come_again() -> None:
    client = Client()
    answers = [post(client, password="guess") for _ in range(8)]
    assert [answer.status_code for answer in answers].count(429) == 4
    assert int(answers[-1]["Retry-After"]) > 0
    assert "Too many tries" in words(answers[-1])


def test_a_browser_that_knows_the_account_gets_in_all_the_same() -> None:
    known = Client(REMOTE_ADDR="198.51.100.1")
    assert post(known).status_code == 303
    known.session.flush()
    for number in range(8):
        post(Client(REMOTE_ADDR=f"203.0.113.{number}"), password="guess")
    assert post(Client(REMOTE_ADDR="203.0.113.77")).status_code == 429
    moved = Client(REMOTE_ADDR="203.0.113.77")
    moved.cookies["sallyport-known"] = known.cookies["sallyport-known"].value
    assert post(moved).status_code == 303


@pytest.mark.parametrize("slug", ["nothing", "tests", "off"])
def test_what_is_no_directory_is_not_there(slug: str, ben: Person) -> None:
    make_directory("off", is_enabled=False)
    assert Client().get(f"/sign-in/ldap/{slug}/").status_code == 404
    assert Client().post(f"/sign-in/ldap/{slug}/", {"username": "ann", "password": "x"}).status_code == 404


def test_whoever_is_signed_in_is_led_on(ben: Person) -> None:
    assert signed_in(ben).get(f"{URL}?next=/tokens/")["Location"] == "/tokens/"


def test_a_form_without_the_pages_key_is_refused(ldap: FakeLdap) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(URL, {"username": "ann", "password": PASSWORD}).status_code == 403
    assert ldap.calls == []


def test_a_partners_page_says_whose_it_is(partner: Partner) -> None:
    make_directory("acme", partner=partner, name="Acme's directory")
    assert "For people of Acme." in words(Client().get("/sign-in/ldap/acme/"))

"""How I sign in: adding and removing second factors, recovery codes, and signing other browsers out."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from portal.audit.models import AuditEvent
from portal.directory.models import AuthenticatorApp, Passkey, Person, RecoveryCode, SignIn
from portal.web.factors import NEW_APP
from portal.web.presenters.account import browser_words
from tests.authenticator import Device
from tests.factors import add_app, add_device, code_of
from tests.integration.web.saml_visits import is_signed_in
from tests.sign_ins import browser_of, sign_in_of
from tests.world import Answer, make_grant, make_role

ACCOUNT, APP, PASSKEY, CODES = "/account/", "/account/app/", "/account/passkey/", "/account/codes/"


def secret_on(page: Answer) -> str:
    return str(page.context["secret"]).replace(" ", "")


def test_an_app_is_added_by_its_first_code(ben: Person) -> None:
    browser = browser_of(ben)
    page = browser.get(APP)
    secret = secret_on(page)
    assert page.context["picture"].startswith("data:image/svg+xml")
    assert secret not in str(dict(browser.session))
    wrong = browser.post(APP, {"name": "Phone", "code": "123"})
    assert wrong.status_code == 400
    assert secret_on(wrong) == secret, "a mistyped code needs no new scan"
    before = browser.session.session_key
    added = browser.post(APP, {"name": "Phone", "code": code_of(secret)})
    assert (added.status_code, added.headers["Location"]) == (303, ACCOUNT)
    assert AuthenticatorApp.objects.get().person == ben
    assert NEW_APP not in browser.session
    # Adding it took using it.
    row = sign_in_of(browser)
    assert row is not None
    assert row.factor_at is not None
    assert browser.session.session_key != before
    page = browser.get(ACCOUNT)
    assert [(each.name, each.kind) for each in page.context["view"].factors] == [
        ("Phone", "Authenticator app")
    ]
    assert b"Make recovery codes next" in page.content


def test_a_passkey_is_added(ben: Person) -> None:
    browser, device = browser_of(ben), Device()
    page = browser.get(PASSKEY)
    stale = page.context["options"]
    page = browser.get(PASSKEY)
    options = page.context["options"]
    assert browser.post(PASSKEY, {"name": "Laptop", "answer": device.make(stale)}).status_code == 400
    # The challenge was used up by that.
    assert browser.post(PASSKEY, {"name": "Laptop", "answer": device.make(options)}).status_code == 400
    options = browser.get(PASSKEY).context["options"]
    added = browser.post(PASSKEY, {"name": "Laptop", "answer": device.make(options)})
    assert added.headers["Location"] == ACCOUNT
    assert Passkey.objects.get().name == "Laptop"


def test_no_passkey_to_no_challenge(ben: Person) -> None:
    browser = browser_of(ben)
    options = browser.get(PASSKEY).context["options"]
    session = browser.session
    del session["new_passkey"]
    session.save()
    unasked = re.sub(r'"challenge": "[^"]+"', '"challenge": ""', options)
    assert unasked != options
    refused = browser.post(PASSKEY, {"name": "Laptop", "answer": Device().make(unasked)})
    assert refused.status_code == 400
    assert not Passkey.objects.exists()


@pytest.mark.parametrize("path", [APP, PASSKEY])
def test_the_first_one_needs_a_young_sign_in(ben: Person, path: str) -> None:
    old = browser_of(ben, minutes=11)
    for refused in (old.get(path), old.post(path, {"name": "Phone", "code": "123456"})):
        assert refused.status_code == 403
        assert f"/sign-in/?again=1&amp;next={path}".encode() in refused.content
    assert browser_of(ben, minutes=9).get(path).status_code == 200


@pytest.mark.parametrize("path", [APP, PASSKEY, CODES, "remove"])
def test_any_other_change_needs_the_factor_and_leads_back(ben: Person, path: str) -> None:
    app, secret = add_app(ben)
    path = reverse("web:factor-remove", args=[app.pk]) if path == "remove" else path
    browser = browser_of(ben)
    for answer in (browser.post(path, {"name": "x"}), browser.get(path)):
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/step-up/?for=")
    assert AuthenticatorApp.objects.count() == 1
    intent = answer.headers["Location"].partition("=")[2]
    proven = browser.post("/step-up/", {"for": intent, "way": "app", "code": code_of(secret)})
    assert (proven.status_code, proven.headers["Location"]) == (303, path)
    assert browser.get(path).status_code == 200
    old = browser_of(ben, factor_minutes=10.1)
    assert old.get(path).status_code == 303


def test_recovery_codes_are_shown_once(ben: Person) -> None:
    add_app(ben)
    browser = browser_of(ben, factor_minutes=0)
    assert browser.get(CODES).status_code == 200
    assert not RecoveryCode.objects.exists()
    shown = browser.post(CODES)
    codes = shown.context["codes"]
    assert len(codes) == 10
    assert "no-store" in shown.headers["Cache-Control"]
    for page in (browser.get(ACCOUNT), browser.get(CODES)):
        assert not any(code.encode() in page.content for code in codes)
    assert browser.get(ACCOUNT).context["view"].codes_left == 10


def test_codes_without_a_factor(ben: Person) -> None:
    assert browser_of(ben).get(CODES).headers["Location"] == ACCOUNT
    assert browser_of(ben).post(CODES).status_code == 400


def test_removing(ben: Person) -> None:
    app, _ = add_app(ben)
    passkey, _ = add_device(ben)
    browser = browser_of(ben, factor_minutes=0)
    url = reverse("web:factor-remove", args=[passkey.pk])
    assert b"Your others stay" in browser.get(url).content
    assert Passkey.objects.exists()
    assert browser.post(url).headers["Location"] == ACCOUNT
    assert not Passkey.objects.exists()
    assert browser.get(url).status_code == 404
    last = browser.get(reverse("web:factor-remove", args=[app.pk]))
    assert b"your only second factor" in last.content


def test_anothers_factor_is_not_there(ben: Person, mallory: Person) -> None:
    app, _ = add_app(ben)
    browser = browser_of(mallory, factor_minutes=0)
    url = reverse("web:factor-remove", args=[app.pk])
    assert browser.get(url).status_code == browser.post(url).status_code == 404
    assert AuthenticatorApp.objects.exists()


def test_other_browsers_are_signed_out(ben: Person, mallory: Person) -> None:
    here, phone, kiosk, elsewhere = browser_of(ben), browser_of(ben), browser_of(ben), browser_of(mallory)
    rows = here.get(ACCOUNT).context["view"].sign_ins
    assert [row.is_this for row in rows] == [False, False, True]
    row = sign_in_of(phone)
    assert row is not None
    url = reverse("web:sign-in-end", args=[row.pk])
    assert elsewhere.post(url).status_code == 404
    assert is_signed_in(phone)
    assert here.post(url).status_code == 303
    assert not is_signed_in(phone)
    assert is_signed_in(kiosk)
    here.post(reverse("web:sign-ins-end"))
    assert not is_signed_in(kiosk)
    assert is_signed_in(here)
    assert is_signed_in(elsewhere)
    ended = AuditEvent.objects.filter(details__why="ended by their own person")
    assert {event.actor_id for event in ended} == {ben.pk}
    assert ended.count() == 2


def test_who_may_need_one_is_told(ben: Person) -> None:
    browser = browser_of(ben)
    assert b"role that you hold asks" not in browser.get(ACCOUNT).content
    make_grant(ben, make_role(factor_minutes=5))
    assert b"role that you hold asks" in browser.get(ACCOUNT).content
    card = browser.get("/").content
    assert b"Asks for a second factor, at most 5 minutes old" in " ".join(card.decode().split()).encode()


def test_over_sign_ins_are_not_shown(ben: Person) -> None:
    browser = browser_of(ben)
    browser_of(ben)
    key = browser.session.session_key
    SignIn.objects.exclude(session_key=key).update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert len(browser.get(ACCOUNT).context["view"].sign_ins) == 1


def test_strangers_are_sent_to_sign_in() -> None:
    for path in (ACCOUNT, APP, PASSKEY, CODES):
        assert Client().get(path).headers["Location"] == f"/sign-in/?next={path}"
        assert Client().post(path).status_code in {303, 405}


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15", "Safari on macOS"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/131.0 Safari/537.36 Edg/131.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1", "Safari on iPhone"),
        ("curl/8.0", "A browser"),
        ("", "A browser"),
    ],
)
def test_browsers_in_words(agent: str, words: str) -> None:
    assert browser_words(agent) == words

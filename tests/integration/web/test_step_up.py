"""A role that asks for a second factor: the click leads there, and what was intended is done by the proof itself."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client, RequestFactory
from django.urls import reverse

from portal.access.models import AwsSession, ConsoleLink, Grant
from portal.access.operations.credentials.console_links import make_console_link
from portal.audit.models import AuditEvent
from portal.directory.models import IdentityProvider, Person, SignIn
from portal.directory.operations.api_tokens import create_token
from portal.directory.requests import FACTOR_AT
from portal.identity.operations.factors import CODES
from portal.identity.operations.factors_recovery import make_recovery_codes
from portal.web.intents import KEY, Act, Intent, find, keep, put_challenge, take_challenge
from tests.factors import add_app, add_device, code_of, just_in
from tests.fakes import ORIGINS, SECRET, SIGN_IN_URL, FakeAws
from tests.integration.web.saml_visits import is_signed_in, make_provider
from tests.sign_ins import browser_of, sign_in_of
from tests.world import Answer, as_actor, make_grant, make_role

S3 = "https://console.aws.amazon.com/s3/home?region=us-east-1"
URL = "/step-up/"
Prove = Callable[..., Answer]


@pytest.fixture
def grant(ben: Person) -> Grant:
    return make_grant(ben, make_role(factor_minutes=5))


def console(browser: Client, grant: Grant, destination: str = S3) -> Answer:
    return browser.post(reverse("web:open-console", args=[grant.pk]), {"destination": destination})


def credentials(browser: Client, grant: Grant) -> Answer:
    return browser.post(reverse("web:credentials", args=[grant.pk]))


def intent_of(answer: Answer) -> str:
    assert answer.status_code == 303
    found = re.fullmatch(r"/step-up/\?for=([\w-]{12})", answer.headers["Location"])
    assert found, answer.headers["Location"]
    return found[1]


def prove(browser: Client, intent: str, way: str, **told: str) -> Answer:
    return browser.post(URL, {"for": intent, "way": way, **told})


def by_passkey(browser: Client, intent: str, device: Any, **changes: Any) -> Answer:
    view = browser.get(f"{URL}?for={intent}").context["view"]
    return prove(browser, intent, "passkey", answer=device.sign(view.passkey, **changes))


def test_the_click_asks_and_the_code_opens_the_console_where_it_was_meant_to(
    ben: Person, grant: Grant, aws: FakeAws
) -> None:
    _, secret = add_app(ben)
    browser = browser_of(ben)
    intent = intent_of(console(browser, grant))
    assert aws.count("assume_role") == 0
    page = browser.get(f"{URL}?for={intent}")
    assert page.status_code == 200
    assert S3.encode() in page.content.replace(b"&amp;", b"&")
    assert b"within the last 5 minutes" in page.content
    assert ORIGINS[0] in page.headers["Content-Security-Policy"]
    opened = prove(browser, intent, "app", code=code_of(secret))
    assert (opened.status_code, opened.headers["Location"]) == (303, SIGN_IN_URL)
    assert opened.headers["Referrer-Policy"] == "no-referrer"
    assert aws.asked("sign_in_url")[0]["destination"] == S3
    # For five minutes it is open without more.
    assert console(browser, grant).headers["Location"] == SIGN_IN_URL
    assert credentials(browser, grant).status_code == 200


def test_credentials_are_shown_by_the_post_that_proves_it(ben: Person, grant: Grant) -> None:
    add_app(ben)
    [first, *_] = make_recovery_codes(person=ben, actor=just_in(ben))
    browser = browser_of(ben)
    intent = intent_of(credentials(browser, grant))
    shown = prove(browser, intent, "recovery", code=first)
    assert shown.status_code == 200
    assert SECRET.encode() in shown.content
    assert "no-store" in shown.headers["Cache-Control"]
    # It was done: nothing of it waits any more.
    again = prove(browser, intent, "go-on")
    assert (again.status_code, again.headers["Location"]) == (303, "/")
    assert AwsSession.objects.count() == 1


def test_by_a_passkey(ben: Person, grant: Grant) -> None:
    _, device = add_device(ben)
    browser = browser_of(ben)
    intent = intent_of(console(browser, grant))
    assert by_passkey(browser, intent, device).headers["Location"] == SIGN_IN_URL


def test_after_the_minutes_it_asks_again(ben: Person, grant: Grant) -> None:
    add_app(ben)
    assert credentials(browser_of(ben, factor_minutes=4.9), grant).status_code == 200
    assert intent_of(credentials(browser_of(ben, factor_minutes=5.1), grant))


def test_a_console_link_waits_unused_and_its_token_is_sealed(ben: Person, grant: Grant, aws: FakeAws) -> None:
    _, secret = add_app(ben)
    made = make_console_link(grant_id=grant.pk, destination=S3, aws=aws.ports(), actor=as_actor(ben))
    browser = browser_of(ben)
    address = reverse("web:console-link", args=[made.token])
    assert browser.get(address).status_code == 200
    intent = intent_of(browser.post(address))
    assert made.token not in json.dumps(browser.session[KEY])
    assert ConsoleLink.objects.get().used_at is None
    assert prove(browser, intent, "app", code=code_of(secret)).headers["Location"] == SIGN_IN_URL
    assert ConsoleLink.objects.get().used_at is not None
    assert browser.get(address).status_code == 404


def test_the_session_gets_a_new_key_and_the_sign_in_follows(ben: Person, grant: Grant) -> None:
    _, secret = add_app(ben)
    browser = browser_of(ben, minutes=30)
    before = browser.session.session_key
    prove(browser, intent_of(credentials(browser, grant)), "app", code=code_of(secret))
    after = browser.session.session_key
    assert before != after
    row = sign_in_of(browser)
    assert row is not None
    assert SignIn.objects.count() == 1
    assert row.factor == "authenticator app: Phone"
    assert browser.session[FACTOR_AT] == row.factor_at.isoformat() if row.factor_at else False
    assert is_signed_in(browser)
    stale = Client()
    stale.cookies["sallyport"] = str(before)
    assert not is_signed_in(stale)
    assert AuditEvent.objects.filter(type="directory.factor.given").count() == 1


def test_a_wrong_code_does_nothing_and_says_so(ben: Person, grant: Grant, aws: FakeAws) -> None:
    _, secret = add_app(ben)
    browser = browser_of(ben)
    intent = intent_of(console(browser, grant))
    for code in ("000000" if code_of(secret) != "000000" else "111111", "", "x" * 300):
        page = prove(browser, intent, "app", code=code)
        assert page.status_code == 400
        assert "That code doesn't count" in page.context["view"].problem
    assert prove(browser, intent, "recovery", code="ABCDE").status_code == 400
    assert prove(browser, intent, "nonsense").status_code == 400
    assert aws.count("assume_role") == 0
    assert FACTOR_AT not in browser.session
    assert prove(browser, intent, "app", code=code_of(secret)).headers["Location"] == SIGN_IN_URL


def test_tries_run_out(ben: Person, grant: Grant) -> None:
    _, secret = add_app(ben)
    browser = browser_of(ben)
    intent = intent_of(console(browser, grant))
    for _ in range(CODES.most):
        prove(browser, intent, "app", code="no")
    limited = prove(browser, intent, "app", code=code_of(secret))
    assert limited.status_code == 429
    assert int(limited.headers["Retry-After"]) > 0
    assert FACTOR_AT not in browser.session


def test_a_challenge_counts_once_whatever_came_of_it(ben: Person, grant: Grant) -> None:
    _, device = add_device(ben)
    browser = browser_of(ben)
    intent = intent_of(console(browser, grant))
    asked = browser.get(f"{URL}?for={intent}").context["view"].passkey
    late = device.sign(asked)
    assert (
        prove(browser, intent, "passkey", answer=device.sign(asked, origin="http://evil.example")).status_code
        == 400
    )
    # The page that refused has a challenge of its own by now; the old one signs nothing more.
    assert prove(browser, intent, "passkey", answer=late).status_code == 400
    reasons = AuditEvent.objects.filter(type="directory.factor.refused").order_by("id")
    assert [event.details["reason"] for event in reasons] == ["origin", "challenge"]
    assert by_passkey(browser, intent, device).headers["Location"] == SIGN_IN_URL


def test_a_challenge_is_taken_once(ben: Person) -> None:
    request = RequestFactory().get(URL)
    request.session = SessionStore()
    intent = keep(request, Intent(Act.PAGE, datetime.now(UTC), path="/"))
    put_challenge(request, intent, b"sign this")
    for expected in (b"sign this", b""):
        found = find(request, intent.id)
        assert found is not None
        assert take_challenge(request, found) == expected


def test_an_answer_to_no_question(ben: Person, grant: Grant) -> None:
    _, device = add_device(ben)
    browser = browser_of(ben)
    intent = intent_of(console(browser, grant))
    asked = json.dumps({"challenge": "", "rpId": "localhost"})
    assert prove(browser, intent, "passkey", answer=device.sign(asked)).status_code == 400
    assert AuditEvent.objects.get(type="directory.factor.refused").details["reason"] == "challenge"


def test_anothers_factor_proves_nothing(ben: Person, mallory: Person, grant: Grant) -> None:
    _, secret = add_app(mallory)
    _, device = add_device(mallory)
    add_app(ben)
    add_device(ben)
    browser = browser_of(ben)
    intent = intent_of(console(browser, grant))
    assert prove(browser, intent, "app", code=code_of(secret)).status_code == 400
    assert by_passkey(browser, intent, device).status_code == 400
    assert FACTOR_AT not in browser.session


def test_anothers_grant_is_no_intent_and_anothers_intent_is_none(
    ben: Person, mallory: Person, grant: Grant, aws: FakeAws
) -> None:
    _, secret = add_app(mallory)
    mallorys, bens = browser_of(mallory, factor_minutes=0), browser_of(ben)
    assert console(mallorys, grant).status_code == 404
    assert credentials(mallorys, grant).status_code == 404
    assert KEY not in mallorys.session
    intent = intent_of(console(bens, grant))
    for answer in (
        mallorys.get(f"{URL}?for={intent}"),
        prove(mallorys, intent, "go-on"),
        prove(mallorys, intent, "app", code=code_of(secret)),
    ):
        assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    # Even one that stands in their own session is judged by the operation.
    session = mallorys.session
    session[KEY] = bens.session[KEY]
    session.save()
    assert prove(mallorys, intent, "app", code=code_of(secret)).status_code == 404
    assert aws.count("assume_role") == 0


def test_it_waits_ten_minutes(ben: Person, grant: Grant) -> None:
    _, secret = add_app(ben)
    browser = browser_of(ben)
    intent = intent_of(console(browser, grant))
    session = browser.session
    session[KEY][intent]["at"] = (datetime.now(UTC) - timedelta(minutes=10)).isoformat()
    session.save()
    over = prove(browser, intent, "app", code=code_of(secret))
    assert (over.status_code, over.headers["Location"]) == (303, "/")
    assert b"start it again" in browser.get("/").content
    assert FACTOR_AT not in browser.session


def test_two_tabs_do_not_mix(ben: Person, grant: Grant, aws: FakeAws) -> None:
    _, secret = add_app(ben)
    browser = browser_of(ben)
    lambdas = "https://console.aws.amazon.com/lambda/home"
    first, second = intent_of(console(browser, grant)), intent_of(console(browser, grant, lambdas))
    prove(browser, first, "app", code=code_of(secret))
    # The other tab is loaded anew, and goes on by one button.
    page = browser.get(f"{URL}?for={second}")
    assert page.context["view"].is_ready
    assert b"One click goes on" in page.content
    assert prove(browser, second, "go-on").headers["Location"] == SIGN_IN_URL
    assert [each["destination"] for each in aws.asked("sign_in_url")] == [S3, lambdas]


def test_only_so_many_wait(ben: Person, grant: Grant) -> None:
    browser = browser_of(ben)
    made = [intent_of(console(browser, grant)) for _ in range(10)]
    assert list(browser.session[KEY]) == made[-8:]


def test_a_get_does_nothing_and_going_on_needs_the_factor(ben: Person, grant: Grant, aws: FakeAws) -> None:
    add_app(ben)
    browser = browser_of(ben)
    intent = intent_of(credentials(browser, grant))
    for _ in range(2):
        assert browser.get(f"{URL}?for={intent}&way=go-on").status_code == 200
    refused = prove(browser, intent, "go-on")
    assert refused.status_code == 403
    assert aws.count("assume_role") == 0
    forged = Client(enforce_csrf_checks=True)
    forged.cookies = browser.cookies
    assert prove(forged, intent, "go-on").status_code == 403
    assert AwsSession.objects.count() == 0


def test_a_factor_that_grew_old_on_the_page_is_asked_for_once_more(ben: Person, grant: Grant) -> None:
    add_app(ben)
    browser = browser_of(ben)
    intent = intent_of(credentials(browser, grant))
    session = browser.session
    session[FACTOR_AT] = (datetime.now(UTC) - timedelta(minutes=6)).isoformat()
    session.save()
    page = prove(browser, intent, "go-on")
    assert page.status_code == 403
    assert "too old by now" in page.context["view"].problem
    assert not page.context["view"].is_ready


def test_who_has_none_is_led_to_adding_one_and_back(ben: Person, grant: Grant) -> None:
    browser = browser_of(ben)
    intent = intent_of(console(browser, grant))
    page = browser.get(f"{URL}?for={intent}")
    assert not page.context["view"].has_way
    assert b"/account/" in page.content
    _, secret = add_app(ben)
    assert f"/step-up/?for={intent}".encode() in browser.get("/account/").content
    assert prove(browser, intent, "app", code=code_of(secret)).headers["Location"] == SIGN_IN_URL


def test_the_way_through_the_provider_is_offered_where_it_tells_of_factors(ben: Person, grant: Grant) -> None:
    provider = make_provider(factor_contexts=["https://refeds.org/profile/mfa"])
    browser = browser_of(ben, provider=provider)
    intent = intent_of(console(browser, grant))
    page = browser.get(f"{URL}?for={intent}")
    assert page.context["view"].provider.name == "Provider own"
    assert b'name="purpose" value="step_up"' in page.content
    assert f'name="next" value="/step-up/?for={intent}"'.encode() in page.content
    assert "https://idp.example.test" in page.headers["Content-Security-Policy"]
    IdentityProvider.objects.filter(pk=provider.pk).update(factor_contexts=[])
    page = browser.get(f"{URL}?for={intent}")
    assert page.context["view"].provider is None
    assert "idp.example.test" not in page.headers["Content-Security-Policy"]
    # Coming back with a fresh factor: one button, which is a POST.
    session = browser.session
    session[FACTOR_AT] = datetime.now(UTC).isoformat()
    session.save()
    assert browser.get(f"{URL}?for={intent}").context["view"].is_ready
    assert prove(browser, intent, "go-on").headers["Location"] == SIGN_IN_URL


def test_passkeys_are_not_offered_where_browsers_refuse_them(
    ben: Person, grant: Grant, settings: LazySettings
) -> None:
    add_device(ben)
    browser = browser_of(ben)
    intent = intent_of(console(browser, grant))
    assert browser.get(f"{URL}?for={intent}").context["view"].passkey
    settings.PORTAL_URL = "http://127.0.0.1:8000"
    assert not browser.get(f"{URL}?for={intent}").context["view"].passkey


@pytest.mark.parametrize(
    "query",
    ["", "?for=unknown", "?for=", "?for=%00", "?next=https://evil.example.test/", "?for=//evil.example.test"],
)
def test_nobody_is_sent_elsewhere(ben: Person, query: str) -> None:
    answer = browser_of(ben).get(f"{URL}{query}")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_strangers_are_sent_to_sign_in(grant: Grant) -> None:
    told = Client().get(f"{URL}?grant={grant.pk}")
    assert told.headers["Location"].startswith("/sign-in/?next=/step-up/")
    assert Client().post(URL, {"for": "x", "way": "go-on"}).headers["Location"] == "/sign-in/"


def test_an_ended_sign_in_is_not_revived_by_a_code(ben: Person, grant: Grant) -> None:
    """A session that was deleted while its request was under way must not be saved anew under another key."""
    _, secret = add_app(ben)
    browser = browser_of(ben)
    intent = intent_of(credentials(browser, grant))
    SignIn.objects.all().delete()
    assert prove(browser, intent, "app", code=code_of(secret)).status_code == 403
    assert FACTOR_AT not in browser.session


@pytest.fixture
def token_url(ben: Person, grant: Grant) -> str:
    made = create_token(name="deploy", scopes=["credentials:issue"], days=1, actor=as_actor(ben))
    return f"{URL}?token={made.token.pk}&grant={grant.pk}"


def test_for_a_token_another_person_finds_nothing(ben: Person, mallory: Person, token_url: str) -> None:
    # Each alone: of the two in the address, either one would be refused.
    token, grant = token_url.removeprefix(f"{URL}?").split("&")
    for own in (token, grant):
        assert browser_of(mallory).get(f"{URL}?{own}").status_code == 404
        assert browser_of(ben).get(f"{URL}?{own}").status_code == 303
    for wrong in ("token=no", "grant=no", f"token={ben.pk}"):
        assert browser_of(ben).get(f"{URL}?{wrong}").status_code == 404
    add_app(ben)
    browser = browser_of(ben)
    page = browser.get(browser.get(token_url).headers["Location"])
    assert b"deploy (sp_" in page.content


def test_a_token_that_is_over_is_asked_no_factor(ben: Person, token_url: str) -> None:
    browser = browser_of(ben)
    assert browser.get(token_url).status_code == 303
    ben.api_tokens.update(revoked_at=datetime.now(UTC))
    assert browser.get(token_url).status_code == 404


def test_a_token_takes_no_factor_that_was_given_before_it_was_asked_for(ben: Person, token_url: str) -> None:
    _, secret = add_app(ben)
    browser = browser_of(ben, factor_minutes=2)
    intent = intent_of(browser.get(token_url))
    assert not browser.get(f"{URL}?for={intent}").context["view"].is_ready
    assert prove(browser, intent, "go-on").status_code == 403
    done = prove(browser, intent, "app", code=code_of(secret))
    assert done.status_code == 200
    assert b"deploy may go on" in done.content
    token = ben.api_tokens.get()
    assert token.factor_at is not None
    assert datetime.now(UTC) - token.factor_at < timedelta(seconds=10)


def test_for_a_browser_that_calls_the_api(ben: Person, grant: Grant) -> None:
    _, secret = add_app(ben)
    browser = browser_of(ben)
    intent = intent_of(browser.get(f"{URL}?grant={grant.pk}"))
    done = prove(browser, intent, "app", code=code_of(secret))
    assert done.headers["Location"] == reverse("web:grant", args=[grant.pk])

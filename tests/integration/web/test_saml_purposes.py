"""What a browser is sent to its provider for besides signing in, what it is asked, and what the answer must say."""

import base64
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import pytest
from django.test import Client
from django.urls import reverse

from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.directory.models import (
    ExternalIdentity,
    IdentityProvider,
    PendingSignIn,
    Person,
    SamlSettings,
    SeenAssertion,
)
from portal.directory.requests import FACTOR_AT
from portal.identity.operations import saml_sign_in
from tests.integration.web.saml_visits import (
    OTHER,
    Asked,
    ask,
    come_back,
    forge,
    is_signed_in,
    make_provider,
    refusals,
)
from tests.saml_forge import KeyPair, rsa_key, set_attribute, set_text
from tests.saml_forge.idp import stamp
from tests.saml_forge.metadata import Described

MFA = "https://refeds.org/profile/mfa"
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
STATEMENT = "//saml:AuthnStatement"


@pytest.fixture
def idp(provider: IdentityProvider) -> IdentityProvider:
    provider.factor_contexts, provider.step_up_context = [MFA], MFA
    provider.save()
    return provider


def begin(browser: Client, provider: IdentityProvider, **fields: str) -> tuple[Asked, ET.Element]:
    begun = browser.post(reverse("web:saml-begin", args=[provider.slug]), {"next": "/tokens/", **fields})
    assert begun.status_code == 303, begun.content
    query = parse_qs(urlsplit(begun.headers["Location"]).query)
    request = ET.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"][0]), -zlib.MAX_WBITS))
    acs = request.attrib["AssertionConsumerServiceURL"]
    return Asked(provider, request.attrib["ID"], query["RelayState"][0], acs), request


def answer(asked: Asked, *, context: str = MFA, at: datetime | None = None, **changes: Any) -> str:
    def alter(root: Any) -> None:
        set_text("//saml:AuthnContextClassRef", context)(root)
        set_attribute(STATEMENT, "AuthnInstant", stamp(at or datetime.now(UTC)))(root)

    return forge(asked, alter=alter, **changes).response()


def signed_in_as(provider: IdentityProvider, name: str = "alice") -> Client:
    browser = Client()
    asked = ask(browser, provider)
    assert come_back(browser, asked, forge(asked, name_id=name).response()).status_code == 303
    assert is_signed_in(browser)
    return browser


def test_signing_in_asks_for_nothing_more(idp: IdentityProvider) -> None:
    _, request = begin(Client(), idp)
    assert "ForceAuthn" not in request.attrib
    assert request.find("{*}RequestedAuthnContext") is None
    assert PendingSignIn.objects.get().person is None


def test_the_context_is_kept_and_counts_as_a_factor_where_it_is_listed(idp: IdentityProvider) -> None:
    for context, has_factor in ((PASSWORD, False), (MFA, True)):
        browser = Client()
        asked = ask(browser, idp)
        assert come_back(browser, asked, answer(asked, context=context)).status_code == 303
        assert (FACTOR_AT in browser.session) is has_factor
        event = AuditEvent.objects.filter(type="directory.sign_in.succeeded").latest("id")
        assert event.details["contexts"] == [context]


def test_a_step_up_asks_for_its_context_anew(idp: IdentityProvider) -> None:
    browser = signed_in_as(idp)
    asked, request = begin(browser, idp, purpose="step_up")
    assert request.attrib["ForceAuthn"] == "true"
    wanted = request.find("{*}RequestedAuthnContext")
    assert wanted is not None
    assert (wanted.attrib["Comparison"], wanted.findtext("{*}AuthnContextClassRef")) == ("exact", MFA)
    assert FACTOR_AT not in browser.session
    key = browser.session.session_key

    done = come_back(browser, asked, answer(asked))
    assert (done.status_code, done.headers["Location"]) == (303, "/tokens/")
    assert FACTOR_AT in browser.session
    assert browser.session.session_key == key or is_signed_in(browser)


@pytest.mark.parametrize("checked", [True, False])
def test_a_sign_in_that_the_provider_remembered_is_no_step_up(
    idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch, *, checked: bool
) -> None:
    if not checked:
        monkeypatch.setattr(saml_sign_in, "_check_fresh", lambda *_: None)
    browser = signed_in_as(idp)
    asked, _ = begin(browser, idp, purpose="step_up")
    earlier = datetime.now(UTC) - timedelta(seconds=30)
    done = come_back(browser, asked, answer(asked, at=earlier))
    if not checked:
        assert (done.status_code, FACTOR_AT in browser.session) == (303, True)
        return
    assert (done.status_code, refusals()) == (403, ["saml.not_fresh"])
    assert FACTOR_AT not in browser.session
    assert is_signed_in(browser)


def test_a_step_up_by_a_password_alone_gives_no_factor(idp: IdentityProvider) -> None:
    browser = signed_in_as(idp)
    asked, _ = begin(browser, idp, purpose="step_up")
    assert come_back(browser, asked, answer(asked, context=PASSWORD)).status_code == 403
    assert FACTOR_AT not in browser.session


def test_somebody_elses_factor_is_not_theirs(idp: IdentityProvider) -> None:
    signed_in_as(idp, "mallory")
    browser = signed_in_as(idp)
    asked, _ = begin(browser, idp, purpose="step_up")
    assert come_back(browser, asked, answer(asked, name_id="mallory")).status_code == 403
    assert refusals() == ["directory.somebody_else"]
    # Neither let in on the way there nor at the browser.
    assert AuditEvent.objects.filter(type=EventType.SIGN_IN_SUCCEEDED).count() == 2
    assert FACTOR_AT not in browser.session
    assert browser.session["_auth_user_id"] == str(Person.objects.get(name="alice").pk)


def test_nobody_signed_in_asks_for_no_more_than_to_sign_in(idp: IdentityProvider) -> None:
    begun = Client().post(reverse("web:saml-begin", args=[idp.slug]), {"purpose": "step_up"})
    assert begun.status_code in {303, 400}
    assert not PendingSignIn.objects.exclude(purpose="sign_in").exists()


def test_another_identity_is_linked_by_both_proofs(idp: IdentityProvider) -> None:
    other = make_provider("other", entity_id=OTHER)
    browser = signed_in_as(idp)
    asked, request = begin(browser, other, purpose="link")
    assert request.attrib["ForceAuthn"] == "true"
    done = come_back(browser, asked, answer(asked, name_id="alice.b"))
    assert (done.status_code, done.headers["Location"]) == (303, "/tokens/")
    person = Person.objects.get()
    linked = ExternalIdentity.objects.filter(person=person).values_list("provider__slug", "subject")
    assert set(linked) == {("own", "alice"), ("other", "alice.b")}
    assert SeenAssertion.objects.filter(provider=other).count() == 1, "it has counted"


def test_an_old_session_there_links_nothing(idp: IdentityProvider) -> None:
    other = make_provider("other", entity_id=OTHER)
    browser = signed_in_as(idp)
    asked, _ = begin(browser, other, purpose="link")
    stale = answer(asked, name_id="alice.b", at=datetime.now(UTC) - timedelta(minutes=5))
    assert (come_back(browser, asked, stale).status_code, refusals()) == (403, ["saml.not_fresh"])
    assert ExternalIdentity.objects.count() == 1


@pytest.mark.parametrize(
    ("pinned", "gets_in"),
    [(("old",), ("old",)), (("old", "new"), ("old", "new")), (("new",), ("new",))],
    ids=["old only", "both", "new only"],
)
def test_a_rollover_by_what_is_pinned(
    provider: IdentityProvider, pinned: tuple[str, ...], gets_in: tuple[str, ...]
) -> None:
    keys: list[KeyPair] = [rsa_key(f"{name} key") for name in pinned]
    described = Described(entity_id=provider.saml.entity_id, keys=keys)
    SamlSettings.objects.update(metadata=described.text())
    for name in ("old", "new", "evil"):
        browser = Client()
        asked = ask(browser, provider)
        got = come_back(browser, asked, forge(asked, key=rsa_key(f"{name} key")).response())
        assert (got.status_code == 303) is (name in gets_in), name
        assert is_signed_in(browser) is (name in gets_in)
    assert set(refusals()) == {"saml.signature"}

"""Signing out by SAML: here and there; and there, so that it ends here: exactly that person's, once."""

import base64
import zlib
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from brokers.saml import redirect
from portal import wiring
from portal.audit.models import AuditEvent
from portal.directory.models import IdentityProvider, SamlSettings, SignIn
from portal.identity.operations import saml_logout
from tests.integration.web.saml_visits import (
    OTHER,
    ask,
    come_back,
    forge,
    is_signed_in,
    make_provider,
    refusals,
)
from tests.saml_forge import rsa_key, set_attribute
from tests.saml_forge.logout import Logout
from tests.saml_forge.metadata import Described
from tests.world import Answer

SLO = "https://idp.example.test/slo"
SP_KEY = rsa_key("portal")
STATEMENT = "//saml:AuthnStatement"


@pytest.fixture(autouse=True)
def _own_key(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Any:
    settings.SAML_SP_KEY, settings.SAML_SP_CERTIFICATE = SP_KEY.private, SP_KEY.certificate
    wiring.saml_ports.cache_clear()
    yield
    wiring.saml_ports.cache_clear()


@pytest.fixture
def idp(provider: IdentityProvider) -> IdentityProvider:
    offer_logout(provider)
    return provider


def offer_logout(provider: IdentityProvider) -> None:
    described = Described(
        entity_id=provider.saml.entity_id,
        keys=(rsa_key(provider.slug),),
        slo_url=SLO,
        slo_response_url=f"{SLO}/done",
    )
    SamlSettings.objects.filter(pk=provider.pk).update(metadata=described.text())


def visit(provider: IdentityProvider, name: str = "alice", index: str = "_session") -> Client:
    browser = Client()
    asked = ask(browser, provider)
    answer = forge(asked, name_id=name, alter=set_attribute(STATEMENT, "SessionIndex", index)).response()
    assert come_back(browser, asked, answer).status_code == 303
    return browser


def told(provider: IdentityProvider, settings: LazySettings, **changes: Any) -> Logout:
    known = {
        "key": rsa_key(provider.slug),
        "entity_id": provider.saml.entity_id,
        "destination": settings.SAML_SLO_URL,
    }
    return Logout(**{**known, **changes})


def send(message: Logout) -> Answer:
    """As a provider's site does, in a browser that need not be the one that is signed in here."""
    return Client().get(f"{reverse('web:saml-slo')}?{message.query()}")


def post(message: Logout) -> Answer:
    fields = {message.parameter: message.posted()}
    if message.relay_state is not None:
        fields["RelayState"] = message.relay_state
    return Client(enforce_csrf_checks=True).post(reverse("web:saml-slo"), fields)


def sent_to(answer: Answer, name: str = "SAMLResponse") -> tuple[str, ET.Element, dict[str, list[str]]]:
    assert answer.status_code == 303, answer.content
    url, _, query = answer.headers["Location"].partition("?")
    redirect.verify(redirect.read(query, name), [SP_KEY.certificate])
    fields = parse_qs(query)
    return url, ET.fromstring(zlib.decompress(base64.b64decode(fields[name][0]), -zlib.MAX_WBITS)), fields


def test_signing_out_here_leads_on_to_the_provider(client: Client, idp: IdentityProvider) -> None:
    browser = visit(idp)
    page = browser.post("/sign-out")

    assert not is_signed_in(browser)
    assert not SignIn.objects.exists()
    url = page.context["leads_to"]
    asked = ET.fromstring(
        zlib.decompress(base64.b64decode(parse_qs(urlsplit(url).query)["SAMLRequest"][0]), -zlib.MAX_WBITS)
    )
    redirect.verify(redirect.read(urlsplit(url).query, "SAMLRequest"), [SP_KEY.certificate])
    assert url.startswith(f"{SLO}?")
    assert asked.findtext("{*}NameID") == "alice"
    assert asked.findtext("{*}SessionIndex") == "_session"
    body = page.content.decode()
    assert page.headers["Refresh"] == f"1; url={url}"
    assert "You are being signed out of Provider own too." in body


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("Success", b"Provider own has signed you out too."),
        ("PartialLogout", b"Provider own could not sign you out everywhere (PartialLogout)."),
    ],
)
@pytest.mark.parametrize("by", [send, post])
def test_what_the_provider_answers_is_shown(
    idp: IdentityProvider, settings: LazySettings, status: str, words: bytes, by: Any
) -> None:
    query = parse_qs(urlsplit(visit(idp).post("/sign-out").context["leads_to"]).query)
    request = ET.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"][0]), -zlib.MAX_WBITS))
    answer = told(
        idp,
        settings,
        answers=request.attrib["ID"],
        relay_state=query["RelayState"][0],
        status=f"urn:oasis:names:tc:SAML:2.0:status:{status}",
    )
    page = by(answer)
    assert (page.status_code, words in page.content) == (200, True)

    made_up = told(idp, settings, answers="_never_asked", relay_state=query["RelayState"][0])
    assert (by(made_up).status_code, refusals()[-1]) == (403, "saml.in_response_to")


def test_without_an_address_there_signing_out_ends_here(provider: IdentityProvider) -> None:
    browser = visit(provider)
    page = browser.post("/sign-out")
    assert page.context["leads_to"] is None
    assert b"Sign in again" in page.content
    assert not is_signed_in(browser)


def test_metadata_that_is_broken_by_then_keeps_nobody_signed_in(idp: IdentityProvider) -> None:
    browser = visit(idp)
    SamlSettings.objects.update(metadata="<x/>")
    assert browser.post("/sign-out").status_code == 200
    assert not is_signed_in(browser)


@pytest.mark.parametrize("by", [send, post])
def test_the_provider_ends_exactly_that_sign_in(
    idp: IdentityProvider, settings: LazySettings, by: Any
) -> None:
    other = make_provider("other", entity_id=OTHER)
    hers, hers_too, his, elsewhere = (
        visit(idp, index="_one"), visit(idp, index="_two"), visit(idp, "bob", "_one"), visit(other, index="_one"),
    )  # fmt: skip
    message = told(idp, settings, session_indexes=("_one",), relay_state="there and back")
    url, answered, fields = sent_to(by(message))

    assert [is_signed_in(browser) for browser in (hers, hers_too, his, elsewhere)] == [
        False,
        True,
        True,
        True,
    ]
    assert (url, answered.get("InResponseTo")) == (f"{SLO}/done", message.request_id)
    assert fields["RelayState"] == ["there and back"]
    event = AuditEvent.objects.get(type="directory.sign_in.ended_by_provider")
    assert (event.details["why"], event.actor_kind, event.actor_label) == (
        "signed out there", "system", "log-out at own",
    )  # fmt: skip


def test_without_an_index_all_of_theirs_end(idp: IdentityProvider, settings: LazySettings) -> None:
    hers, hers_too, his = visit(idp, index="_one"), visit(idp, index="_two"), visit(idp, "bob")
    sent_to(send(told(idp, settings, session_indexes=())))
    assert [is_signed_in(browser) for browser in (hers, hers_too, his)] == [False, False, True]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"key": rsa_key("evil")}, "saml.signature"),
        ({"signs": False}, "saml.unsigned"),
        ({"entity_id": "https://unknown.example.test"}, "saml.issuer"),
        ({"destination": "http://localhost:8000/sign-in/saml/acs"}, "saml.destination"),
        ({"alter": set_attribute("/samlp:LogoutRequest", "NotOnOrAfter", "2020-01-01T00:00:00Z")}, "saml.logout_time"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("by", [send, post])
def test_what_ends_nothing(
    idp: IdentityProvider, settings: LazySettings, changes: dict[str, Any], reason: str, by: Any
) -> None:
    browser = visit(idp)
    answer = by(told(idp, settings, **changes))
    assert (answer.status_code, refusals()) == (403, [reason])
    assert b"was not accepted" in answer.content
    assert reason.encode() not in answer.content
    assert is_signed_in(browser)


def test_another_providers_word_about_the_same_name_ends_nothing(
    idp: IdentityProvider, settings: LazySettings
) -> None:
    other = make_provider("other", entity_id=OTHER)
    offer_logout(other)
    browser = visit(idp)
    sent_to(send(told(other, settings)))
    posing = told(other, settings, entity_id=idp.saml.entity_id)
    assert (send(posing).status_code, refusals()) == (403, ["saml.signature"])
    assert is_signed_in(browser)


@pytest.mark.parametrize(
    "changes",
    [
        {"name_id": "Alice"},
        {"name_id": "alice "[:-1] + "x"},
        {"name_id_format": "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"},
        {"session_indexes": ("_other",)},
    ],
)
def test_names_formats_and_indexes_are_exact(
    idp: IdentityProvider, settings: LazySettings, changes: dict[str, Any]
) -> None:
    browser = visit(idp)
    sent_to(send(told(idp, settings, **changes)))
    assert is_signed_in(browser)
    sent_to(send(told(idp, settings)))
    assert not is_signed_in(browser)


@pytest.mark.parametrize("checked", [True, False])
def test_a_request_counts_once(
    idp: IdentityProvider, settings: LazySettings, monkeypatch: pytest.MonkeyPatch, *, checked: bool
) -> None:
    if not checked:
        monkeypatch.setattr(saml_logout, "remember", lambda *_: None)
    message = told(idp, settings)
    visit(idp)
    sent_to(send(message))
    later = visit(idp)
    again = send(message)
    if not checked:
        sent_to(again)
        assert not is_signed_in(later)
        return
    assert (again.status_code, refusals()) == (403, ["saml.replay"])
    assert is_signed_in(later)


def test_junk_is_refused_and_recorded(idp: IdentityProvider) -> None:
    path = reverse("web:saml-slo")
    for answer in (
        Client().get(path),
        Client().get(f"{path}?SAMLRequest=!&SigAlg=x"),
        Client().post(path),
        Client().post(path, {"SAMLRequest": "PHgvPg==", "SAMLResponse": "PHgvPg=="}),
        Client().post(path, {"SAMLRequest": "PHgvPg=="}),
    ):
        assert answer.status_code == 403
    assert len(refusals()) == 5
    assert set(refusals()) == {"saml.malformed", "saml.issuer"}
    assert Client().put(path).status_code == 405


def test_somebody_who_is_signed_in_is_not_told_otherwise(
    idp: IdentityProvider, settings: LazySettings
) -> None:
    first = visit(idp)
    query = parse_qs(urlsplit(first.post("/sign-out").context["leads_to"]).query)
    request = ET.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"][0]), -zlib.MAX_WBITS))
    answer = told(idp, settings, answers=request.attrib["ID"], relay_state=query["RelayState"][0])
    second = visit(idp)
    led = second.get(f"{reverse('web:saml-slo')}?{answer.query()}")
    assert (led.status_code, led.headers["Location"]) == (303, "/")
    assert is_signed_in(second)

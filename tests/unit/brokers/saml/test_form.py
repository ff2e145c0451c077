"""The form of what comes in: bytes, encodings, size; and how little work a refusal costs."""

import base64
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from lxml.etree import _Element as Element

from brokers.errors import SamlRejected
from brokers.saml import Reason, ServiceProvider, ServiceProviderConfig, decryption, parsing, toolkit
from brokers.types import SamlIdentity
from tests.saml_forge import ACS_URL, SP_ENTITY_ID, Forge, element, find, rsa_key
from tests.saml_forge.idp import AES_CBC, ASSERTION

SP_KEY = rsa_key("sp")
CONFIG = ServiceProviderConfig(SP_ENTITY_ID, ACS_URL)
SP = ServiceProvider(CONFIG)
FORGE = Forge()
DOCUMENT = FORGE.document()


def verify(field: str, provider: ServiceProvider = SP) -> SamlIdentity:
    return provider.verify(FORGE.provider(), field, request_id=FORGE.request_id, at=datetime.now(UTC))


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(SamlRejected) as refused:
        act()
    return refused.value.reason


def encoded(document: bytes) -> str:
    return base64.b64encode(document).decode()


@pytest.mark.parametrize(
    "field",
    [
        "",
        "not base64!",
        "%%%%",
        "\u0410\u0411\u0412\u0413",
        encoded(DOCUMENT)[:-3],
        encoded(b""),
        encoded(b"hello"),
        encoded(b"<samlp:Response"),
        encoded(DOCUMENT + b"<more/>"),
        encoded(DOCUMENT.replace(b"<samlp:Status>", b"<samlp:Status>&undeclared;")),
        encoded(DOCUMENT.replace(b"<samlp:Status>", b"<samlp:Status>\0")),
        encoded(DOCUMENT.decode().encode("utf-16")),
        encoded(DOCUMENT.replace(b">alice<", ">\u00e9<".encode("latin-1"))),
        encoded(b"<a>" * 5000 + b"</a>" * 5000),
    ],
    # The documents are made anew by each worker, so that they can't name their tests.
    ids=[
        *(
            "empty",
            "no base64",
            "percent signs",
            "Cyrillic",
            "cut off",
            "empty in base64",
            "no XML",
            "a bare start",
        ),
        *("two roots", "undeclared entity", "a NUL", "UTF-16", "Latin-1", "five thousand deep"),
    ],
)
def test_malformed(field: str) -> None:
    assert refusal(lambda: verify(field)) == Reason.MALFORMED


def test_wrapped_base64_is_accepted() -> None:
    assert verify(base64.encodebytes(DOCUMENT).decode()).name_id == "alice"


def test_the_size_limit_is_inclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    field = encoded(DOCUMENT)

    monkeypatch.setattr(parsing, "MAX_BASE64", len(field))
    assert verify(field).name_id == "alice"
    monkeypatch.setattr(parsing, "MAX_BASE64", len(field) - 1)
    assert refusal(lambda: verify(field)) == Reason.SIZE


def test_a_declared_encoding_can_not_hide_anything() -> None:
    # In UTF-7 these bytes would be a comment, or a document type declaration.
    hidden = b'<?xml version="1.0" encoding="UTF-7"?>' + DOCUMENT.replace(b">alice<", b">alice+ADwAIQ--<")

    assert refusal(lambda: verify(encoded(hidden))) in {Reason.MALFORMED, Reason.SIGNATURE}


def test_what_is_not_a_response_is_refused() -> None:
    assertion = DOCUMENT[DOCUMENT.index(b"<saml:Assertion") : DOCUMENT.index(b"</samlp:Response>")]
    assertion = assertion.replace(
        b"<saml:Assertion", b'<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"', 1
    )

    assert refusal(lambda: verify(encoded(assertion))) == Reason.STRUCTURE
    assert refusal(lambda: verify(encoded(b"<html/>"))) == Reason.ASSERTION_COUNT


def test_without_a_key_nothing_is_decrypted() -> None:
    sealed = Forge(request_id=FORGE.request_id, encrypt_to=SP_KEY)

    assert refusal(lambda: verify(sealed.response())) == Reason.DECRYPTION


def test_an_identity_provider_without_certificates_signs_nobody_in() -> None:
    idp = FORGE.provider(certificates=())

    assert (
        refusal(lambda: SP.verify(idp, FORGE.response(), request_id=FORGE.request_id, at=datetime.now(UTC)))
        == Reason.LIBRARY
    )


def test_cbc_is_not_decrypted_before_its_envelope_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr(decryption, "open_assertion", lambda *given: opened.append(given))
    foreign = Forge(
        request_id=FORGE.request_id,
        key=rsa_key("foreign"),
        encrypt_to=SP_KEY,
        cipher=AES_CBC,
        sign=("response",),
    )
    idp = FORGE.provider(allow_aes_cbc=True)
    provider = ServiceProvider(
        ServiceProviderConfig(SP_ENTITY_ID, ACS_URL, SP_KEY.private, SP_KEY.certificate)
    )

    reason = refusal(
        lambda: provider.verify(idp, foreign.response(), request_id=foreign.request_id, at=datetime.now(UTC))
    )

    assert reason == Reason.SIGNATURE
    assert opened == []


def test_an_expensive_transform_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody can send this: the key would be judged only after the transform has run."""

    def burn(root: Element) -> None:
        xpath = (
            "count(//. | //@* | //namespace::*) > count(//.//.//.//.)" + " or count(//.//.//.//.) > 1" * 50
        )
        step = element('<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"/>')
        step.append(element(f"<ds:XPath>{xpath.replace('>', '&gt;')}</ds:XPath>"))
        find(root, f"{ASSERTION}//ds:Transforms").insert(0, step)

    monkeypatch.setattr(toolkit, "verify", lambda *_, **__: pytest.fail("python3-saml was asked"))
    field = Forge(request_id=FORGE.request_id, finish=burn).response()
    began = time.process_time()

    assert refusal(lambda: verify(field)) == Reason.TRANSFORM
    assert time.process_time() - began < 0.1


def test_many_elements_cost_little() -> None:
    flood = DOCUMENT.replace(b"<samlp:Status>", b"<samlp:Status>" + b"<x/>" * 40_000)
    began = time.process_time()

    assert refusal(lambda: verify(encoded(flood))) == Reason.STRUCTURE
    assert time.process_time() - began < 1


def test_no_error_of_a_library_gets_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("anything")

    monkeypatch.setattr(toolkit._Response, "is_valid", fail)

    assert refusal(lambda: verify(encoded(DOCUMENT))) == Reason.LIBRARY

"""Passkeys by a device in software: what is accepted, and each thing that isn't, signed anew as far as it can be."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import override_settings
from webauthn import verify_authentication_response

from portal.audit.models import AuditEvent
from portal.directory.models import Passkey, Person
from portal.identity.operations import factors_passkeys
from portal.identity.operations.factors import FactorNeededError, FactorRefusedError
from portal.identity.operations.factors_passkeys import (
    add_passkey,
    ask_passkey,
    begin_passkey,
    own_origin,
    passkeys_work,
    rp_id,
    verify_passkey,
)
from portal.kernel.errors import InvalidError
from tests.authenticator import ORIGIN, PRESENT, VERIFIED, Device, encoded
from tests.factors import add_device, just_in
from tests.world import as_actor

pytestmark = pytest.mark.django_db


def give(person: Person, device: Device, **changes: Any) -> Any:
    asked = ask_passkey(person=person)
    answer = device.sign(asked.options, **changes)
    return verify_passkey(person=person, answer=answer, challenge=asked.challenge, actor=as_actor(person))


def refused(person: Person, device: Device, **changes: Any) -> str:
    with pytest.raises(FactorRefusedError) as error:
        give(person, device, **changes)
    return noted(person, error.value)


def noted(person: Person, error: FactorRefusedError) -> str:
    event = AuditEvent.objects.filter(type="directory.factor.refused").latest("id")
    assert (event.outcome, event.person_id, event.details["reason"]) == ("refused", person.pk, error.reason)
    return error.reason


def test_registered_and_used(ben: Person) -> None:
    passkey, device = add_device(ben)
    given = give(ben, device)
    assert given.factor == "passkey: Laptop"
    passkey.refresh_from_db()
    assert passkey.sign_count == 1
    assert passkey.last_used_at is not None
    assert passkey.transports == ["internal", "hybrid"]
    assert give(ben, device)
    types = list(AuditEvent.objects.order_by("id").values_list("type", flat=True))
    assert types[-3:] == ["directory.factor.added", "directory.factor.given", "directory.factor.given"]


def test_what_the_browser_is_asked_for(ben: Person) -> None:
    made = json.loads(begin_passkey(person=ben).options)
    assert made["rp"] == {"name": "Sallyport", "id": "localhost"}
    assert made["authenticatorSelection"]["userVerification"] == "required"
    assert made["authenticatorSelection"]["residentKey"] == "preferred"
    assert made["attestation"] == "none"
    assert made["excludeCredentials"] == []
    _, device = add_device(ben)
    again = json.loads(begin_passkey(person=ben).options)
    assert [told["id"] for told in again["excludeCredentials"]] == [encoded(device.credential_id)]
    asked = json.loads(ask_passkey(person=ben).options)
    assert (asked["rpId"], asked["userVerification"]) == ("localhost", "required")
    assert [told["id"] for told in asked["allowCredentials"]] == [encoded(device.credential_id)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"origin": "https://localhost:8000"}, "origin"),
        ({"origin": "http://localhost:8000.evil.example"}, "origin"),
        ({"origin": "http://evil.example"}, "origin"),
        ({"rp_id": "evil.example"}, "rp_id"),
        ({"challenge": encoded(b"another challenge of thirty-two.")}, "challenge"),
        ({"kind": "webauthn.create"}, "kind"),
        ({"flags": PRESENT}, "not_verified"),
        ({"cross_origin": True}, "cross_origin"),
        ({"signature": b"0"}, "signature"),
        ({"handle": b"somebody else's."}, "somebody_else"),
    ],
)
def test_refused_at_use(ben: Person, changes: dict[str, Any], reason: str) -> None:
    passkey, device = add_device(ben)
    assert refused(ben, device, **changes) == reason
    passkey.refresh_from_db()
    assert (passkey.sign_count, passkey.last_used_at) == (0, None)
    assert give(ben, device)


def test_nobody_was_there(ben: Person) -> None:
    _, device = add_device(ben)
    assert refused(ben, device, flags=VERIFIED) == "malformed"


def test_an_endless_answer_is_not_read(ben: Person) -> None:
    _, device = add_device(ben)
    for length, is_right in ((20_001, False), (20_000, True)):
        asked = ask_passkey(person=ben)
        answer = device.sign(asked.options).ljust(length)
        if is_right:
            assert verify_passkey(person=ben, answer=answer, challenge=asked.challenge, actor=as_actor(ben))
            continue
        with pytest.raises(FactorRefusedError) as error:
            verify_passkey(person=ben, answer=answer, challenge=asked.challenge, actor=as_actor(ben))
        assert noted(ben, error.value) == "malformed"


def test_a_challenge_of_before_counts_for_nothing(ben: Person) -> None:
    _, device = add_device(ben)
    old, new = ask_passkey(person=ben), ask_passkey(person=ben)
    answer = device.sign(old.options)
    with pytest.raises(FactorRefusedError) as error:
        verify_passkey(person=ben, answer=answer, challenge=new.challenge, actor=as_actor(ben))
    assert noted(ben, error.value) == "challenge"
    assert verify_passkey(person=ben, answer=answer, challenge=old.challenge, actor=as_actor(ben))


def test_another_persons_credential(ben: Person, mallory: Person) -> None:
    _, bens = add_device(ben)
    _, mallorys = add_device(mallory)
    # Mallory's device signs Ben's challenge, and says it is Ben's; and Ben's signs for Mallory's session.
    assert refused(ben, mallorys, handle=ben.pk.bytes) == "somebody_else"
    assert refused(mallory, bens) == "somebody_else"
    assert give(ben, bens)


def test_a_credential_that_nobody_has(ben: Person) -> None:
    _, device = add_device(ben)
    assert refused(ben, replace(device, credential_id=b"never registered")) == "unknown"
    # Right by its name, but with a key of its own.
    assert refused(ben, Device(credential_id=device.credential_id, count=5)) == "signature"


def test_a_count_that_goes_back_is_a_copy(ben: Person) -> None:
    passkey, device = add_device(ben)
    give(ben, device)
    give(ben, device)
    for before in (0, 1):
        device.count = before
        assert refused(ben, device) == "sign_count"
    passkey.refresh_from_db()
    assert passkey.sign_count == 2
    device.count = 2
    assert give(ben, device)


def test_a_passkey_that_does_not_count_is_one_too(ben: Person) -> None:
    passkey, device = add_device(ben, device=Device(count=None))
    assert give(ben, device)
    assert give(ben, device)
    passkey.refresh_from_db()
    assert passkey.sign_count == 0


def test_the_same_answer_twice(ben: Person) -> None:
    _, device = add_device(ben)
    asked = ask_passkey(person=ben)
    answer = device.sign(asked.options)
    verify_passkey(person=ben, answer=answer, challenge=asked.challenge, actor=as_actor(ben))
    with pytest.raises(FactorRefusedError) as error:
        verify_passkey(person=ben, answer=answer, challenge=asked.challenge, actor=as_actor(ben))
    assert error.value.reason == "sign_count"


def test_of_two_answers_at_once_one_counts(ben: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    passkey, device = add_device(ben)

    def meanwhile(**told: Any) -> Any:
        Passkey.objects.filter(pk=passkey.pk).update(sign_count=7)  # another answer was first
        return verify_authentication_response(**told)

    monkeypatch.setattr(factors_passkeys, "verify_authentication_response", meanwhile)
    assert refused(ben, device) == "sign_count"
    monkeypatch.undo()
    assert give(ben, device)


def register(person: Person, device: Device, name: str = "Laptop", **changes: Any) -> Passkey:
    asked = begin_passkey(person=person)
    answer = device.make(asked.options, **changes)
    return add_passkey(
        person=person, name=name, answer=answer, challenge=asked.challenge, actor=just_in(person)
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "http://evil.example"},
        {"rp_id": "evil.example"},
        {"challenge": encoded(b"another challenge of thirty-two.")},
        {"kind": "webauthn.get"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
    ],
)
def test_refused_at_registration(ben: Person, changes: dict[str, Any]) -> None:
    device = Device()
    with pytest.raises(InvalidError, match="could not be accepted"):
        register(ben, device, **changes)
    assert not Passkey.objects.exists()
    assert register(ben, device)


def test_a_name_and_a_credential_are_once(ben: Person, mallory: Person) -> None:
    _, device = add_device(ben)
    with pytest.raises(InvalidError, match="called Laptop already"):
        register(ben, Device())
    with pytest.raises(InvalidError, match="added already"):
        register(mallory, device)
    assert register(ben, Device(), "Key ring")


def test_only_with_a_fresh_factor_where_there_is_one(ben: Person) -> None:
    add_device(ben)
    asked = begin_passkey(person=ben)
    young = replace(as_actor(ben), signed_in_at=datetime.now(UTC))
    with pytest.raises(FactorNeededError):
        add_passkey(
            person=ben,
            name="Mine now",
            answer=Device().make(asked.options),
            challenge=asked.challenge,
            actor=young,
        )
    assert Passkey.objects.count() == 1


def spoilt(answer: str, luck: random.Random) -> str:
    """The answer with a few characters changed, cut or doubled."""
    told = list(answer)
    for _ in range(luck.randint(1, 4)):
        at = luck.randrange(len(told))
        told[at : at + luck.choice([0, 1, 1, 7])] = luck.choice(
            ["", "A", "[", '"', "\x00", "é", "}", "9" * 30]
        )
    return "".join(told)


@pytest.mark.parametrize("kind", ["use", "registration"])
def test_no_rubbish_breaks_it(ben: Person, kind: str) -> None:
    """Whatever is sent is refused with a reason, and never by falling over."""
    luck = random.Random(7)  # noqa: S311  # the same rubbish each time
    _, device = add_device(ben)
    asked, new = ask_passkey(person=ben), begin_passkey(person=ben)
    used, made = device.sign(asked.options), Device().make(new.options)

    def use(answer: str) -> None:
        verify_passkey(person=ben, answer=answer, challenge=asked.challenge, actor=as_actor(ben))

    def make(answer: str) -> None:
        add_passkey(person=ben, name="Key", answer=answer, challenge=new.challenge, actor=just_in(ben))

    send: Callable[[str], None] = use if kind == "use" else make
    whole = used if kind == "use" else made
    rubbish = ["", "null", "[]", "{}", "1", "[" * 19_000, whole + " " * 20_000, '{"id": 1}']
    for answer in [*rubbish, *(spoilt(whole, luck) for _ in range(300))]:
        if json_of(answer) == json.loads(whole):
            continue
        try:
            send(answer)
        except (FactorRefusedError, InvalidError):
            continue
        # What nobody signs may have changed: the handle is gone, or a new passkey's name is another.
        assert kind == "registration" or signed_parts(answer) == signed_parts(whole)
        break
    else:
        send(whole)


def json_of(answer: str) -> Any:
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        return None


def signed_parts(answer: str) -> list[Any]:
    told = json.loads(answer)["response"]
    return [told[part][:-2] for part in ("clientDataJSON", "authenticatorData")]


@pytest.mark.parametrize(
    ("url", "name", "origin", "works"),
    [
        ("http://localhost:8000", "localhost", ORIGIN, True),
        ("https://access.example.com", "access.example.com", "https://access.example.com", True),
        ("https://access.example.com:443/portal", "access.example.com", "https://access.example.com", True),
        ("https://access.example.com:8443", "access.example.com", "https://access.example.com:8443", True),
        ("http://access.example.com", "access.example.com", "http://access.example.com", False),
        ("http://127.0.0.1:8000", "127.0.0.1", "http://127.0.0.1:8000", False),
        ("https://[::1]", "::1", None, False),
    ],
)
def test_whose_site_it_is_comes_from_the_settings(
    url: str, name: str, origin: str | None, works: bool, settings: LazySettings
) -> None:
    with override_settings(PORTAL_URL=url):
        assert rp_id() == name
        assert passkeys_work() is works
        assert origin is None or own_origin() == origin

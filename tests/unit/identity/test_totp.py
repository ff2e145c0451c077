"""Authenticator apps: RFC 6238's own vectors, drift, each code once, and tries that run out."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import override_settings

from portal.audit.models import AuditEvent
from portal.directory.models import AuthenticatorApp, Person
from portal.identity.operations import factors_totp
from portal.identity.operations.factors import (
    CODES,
    CODES_A_DAY,
    FactorNeededError,
    FactorRefusedError,
    SignInAgainError,
    has_factor,
)
from portal.identity.operations.factors_totp import (
    add_authenticator_app,
    begin_authenticator_app,
    matching_step,
    same_authenticator_app,
    verify_totp,
)
from portal.kernel import attempts, sealing
from portal.kernel.actor import ActorKind
from portal.kernel.errors import ForbiddenError, InvalidError, TooManyError
from portal.kernel.models import AttemptCount
from tests.factors import add_app, code_of, just_in
from tests.world import as_actor

pytestmark = pytest.mark.django_db
RFC_SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("second", "code"),
    [
        # RFC 6238, appendix B, SHA-1: the last six of its eight digits.
        (59, "287082"), (1111111109, "081804"), (1111111111, "050471"),
        (1234567890, "005924"), (2000000000, "279037"), (20000000000, "353130"),
    ],
)  # fmt: skip
def test_the_vectors_of_the_rfc(second: int, code: str) -> None:
    at = datetime.fromtimestamp(second, UTC)
    assert matching_step(RFC_SECRET, code, at) == second // 30
    assert matching_step(RFC_SECRET, str((int(code) + 1) % 10**6).zfill(6), at) is None


@pytest.mark.parametrize(("late", "counts"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_step_of_drift_and_no_more(late: int, counts: bool) -> None:
    at = datetime.fromtimestamp(1111111111 + late, UTC)
    assert (matching_step(RFC_SECRET, "050471", at) is not None) is counts


@pytest.mark.parametrize("typed", ["05047", "0504711", "05047a", "٠٥٠٤٧١", "-50471", "", "0x0471"])
def test_what_is_no_code(typed: str) -> None:
    assert matching_step(RFC_SECRET, typed, datetime.fromtimestamp(1111111111, UTC)) is None
    assert matching_step(RFC_SECRET, "050 471 ", datetime.fromtimestamp(1111111111, UTC)) is not None


def refused(person: Person, code: str) -> str:
    with pytest.raises(FactorRefusedError) as error:
        verify_totp(person=person, code=code, actor=as_actor(person))
    event = AuditEvent.objects.filter(type="directory.factor.refused").latest("id")
    assert (event.outcome, event.person_id, event.details["reason"]) == (
        "refused",
        person.pk,
        error.value.reason,
    )
    return error.value.reason


def test_a_code_counts_once(ben: Person) -> None:
    app, secret = add_app(ben)
    code = code_of(secret)
    given = verify_totp(person=ben, code=code, actor=as_actor(ben))
    assert given.factor == "authenticator app: Phone"
    assert datetime.now(UTC) - given.at < timedelta(seconds=10)
    assert refused(ben, code) == "replayed"
    # Nor does one that is older than what counted, though it would be within the drift.
    assert refused(ben, code_of(secret, seconds=-30)) == "replayed"
    assert verify_totp(person=ben, code=code_of(secret, seconds=30), actor=as_actor(ben))
    app.refresh_from_db()
    assert app.last_used_at is not None
    assert AuditEvent.objects.filter(type="directory.factor.given").count() == 2
    assert code not in str(list(AuditEvent.objects.values()))


def test_the_code_that_added_it_has_counted(ben: Person) -> None:
    new = begin_authenticator_app(person=ben)
    code = code_of(new.secret)
    add_authenticator_app(person=ben, name="Phone", sealed=new.sealed, code=code, actor=just_in(ben))
    assert refused(ben, code) == "replayed"


def test_anothers_code_counts_for_nobody_else(ben: Person, mallory: Person) -> None:
    _, secret = add_app(ben)
    add_app(mallory)
    assert refused(mallory, code_of(secret)) == "wrong_code"
    assert verify_totp(person=ben, code=code_of(secret), actor=as_actor(ben))


def test_the_secret_is_sealed_and_shown_nowhere(ben: Person) -> None:
    app, secret = add_app(ben)
    raw = base64.b32decode(secret)
    assert raw not in bytes(app.sealed_secret)
    assert sealing.unseal(bytes(app.sealed_secret)) == raw
    new = begin_authenticator_app(person=ben)
    assert new.secret not in repr(new)
    assert new.secret not in new.sealed
    assert new.uri.startswith("otpauth://totp/Sallyport:")
    assert f"secret={new.secret}" in new.uri


def test_an_app_whose_data_key_is_lost_counts_for_nothing(ben: Person) -> None:
    _, secret = add_app(ben)
    with override_settings(DATA_KEYS=["another-key-of-more-than-32-characters"]):
        assert refused(ben, code_of(secret)) == "wrong_code"


def test_ten_wrong_tries_and_then_a_wait_that_others_cannot_cause(ben: Person, mallory: Person) -> None:
    _, secret = add_app(ben)
    add_app(mallory)
    for _ in range(CODES.most):
        assert refused(ben, "000000" if code_of(secret) != "000000" else "111111") == "wrong_code"
    for _ in range(2):
        with pytest.raises(TooManyError):
            verify_totp(person=ben, code=code_of(secret), actor=as_actor(ben))
    noted = AuditEvent.objects.filter(details__reason="too_many")
    assert noted.count() == 1
    # Mallory's wrong tries are Mallory's, and Ben's Ben's.
    assert refused(mallory, "abcdef") == "wrong_code"
    AttemptCount.objects.filter(number__gt=CODES.most).update(until=datetime.now(UTC))
    assert verify_totp(person=ben, code=code_of(secret), actor=as_actor(ben))


def test_the_tries_of_a_day_run_out_too(ben: Person) -> None:
    """Whoever waits each time would have ten tries each ten minutes for ever."""
    _, secret = add_app(ben)
    part = str(ben.pk)
    for _ in range(CODES_A_DAY.most - 1):
        attempts.spend(CODES_A_DAY, part)
    assert refused(ben, "abcdef") == "wrong_code"
    attempts.forget(CODES, part)
    with pytest.raises(TooManyError) as refusal:
        verify_totp(person=ben, code=code_of(secret), actor=as_actor(ben))
    assert refusal.value.retry_after_seconds > CODES.period.total_seconds()
    attempts.forget(CODES_A_DAY, part)
    assert verify_totp(person=ben, code=code_of(secret), actor=as_actor(ben))


def test_a_right_code_takes_no_try(ben: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret = add_app(ben)
    for _ in range(CODES.most + 2):
        AuthenticatorApp.objects.update(last_step=0)
        verify_totp(person=ben, code=code_of(secret), actor=as_actor(ben))
    assert set(AttemptCount.objects.values_list("number", flat=True)) == {0}
    assert CODES_A_DAY.most < 100


def test_a_name_is_once_and_the_secret_too(ben: Person, mallory: Person) -> None:
    new = begin_authenticator_app(person=ben)

    def add(name: str, sealed: str = new.sealed, **changes: Any) -> None:
        order = {"person": ben, "code": code_of(new.secret), "actor": just_in(ben), **changes}
        add_authenticator_app(name=name, sealed=sealed, **order)

    with pytest.raises(InvalidError, match="1 to 80") as error:
        add(" ")
    assert error.value.field == "name"
    with pytest.raises(InvalidError, match="isn't the code") as error:
        add("Phone", code="12345")
    assert error.value.field == "code"
    with pytest.raises(InvalidError, match="too long"):
        add("Phone", person=mallory, actor=just_in(mallory))  # it was made for Ben
    with pytest.raises(InvalidError, match="too long"):
        add("Phone", sealed=new.sealed[:-4] + "AAAA")
    add(" Phone ")
    assert AuthenticatorApp.objects.get().name == "Phone"
    with pytest.raises(InvalidError, match="added already"):
        add("Tablet")
    other = begin_authenticator_app(person=ben)
    with pytest.raises(InvalidError, match="called Phone already"):
        add("Phone", other.sealed, code=code_of(other.secret))
    add("Tablet", other.sealed, code=code_of(other.secret))
    assert AuthenticatorApp.objects.count() == 2


def test_a_secret_waits_ten_minutes(ben: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    new = begin_authenticator_app(person=ben)
    again = same_authenticator_app(person=ben, sealed=new.sealed)
    assert again is not None
    assert (again.secret, again.sealed) == (new.secret, new.sealed)
    monkeypatch.setattr(factors_totp, "SETUP_SECONDS", -1)
    assert same_authenticator_app(person=ben, sealed=new.sealed) is None


def test_who_has_none_adds_the_first_just_after_signing_in(ben: Person) -> None:
    now = datetime.now(UTC)
    new = begin_authenticator_app(person=ben)

    def add(name: str, actor: Any) -> None:
        add_authenticator_app(person=ben, name=name, sealed=new.sealed, code=code_of(new.secret), actor=actor)

    plain = as_actor(ben)
    for old in (plain, replace(plain, signed_in_at=now - timedelta(minutes=10, seconds=1))):
        with pytest.raises(SignInAgainError):
            add("Phone", old)
    assert not has_factor(ben)
    add("Phone", replace(plain, signed_in_at=now - timedelta(minutes=9)))
    assert has_factor(ben)
    # From now on a young sign-in is not enough: whoever has one gives it.
    new = begin_authenticator_app(person=ben)
    with pytest.raises(FactorNeededError):
        add("Tablet", replace(plain, signed_in_at=now))
    with pytest.raises(FactorNeededError):
        add("Tablet", replace(plain, signed_in_at=now, factor_at=now - timedelta(minutes=10, seconds=1)))
    add("Tablet", replace(plain, factor_at=now - timedelta(minutes=9)))


def test_nobody_adds_one_for_somebody_else_or_by_a_token(ben: Person, mallory: Person, actor_of: Any) -> None:
    new = begin_authenticator_app(person=ben)
    for actor in (just_in(mallory), replace(just_in(ben), kind=ActorKind.TOKEN)):
        with pytest.raises(ForbiddenError, match="own person, in the browser"):
            add_authenticator_app(
                person=ben, name="Phone", sealed=new.sealed, code=code_of(new.secret), actor=actor
            )
    Person.objects.filter(pk=ben.pk).update(is_active=False, deactivated_at=datetime.now(UTC))
    ben.refresh_from_db()
    with pytest.raises(ForbiddenError, match="own person"):
        add_app(ben)

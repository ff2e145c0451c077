"""Authenticator apps: time-based codes (RFC 6238) of six digits by SHA-1 and half minutes, which all apps know."""

import base64
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.db import transaction

from portal.audit.events import EventType
from portal.directory.models import AuthenticatorApp, Person
from portal.identity.operations.factors import (
    FactorRefusedError,
    GivenFactor,
    check_may_change,
    checked_name,
    codes_limited,
    lock_person,
    record_factor,
    refusals_recorded,
)
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError
from portal.kernel.sealing import UnsealError, seal, unseal

DIGITS = 6
STEP = 30  # seconds
# A code counts in its half minute and those beside it: clocks and fingers differ (RFC 6238, section 5.2).
DRIFT = 1
SECRET_BYTES = 20
SETUP_SECONDS = 600
ISSUER = "Sallyport"
KIND = "authenticator app"
WRONG = "That code doesn't count. Type the one that your app shows now; each counts once."


@dataclass(frozen=True, slots=True)
class NewApp:
    """A secret to be put into an app. `sealed` is what the server keeps until a code proves that it is in there."""

    sealed: str
    secret: str = field(repr=False)
    uri: str = field(repr=False)


def begin_authenticator_app(*, person: Person) -> NewApp:
    """Make a secret; nothing is kept of it here. It waits ten minutes for `add_authenticator_app`."""
    return _shown(person, secrets.token_bytes(SECRET_BYTES))


def same_authenticator_app(*, person: Person, sealed: str) -> NewApp | None:
    """Return what `begin` made once more, so that a mistyped code costs no new scan; None when it is too old."""
    secret = _open(person, sealed)
    return None if secret is None else _shown(person, secret, sealed)


def add_authenticator_app(
    *, person: Person, name: str, sealed: str, code: str, actor: Actor
) -> AuthenticatorApp:
    """Keep the app once a code proves that the secret is in it; that code has counted then.

    Raises:
        InvalidError: a wrong code, a name that is taken, or the secret waited for too long.
        ForbiddenError: not just now proven, see `check_may_change`.
    """
    check_may_change(person, actor=actor)
    secret = _open(person, sealed)
    if secret is None:
        raise InvalidError("This page was open for too long: scan the new picture.", field="code")
    with transaction.atomic():
        lock_person(person)
        apps = list(AuthenticatorApp.objects.filter(person=person))
        name = checked_name(name, [app.name for app in apps])
        step = matching_step(secret, code, database_now())
        if step is None:
            raise InvalidError("That isn't the code that the app shows now. Try the next one.", field="code")
        if any(_secret_of(app) == secret for app in apps):
            raise InvalidError("This app was added already.", field="code")
        app = AuthenticatorApp.objects.create(
            person=person,
            name=name,
            sealed_secret=seal(secret),
            last_step=step,
            created_at=database_now(),
        )
        record_factor(EventType.FACTOR_ADDED, person, actor, factor=KIND, id=str(app.pk), name=name)
    return app


def verify_totp(*, person: Person, code: str, actor: Actor) -> GivenFactor:
    """Take the code that one of the person's apps shows. It counts once, also when it is sent twice at once.

    Raises:
        FactorRefusedError: wrong, or it counted before; each leaves an audit row.
        TooManyError: too many wrong ones, see `codes_limited`.
    """
    with codes_limited(person, actor), refusals_recorded(person, KIND, actor), transaction.atomic():
        now = database_now()
        for app in AuthenticatorApp.objects.filter(person=person):
            secret = _secret_of(app)
            step = None if secret is None else matching_step(secret, code, now)
            if step is None:
                continue
            newer = AuthenticatorApp.objects.filter(pk=app.pk, last_step__lt=step)
            if not newer.update(last_step=step, last_used_at=now):
                raise FactorRefusedError("replayed", WRONG)
            record_factor(EventType.FACTOR_GIVEN, person, actor, factor=KIND, id=str(app.pk), name=app.name)
            return GivenFactor(f"{KIND}: {app.name}", now)
        raise FactorRefusedError("wrong_code", WRONG)


def matching_step(secret: bytes, code: str, now: datetime) -> int | None:
    """Return the time step whose code this is, now or one beside it; None: it is no code of this secret."""
    code = "".join(code.split())
    if len(code) != DIGITS or not code.isascii() or not code.isdigit():
        return None
    totp = TOTP(secret, DIGITS, SHA1(), STEP)  # noqa: S303  # HMAC-SHA-1, which is what the apps do
    current = int(now.timestamp()) // STEP
    for step in range(current - DRIFT, current + DRIFT + 1):
        try:
            totp.verify(code.encode(), step * STEP)
        except InvalidToken:
            continue
        return step
    return None


def _shown(person: Person, secret: bytes, sealed: str | None = None) -> NewApp:
    totp = TOTP(secret, DIGITS, SHA1(), STEP)  # noqa: S303  # as above
    return NewApp(
        sealed=sealed or seal(person.pk.bytes + secret).decode(),
        secret=base64.b32encode(secret).decode(),
        uri=totp.get_provisioning_uri(person.email or person.name, ISSUER),
    )


def _open(person: Person, sealed: str) -> bytes | None:
    try:
        opened = unseal(sealed.encode(), max_age_seconds=SETUP_SECONDS)
    except UnsealError:
        return None
    owner, secret = opened[:16], opened[16:]
    return secret if owner == person.pk.bytes else None


def _secret_of(app: AuthenticatorApp) -> bytes | None:
    """Return the app's secret; None when its data key is known no longer: then the app counts for nothing."""
    try:
        return unseal(bytes(app.sealed_secret))
    except UnsealError:
        return None

"""Second factors in people's hands, made by the operations themselves."""

import base64
import time
from dataclasses import replace
from datetime import UTC, datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from portal.directory.models import AuthenticatorApp, Passkey, Person
from portal.identity.operations.factors_passkeys import add_passkey, begin_passkey
from portal.identity.operations.factors_totp import add_authenticator_app, begin_authenticator_app
from portal.kernel.actor import Actor
from tests.authenticator import Device
from tests.world import as_actor


def just_in(person: Person) -> Actor:
    """The person at a browser that was let in, and gave a second factor, just now."""
    now = datetime.now(UTC)
    return replace(as_actor(person), signed_in_at=now, factor_at=now)


def code_of(secret: str, *, seconds: float = 0) -> str:
    """What an app with this secret (base32) shows in `seconds`."""
    if (left := 30 - time.time() % 30) < 1:
        time.sleep(left)  # so that what is shown now is still the same half minute when it is judged
    at = int(datetime.now(UTC).timestamp() + seconds)
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(at).decode()  # noqa: S303


def add_app(person: Person, name: str = "Phone") -> tuple[AuthenticatorApp, str]:
    """Add an app; returns it and its secret. The code that it shows now has not counted yet."""
    new = begin_authenticator_app(person=person)
    app = add_authenticator_app(
        person=person, name=name, sealed=new.sealed, code=code_of(new.secret), actor=just_in(person)
    )
    AuthenticatorApp.objects.filter(pk=app.pk).update(last_step=0)
    return app, new.secret


def add_device(person: Person, name: str = "Laptop", device: Device | None = None) -> tuple[Passkey, Device]:
    device = device or Device()
    asked = begin_passkey(person=person)
    passkey = add_passkey(
        person=person,
        name=name,
        answer=device.make(asked.options),
        challenge=asked.challenge,
        actor=just_in(person),
    )
    return passkey, device

"""Accounts of the portal's own: for the first admin, and for when no provider can be reached. Made by command alone.

A password is not enough: a second factor is asked for at every sign-in. Who has none yet adds one at the first, within
a day after the password was set; later an operator has to set it anew.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from django.contrib.auth.hashers import check_password, get_hasher, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import transaction

from portal.access.lifecycle import AlarmKind
from portal.access.operations.cutting.alarms import raise_alarm
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import ExternalIdentity, IdentityProvider, LocalPassword, Person, SignIn
from portal.identity.operations.end_sign_ins import end_sign_ins
from portal.identity.operations.refusing import SignInRefusedError
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError, InvalidError, NotFoundError

SLUG = "local"
FORMAT = "local"
# What a completed sign-in here says of itself: a second factor was given.
CONTEXT = "portal:second-factor"
LOGIN = RegexValidator(r"\A[a-z0-9][a-z0-9._-]{1,39}\Z")
ENROL_WITHIN = timedelta(hours=24)
LONGEST_PASSWORD = 256


@dataclass(frozen=True, slots=True)
class FirstFactor:
    """A password that was right: the sign-in still needs the second factor, or to add one where `may_enrol`.

    `set_at`: when that password was set. It opens nothing once another one is.
    """

    identity: ExternalIdentity
    may_enrol: bool
    set_at: datetime


def local_provider() -> IdentityProvider | None:
    return IdentityProvider.objects.filter(kind=IdentityProvider.Kind.LOCAL, is_enabled=True).first()


def add_local_account(
    *, login: str, name: str, password: str, superuser: bool, actor: Actor
) -> ExternalIdentity:
    """Make an admin who signs in here, without any provider. For commands: `actor` is trusted.

    Raises:
        ForbiddenError: by anybody but an operator with the server's shell.
        InvalidError: a login of other than 2 to 40 of a-z, 0-9 and ._-, one that exists, or a weak password.
    """
    _check_operator(actor)
    _check_login(login)
    with transaction.atomic():
        provider, _ = IdentityProvider.objects.get_or_create(
            kind=IdentityProvider.Kind.LOCAL,
            defaults={
                "slug": SLUG,
                "name": "Emergency account",
                "admits_people": False,
                "gone_everywhere": False,
                "factor_contexts": [CONTEXT],
                "sign_in_hours": 1,
                "max_age_hours": 12,
            },
        )
        if ExternalIdentity.objects.filter(provider=provider, subject=login).exists():
            raise InvalidError(f"There is a local account {login} already.", field="login")
        person = Person.objects.admit(name=name.strip() or login, is_staff=True, is_superuser=superuser)
        identity = ExternalIdentity.objects.create(
            provider=provider, person=person, subject=login, subject_format=FORMAT, login=login
        )
        _keep(identity, password)
        _record(EventType.ADMIN_APPOINTED, identity, actor, superuser=superuser)
    return identity


def set_local_password(*, login: str, password: str, actor: Actor) -> ExternalIdentity:
    """Set it anew, which also opens a day for adding a factor, and ends its sign-ins. Raises as add_local_account."""
    _check_operator(actor)
    with transaction.atomic():
        identity = _find(login)
        if identity is None:
            raise NotFoundError(f"There is no local account {login}.")
        _keep(identity, password)
        end_sign_ins(SignIn.objects.filter(identity=identity), why="new password", actor=actor)
        _record(EventType.PASSWORD_SET, identity, actor)
    return identity


def check_local_password(*, login: str, password: str) -> FirstFactor:
    """Judge the first factor; nobody is signed in by it.

    Raises:
        SignInRefusedError: the one reason is in it; all take the same time, and the page says the same of each.
    """
    identity = _find(login.strip().lower())
    kept = LocalPassword.objects.filter(identity=identity).first() if identity else None
    encoded = kept.encoded if kept else _decoy(get_hasher().algorithm)
    is_right = len(password) <= LONGEST_PASSWORD and check_password(password, encoded)
    if identity is None or kept is None:
        # What was typed is not told on: it may have been a password.
        raise SignInRefusedError("local.unknown", "nobody has that login")
    if not is_right:
        raise SignInRefusedError("local.wrong_password", login[:80])
    if not identity.person.is_active or identity.gone_at is not None:
        raise SignInRefusedError("local.deactivated", login[:80])
    return FirstFactor(identity, database_now() - kept.changed_at <= ENROL_WITHIN, kept.changed_at)


def note_break_glass(*, identity: ExternalIdentity, actor: Actor) -> None:
    """Say loudly that a local account was used: an alarm, and a row in the trail."""
    now = database_now()
    with transaction.atomic():
        _record(EventType.BREAK_GLASS_USED, identity, actor)
    raise_alarm(
        kind=AlarmKind.BREAK_GLASS_USED,
        subject=str(identity.pk),
        text=f"{identity.person.name} signed in with the emergency account {identity.login} from {actor.ip or 'here'}",
        at=now,
    )


def _check_operator(actor: Actor) -> None:
    if not actor.is_trusted:
        raise ForbiddenError("Local accounts are made by command, by whoever has the server's shell.")


def _check_login(login: str) -> None:
    try:
        LOGIN(login)
    except ValidationError:
        raise InvalidError(
            "A login has 2 to 40 of a-z, 0-9, '.', '_' and '-', and begins with a letter or digit.",
            field="login",
        ) from None


def _find(login: str) -> ExternalIdentity | None:
    provider = local_provider()
    return (
        ExternalIdentity.objects.select_related("person", "provider")
        .filter(provider=provider, subject=login, subject_format=FORMAT)
        .first()
        if provider
        else None
    )


def _keep(identity: ExternalIdentity, password: str) -> None:
    if len(password) > LONGEST_PASSWORD:
        raise InvalidError(f"A password has at most {LONGEST_PASSWORD} characters.", field="password")
    try:
        validate_password(password, identity.person)
    except ValidationError as problem:
        raise InvalidError(" ".join(problem.messages), field="password") from None
    LocalPassword.objects.update_or_create(
        identity=identity, defaults={"encoded": make_password(password), "changed_at": database_now()}
    )


@cache
def _decoy(algorithm: str) -> str:
    """Return a hash that nothing fits, made once: an unknown login takes as long as a wrong password."""
    return make_password(secrets.token_urlsafe(32), hasher=algorithm)


def _record(event: EventType, identity: ExternalIdentity, actor: Actor, **more: object) -> None:
    record(
        Entry(
            type=event,
            at=database_now(),
            actor=actor,
            person_id=identity.person_id,
            details={"provider": identity.provider.slug, "login": identity.login, **more},
        )
    )

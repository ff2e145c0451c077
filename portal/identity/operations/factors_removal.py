"""Taking second factors away: one's own, one at a time; or all of somebody's, by a superuser, who says why."""

from uuid import UUID

from django.db import transaction

from portal.access.models import CredentialToken
from portal.access.operations.permissions import person_of
from portal.access.operations.reasons import checked_reason
from portal.audit.events import EventType
from portal.directory.models import (
    ApiToken,
    AuthenticatorApp,
    LocalPassword,
    Passkey,
    Person,
    RecoveryCode,
    SignIn,
)
from portal.identity.operations import factors_passkeys, factors_totp
from portal.identity.operations.end_sign_ins import end_sign_ins
from portal.identity.operations.factors import check_may_change, has_factor, lock_person, record_factor
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError, ForbiddenError, NotFoundError


def find_factor(*, person: Person, factor_id: UUID) -> AuthenticatorApp | Passkey:
    """Return one of the person's own. Raises NotFoundError for another's as for none."""
    found = (
        AuthenticatorApp.objects.filter(pk=factor_id, person=person).first()
        or Passkey.objects.filter(pk=factor_id, person=person).first()
    )
    if found is None:
        raise NotFoundError("There is no such second factor.")
    return found


def kind_of(factor: AuthenticatorApp | Passkey) -> str:
    return factors_totp.KIND if isinstance(factor, AuthenticatorApp) else factors_passkeys.KIND


def remove_factor(*, person: Person, factor_id: UUID, actor: Actor) -> str:
    """Remove one of the person's own; with the last one the recovery codes go, too. Returns its name.

    Raises:
        NotFoundError: another's, or removed already.
        ForbiddenError: not just now proven, see `check_may_change`.
        ConflictError: the last one of somebody who signs in by a password of the portal's own.
    """
    check_may_change(person, actor=actor)
    with transaction.atomic():
        lock_person(person)
        factor = find_factor(person=person, factor_id=factor_id)
        kind, name = kind_of(factor), factor.name
        factor.delete()
        is_last = not has_factor(person)
        if is_last and LocalPassword.objects.filter(identity__person=person).exists():
            raise ConflictError("Add another second factor first: your account can't be used without one.")
        if is_last:
            RecoveryCode.objects.filter(person=person).delete()
        record_factor(
            EventType.FACTOR_REMOVED, person, actor, factor=kind, id=str(factor_id), name=name, last=is_last
        )
    return name


def reset_factors(*, person_id: UUID, reason: str, actor: Actor) -> Person:
    """Remove all of somebody's factors, who lost them; their sign-ins end, and their tokens need a new one.

    Raises:
        ForbiddenError: by anybody but a superuser, or for oneself.
        NotFoundError: no such person.
        ConflictError: there is nothing to remove.
        InvalidError: no reason is given.
    """
    _check_may_reset(person_id, actor)
    reason = checked_reason(reason)
    with transaction.atomic():
        person = Person.objects.select_for_update(no_key=True, of=("self",)).filter(pk=person_id).first()
        if person is None:
            raise NotFoundError("There is no such person.")
        if not has_factor(person):
            raise ConflictError(f"{person.name} has no second factor here.")
        apps, _ = AuthenticatorApp.objects.filter(person=person).delete()
        passkeys, _ = Passkey.objects.filter(person=person).delete()
        codes, _ = RecoveryCode.objects.filter(person=person).delete()
        ApiToken.objects.filter(person=person).update(factor_at=None)
        CredentialToken.objects.filter(grant__person=person).update(factor_at=None)
        record_factor(
            EventType.FACTOR_REMOVED,
            person,
            actor,
            factor="all",
            reason=reason,
            authenticator_apps=apps,
            passkeys=passkeys,
            recovery_codes=codes,
        )
        end_sign_ins(SignIn.objects.filter(person=person), why="second factors reset", actor=actor)
    return person


def _check_may_reset(person_id: UUID, actor: Actor) -> None:
    if actor.is_trusted:
        return
    admin = person_of(actor)
    if admin is None or not admin.is_superuser:
        raise ForbiddenError("Only a superuser resets somebody's second factors.")
    if admin.pk == person_id:
        raise ForbiddenError("Nobody resets their own: ask another superuser.")

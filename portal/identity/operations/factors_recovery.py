"""Recovery codes: ten at a time, shown once, kept as hashes. Each counts once, for when everything else is lost."""

import secrets

from django.db import transaction

from portal.audit.events import EventType
from portal.directory.models import Person, RecoveryCode
from portal.identity.operations.factors import (
    FactorRefusedError,
    GivenFactor,
    check_may_change,
    codes_left,
    codes_limited,
    has_factor,
    lock_person,
    record_factor,
    refusals_recorded,
)
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError
from portal.kernel.sealing import fingerprint

HOW_MANY = 10
# 32 letters and digits (Crockford's), 20 of them: 100 random bits. I, L, O and U, which are read wrongly, are none.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 20
GROUP = 5
MISREAD = str.maketrans("ILO", "110", "- \t")
KIND = "recovery code"
WRONG = "That code doesn't count. Each recovery code counts once; a new set replaced all older ones."


def make_recovery_codes(*, person: Person, actor: Actor) -> list[str]:
    """Return a new set, to be shown once; the older codes count no more.

    Raises:
        InvalidError: there is nothing yet that they could stand in for.
        ForbiddenError: not just now proven, see `check_may_change`.
    """
    check_may_change(person, actor=actor)
    with transaction.atomic():
        lock_person(person)
        if not has_factor(person):
            raise InvalidError("Add an authenticator app or a passkey first: the codes stand in for those.")
        RecoveryCode.objects.filter(person=person).delete()
        codes = [_make() for _ in range(HOW_MANY)]
        RecoveryCode.objects.bulk_create(
            RecoveryCode(person=person, digest=fingerprint(normal(code))) for code in codes
        )
        record_factor(EventType.RECOVERY_CODES_MADE, person, actor, number=HOW_MANY)
    return codes


def verify_recovery_code(*, person: Person, code: str, actor: Actor) -> GivenFactor:
    """Use one of the person's codes up. Of two uses at once, one counts.

    Raises:
        FactorRefusedError: unknown, another's, or used before; each leaves an audit row.
        TooManyError: too many wrong ones, see `codes_limited`.
    """
    with codes_limited(person, actor), refusals_recorded(person, KIND, actor), transaction.atomic():
        now = database_now()
        known = RecoveryCode.objects.filter(person=person, digest=fingerprint(normal(code)))
        if not known.filter(used_at=None).update(used_at=now):
            raise FactorRefusedError("replayed" if known.exists() else "wrong_code", WRONG)
        record_factor(EventType.FACTOR_GIVEN, person, actor, factor=KIND, left=codes_left(person))
    return GivenFactor(KIND, now)


def normal(code: str) -> str:
    """Return a code as it was made, however it was written down and typed."""
    return code.strip().upper().translate(MISREAD)


def _make() -> str:
    letters = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return "-".join(letters[start : start + GROUP] for start in range(0, LENGTH, GROUP))

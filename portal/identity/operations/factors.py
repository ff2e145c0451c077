"""Second factors: what all kinds share. Who may add and remove them, how often a code is tried, what is written down.

Each kind's own: `factors_totp.py`, `factors_passkeys.py`, `factors_recovery.py`. All of it works before a session is
open, for sign-ins that need a second factor themselves.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.directory.models import AuthenticatorApp, Passkey, Person, RecoveryCode
from portal.identity.operations.fresh import FRESH
from portal.kernel import attempts
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.attempts import Limit
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError, InvalidError, TooManyError

MOST_OF_A_KIND = 10
LONGEST_NAME = 80
# Six digits, three of which count at a time: ten tries guess one in 30,000; forty a day one in 8,000.
CODES = Limit("factor.codes", 10, timedelta(minutes=10))
CODES_A_DAY = Limit("factor.codes_a_day", 40, timedelta(days=1))


@dataclass(frozen=True, slots=True)
class GivenFactor:
    """A second factor that was right. `factor`: which, in words for readers of the trail."""

    factor: str
    at: datetime


class FactorRefusedError(ForbiddenError):
    """What was given doesn't count. `reason` is for the auditor; the sentence says only what to do next."""

    code = "factor_refused"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class FactorNeededError(ForbiddenError):
    """Only with a second factor that was given just now: the person has one."""

    code = "factor_needed"


class SignInAgainError(ForbiddenError):
    """Only just after a sign-in: there is no second factor yet that could prove who this is."""

    code = "sign_in_again"


def has_factor(person: Person) -> bool:
    """Whether the person could give one here. Recovery codes alone are none: they stand in for another."""
    return (
        AuthenticatorApp.objects.filter(person=person).exists()
        or Passkey.objects.filter(person=person).exists()
    )


def check_may_change(person: Person, *, actor: Actor) -> None:
    """Refuse to change somebody's factors, unless just now they gave one, or signed in where they have none.

    Raises:
        FactorNeededError, SignInAgainError: prove it first.
        ForbiddenError: deactivated; another's; or it is a program that asks.
    """
    if actor.kind == ActorKind.TOKEN or not person.is_active or actor.owner_id != person.pk:
        raise ForbiddenError("Second factors are changed by their own person, in the browser.")
    now = database_now()
    if actor.factor_at is not None and now - actor.factor_at < FRESH:
        return
    if has_factor(person):
        raise FactorNeededError("Give your second factor first: it counts for ten minutes.")
    if actor.signed_in_at is None or now - actor.signed_in_at >= FRESH:
        raise SignInAgainError(
            "Sign in again first: a first second factor is added within ten minutes of that."
        )


def lock_person(person: Person) -> None:
    """Take the person's lock: of two changes to somebody's factors at once, the second sees the first."""
    list(Person.objects.select_for_update(no_key=True).filter(pk=person.pk).values_list("pk"))


def checked_name(name: str, taken: Iterator[str] | list[str]) -> str:
    """Return it without white space around it. Raises InvalidError when it is empty, too long, or taken."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidError(f"Give it a name of 1 to {LONGEST_NAME} characters.", field="name")
    names = list(taken)
    if name in names:
        raise InvalidError(f"You have one called {name} already; choose another name.", field="name")
    if len(names) >= MOST_OF_A_KIND:
        raise InvalidError(f"You have {MOST_OF_A_KIND} already; remove one first.", field="name")
    return name


@contextmanager
def codes_limited(person: Person, actor: Actor) -> Iterator[None]:
    """Count what is tried within, unless it proves right. Nobody else can use the tries up: they are behind a sign-in.

    Raises:
        TooManyError: before anything is tried; noted in the audit trail once a period.
    """
    part = str(person.pk)
    try:
        attempts.spend(CODES, part)
        attempts.spend(CODES_A_DAY, part)
    except TooManyError as refusal:
        if refusal.is_first:
            with transaction.atomic():
                record_factor(
                    EventType.FACTOR_REFUSED, person, actor, outcome=Outcome.REFUSED, reason="too_many"
                )
        raise
    yield
    attempts.give_back(CODES, part)
    attempts.give_back(CODES_A_DAY, part)


@contextmanager
def refusals_recorded(person: Person, factor: str, actor: Actor) -> Iterator[None]:
    """Write each refusal that leaves the block to the audit trail, after its transaction was rolled back."""
    try:
        yield
    except FactorRefusedError as refusal:
        with transaction.atomic():
            record_factor(
                EventType.FACTOR_REFUSED,
                person,
                actor,
                outcome=Outcome.REFUSED,
                factor=factor,
                reason=refusal.reason,
            )
        raise


def codes_left(person: Person) -> int:
    return RecoveryCode.objects.filter(person=person, used_at=None).count()


def record_factor(
    event: EventType, person: Person, actor: Actor, *, outcome: Outcome = Outcome.DONE, **details: object
) -> None:
    record(
        Entry(
            type=event,
            at=database_now(),
            actor=actor,
            outcome=outcome,
            person_id=person.pk,
            details=details,
        )
    )

"""A program asks to be signed in, and its person decides in a browser (RFC 8628, sections 3.1 to 3.3).

The person is asked about a program that they may not have started: they are shown where it asks from, and compare the
code with what it shows (section 5.4).
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from django.db import transaction

from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.directory.models import DeviceSignIn, Person
from portal.directory.operations.api_tokens import check_room_for_token
from portal.identity.operations.device_codes import CLIENTS, new_user_code, tidy_user_code, user_digest
from portal.identity.operations.limit_tries import Place
from portal.kernel import attempts
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.attempts import Limit
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, DomainError, ForbiddenError, NotFoundError
from portal.kernel.sealing import fingerprint

LIFE: Final = timedelta(minutes=10)
INTERVAL: Final = 5
MINUTES = timedelta(minutes=1)
# Each makes a row that waits ten minutes; a whole office or build farm may stand behind one address.
ASKS = Limit("device.asks", 120, 10 * MINUTES)
# 25.6 thousand million codes: whoever tries 40 of them in the ten minutes that one lives finds nothing (section 5.1).
TRIES_OF_NETWORK = Limit("device.codes_from_network", 40, 10 * MINUTES)
TRIES_OF_PERSON = Limit("device.codes_by_person", 15, 10 * MINUTES)


class OAuthError(DomainError):
    """What a program is told, in the words of RFC 6749, section 5.2, and RFC 8628, section 3.5."""

    code = "oauth"

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error


@dataclass(frozen=True, slots=True)
class AskedDevice:
    """What the program is told. The codes are kept nowhere in plain text."""

    row: DeviceSignIn
    device_code: str = field(repr=False)
    user_code: str = field(repr=False)


def ask_device_sign_in(*, client_id: str, scopes: Sequence[str], place: Place, actor: Actor) -> AskedDevice:
    """Begin: for ten minutes the program may ask whether its person approved. No `scopes`: the client's usual ones.

    Raises:
        OAuthError: invalid_client, invalid_scope.
        TooManyError: 120 were asked for from there within 10 minutes.
    """
    client = CLIENTS.get(client_id)
    if client is None:
        raise OAuthError("invalid_client", f"Known clients are: {', '.join(CLIENTS)}.")
    wanted = set(scopes) or client.usual
    if not wanted <= client.most:
        raise OAuthError("invalid_scope", f"{client_id} may ask for: {' '.join(sorted(client.most))}.")
    attempts.spend(ASKS, place.network)
    device_code, user_code = "spd_" + secrets.token_urlsafe(32), new_user_code()
    with transaction.atomic():
        now = database_now()
        row = DeviceSignIn.objects.create(
            device_digest=fingerprint(device_code),
            user_digest=user_digest(user_code),
            client=client_id,
            scopes=sorted(wanted),
            asked_at=now,
            expires_at=now + LIFE,
            interval=INTERVAL,
            ip=actor.ip,
            user_agent=actor.user_agent[:300],
        )
        _record(EventType.DEVICE_ASKED, row, actor)
    return AskedDevice(row, device_code, user_code)


def find_device_sign_in(*, user_code: str, place: Place, actor: Actor) -> DeviceSignIn:
    """Return the sign-in that waits under the code. Each try that finds nothing counts.

    Raises:
        NotFoundError: unknown, over, or decided already.
        TooManyError: 40 wrong ones from there, or 15 by this person, within 10 minutes.
    """
    tries = ((TRIES_OF_NETWORK, place.network), (TRIES_OF_PERSON, str(actor.owner_id)))
    for limit, who in tries:
        attempts.spend(limit, who)
    code = tidy_user_code(user_code)
    waiting = DeviceSignIn.objects.filter(approved=None, expires_at__gt=database_now())
    row = waiting.filter(user_digest=user_digest(code)).first() if code else None
    if row is None:
        raise NotFoundError(
            "No program waits with this code: it was mistyped, used, or is older than 10 minutes."
        )
    for limit, who in tries:
        attempts.give_back(limit, who)
    return row


def decide_device_sign_in(*, user_code: str, approve: bool, place: Place, actor: Actor) -> DeviceSignIn:
    """Let the program act for the actor's own person, or refuse it. Once: what was decided stays.

    Raises:
        ForbiddenError: nobody who is signed in here, or deactivated.
        InvalidError: the person has as many tokens as one may.
        NotFoundError, TooManyError: as `find_device_sign_in`.
        ConflictError: somebody decided meanwhile, or it is over.
    """
    if actor.kind != ActorKind.PERSON:
        raise ForbiddenError("A program is let in by somebody who is signed in, in their browser.")
    found = find_device_sign_in(user_code=user_code, place=place, actor=actor)
    with transaction.atomic():
        person = Person.objects.select_for_update(no_key=True).filter(pk=actor.owner_id).first()
        if person is None or not person.is_active:
            raise ForbiddenError("Only somebody who is active here can let a program in.")
        if approve:
            check_room_for_token(person)
        now = database_now()
        waiting = DeviceSignIn.objects.filter(pk=found.pk, approved=None, expires_at__gt=now)
        factor_at = actor.factor_at if approve else None
        if not waiting.update(approved=approve, person=person, decided_at=now, factor_at=factor_at):
            raise ConflictError("This was decided already, or its 10 minutes are over. Start it again.")
        found.refresh_from_db()
        event = EventType.DEVICE_APPROVED if approve else EventType.DEVICE_DENIED
        _record(event, found, actor, outcome=Outcome.DONE if approve else Outcome.REFUSED)
    return found


def _record(event: EventType, row: DeviceSignIn, actor: Actor, *, outcome: Outcome = Outcome.DONE) -> None:
    record(
        Entry(
            type=event,
            at=database_now(),
            actor=actor,
            outcome=outcome,
            person_id=row.person_id,
            details={
                "sign_in": str(row.pk),
                "client": row.client,
                "scopes": row.scopes,
                "asked_from": row.ip or "",
            },
        )
    )

"""The program fetches its token, once, and may give it back (RFC 8628, sections 3.4 and 3.5; RFC 7009)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import F

from portal.access.operations.credentials.revoke_api_token import count_programs
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import ApiToken, DeviceSignIn, Person
from portal.directory.operations.api_tokens import PREFIX, MadeToken, write_token
from portal.identity.operations.device_codes import CLIENTS
from portal.identity.operations.device_sign_in import OAuthError
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.sealing import fingerprint

# RFC 8628, section 3.5: slow_down adds five seconds for good. What the network shifts is nobody's haste.
SLOWER: Final = 5
SLOWEST: Final = 60
GRACE: Final = timedelta(milliseconds=500)
LONGEST_CODE: Final = 200


def take_device_token(*, client_id: str, device_code: str, actor: Actor) -> MadeToken:
    """Return the token of an approved sign-in: a device code is taken once.

    Raises:
        OAuthError: authorization_pending, slow_down, access_denied, expired_token; invalid_grant for what is unknown,
            another client's or taken; invalid_client.
    """
    _check_client(client_id)
    digest = fingerprint(device_code[:LONGEST_CODE])
    with transaction.atomic():
        found = DeviceSignIn.objects.filter(device_digest=digest, client=client_id).first()
        if found is None or found.taken_at is not None:
            raise OAuthError("invalid_grant", "This device code is unknown, or was used already.")
        # People come first in the order of locks.
        if found.person_id is not None:
            person = Person.objects.select_for_update(no_key=True).get(pk=found.person_id)
            return _taken(found, person, database_now(), actor)
    _still_waits(found, database_now())
    raise OAuthError("authorization_pending", "Its person has not decided yet.")


def revoke_own_token(*, plain: str, client_id: str, actor: Actor) -> None:
    """Revoke the token that is presented. One that is unknown or over already is no error (RFC 7009, section 2.2).

    Raises:
        OAuthError: invalid_client.
    """
    _check_client(client_id)
    if not plain.startswith(PREFIX):
        return
    with transaction.atomic():
        token = ApiToken.objects.select_related("person").filter(digest=fingerprint(plain)).first()
        now = database_now()
        if token and ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
            programs = count_programs(token.pk, at=now)
            _record(EventType.TOKEN_REVOKED, token, token.person, actor, programs=programs)


def _check_client(client_id: str) -> None:
    if client_id not in CLIENTS:
        raise OAuthError("invalid_client", f"Known clients are: {', '.join(CLIENTS)}.")


def _taken(found: DeviceSignIn, person: Person, now: datetime, actor: Actor) -> MadeToken:
    """Make the token of what was decided: by compare-and-swap, since a program may ask twice at once."""
    if now >= found.expires_at:
        raise _over()
    if not found.approved:
        raise OAuthError("access_denied", "Its person refused.")
    if not person.is_active:
        raise OAuthError("access_denied", "Whoever approved is no longer active here.")
    approved = DeviceSignIn.objects.filter(pk=found.pk, approved=True, taken_at=None)
    if not approved.update(taken_at=now):
        raise OAuthError("invalid_grant", "This device code was used already.")
    made = write_token(
        person=person,
        name=CLIENTS[found.client].name,
        scopes=found.scopes,
        life=timedelta(hours=settings.CLI_TOKEN_HOURS),
        factor_at=found.factor_at,
    )
    _record(
        EventType.TOKEN_CREATED,
        made.token,
        person,
        actor,
        scopes=made.token.scopes,
        hours=settings.CLI_TOKEN_HOURS,
        sign_in=str(found.pk),
    )
    return made


def _still_waits(found: DeviceSignIn, now: datetime) -> None:
    """Note the poll, in one statement with the judgement whether it came too soon."""
    if now >= found.expires_at:
        raise _over()
    row = DeviceSignIn.objects.filter(pk=found.pk)
    due_at = found.polled_at and found.polled_at + timedelta(seconds=found.interval) - GRACE
    if due_at is not None and now < due_at:
        row.filter(interval__lt=SLOWEST).update(interval=F("interval") + SLOWER)
        row.update(polled_at=now)
        raise OAuthError("slow_down", f"Wait {SLOWER} seconds longer between two polls, from now on.")
    row.update(polled_at=now)


def _over() -> OAuthError:
    return OAuthError("expired_token", "Nobody decided within 10 minutes. Start again.")


def _record(event: EventType, token: ApiToken, person: Person, actor: Actor, **details: object) -> None:
    """The program acts, for its person: at its own address, by no sign-in of a browser's."""
    record(
        Entry(
            type=event,
            at=database_now(),
            actor=replace(
                actor,
                kind=ActorKind.TOKEN,
                label=f"{person.name}, token {token.name}",
                person_id=person.pk,
                factor_at=None,
                signed_in_at=None,
            ),
            person_id=person.pk,
            details={"token": str(token.pk), "name": token.name, "prefix": token.prefix, **details},
        )
    )

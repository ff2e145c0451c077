"""A second factor was given, here or at the provider: from now on the browser's sign-in, or a token, has it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.db.models import QuerySet

from portal.access.models import CredentialToken
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import ApiToken, SignIn
from portal.directory.requests import FACTOR_AT
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError, NotFoundError

# Of a person's, to the API; or of a program's, to one grant's credentials.
Token = ApiToken | CredentialToken


def give_factor_to_sign_in(
    *, session: SessionBase, factor: str, at: datetime, actor: Actor, is_recorded: bool = False
) -> datetime:
    """Note in the browser's session that a second factor was given at `at`; the session gets a new key.

    Never later than now, and never earlier than one that was given before. Returns what counts. `is_recorded`: who
    judged the factor has written it to the trail already, as those of the portal's own do.

    Raises:
        ForbiddenError: the sign-in was ended meanwhile, so that nothing may make its session anew.
    """
    with transaction.atomic():
        old = session.session_key
        # Locked: whoever ends sign-ins deletes this row and the session, and what is gone must stay gone.
        sign_in = SignIn.objects.select_for_update(of=("self",)).filter(session_key=old or "").first()
        now = database_now()
        if sign_in is None or sign_in.expires_at <= now:
            raise ForbiddenError("This sign-in has ended. Sign in again.")
        counts = min(max(at, sign_in.factor_at or at), now)
        session.cycle_key()
        session[FACTOR_AT] = counts.isoformat()
        session.save()
        sign_in.session_key = str(session.session_key)
        sign_in.factor_at, sign_in.factor = counts, factor[:120]
        sign_in.save(update_fields=["session_key", "factor_at", "factor"])
        if not is_recorded:
            _record(actor, factor=factor, sign_in=str(sign_in.pk))
    return counts


def find_usable_token(*, token_id: UUID, person_id: UUID, locked: bool = False) -> Token | None:
    """Return the person's token to the API, or for a program, with that id; None where none is usable."""
    kinds: list[QuerySet[Any]] = [
        ApiToken.objects.filter(person=person_id),
        CredentialToken.objects.filter(grant__person=person_id),
    ]
    if locked:
        kinds = [tokens.select_for_update(no_key=True, of=("self",)) for tokens in kinds]
    found = next((token for tokens in kinds for token in tokens.filter(pk=token_id)), None)
    return found if found is not None and found.is_usable(database_now()) else None


def give_factor_to_token(*, token_id: UUID, at: datetime, actor: Actor) -> Token:
    """Note that the token's own person gave a second factor for what it does.

    Raises:
        NotFoundError: another's token, or one that is over.
    """
    with transaction.atomic():
        token = find_usable_token(token_id=token_id, person_id=actor.owner_id, locked=True)
        if token is None:
            raise NotFoundError("There is no such token.")
        token.factor_at = min(max(at, token.factor_at or at), database_now())
        token.save(update_fields=["factor_at"])
        _record(actor, token=str(token.pk), name=token.name, prefix=token.prefix)
    return token


def _record(actor: Actor, **details: str) -> None:
    record(
        Entry(
            type=EventType.FACTOR_GIVEN,
            at=database_now(),
            actor=actor,
            person_id=actor.person_id,
            details=details,
        )
    )

"""API tokens: made by their person, shown once, kept as a hash, never stronger than their scopes, never endless."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import ApiToken, Person
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError, InvalidError, NotFoundError
from portal.kernel.sealing import fingerprint

PREFIX = "sp_"
LONGEST_DAYS = 366
MOST_TOKENS = 50
USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class MadeToken:
    """`plain` is shown once: it is kept nowhere."""

    token: ApiToken
    plain: str = field(repr=False)


def create_token(*, name: str, scopes: Sequence[str], days: int, actor: Actor) -> MadeToken:
    """Make a token for the actor's own person, who is signed in: a token never makes another.

    Raises:
        ForbiddenError: the actor is not a person, or deactivated.
        InvalidError: no name, no or unknown scopes, more than 366 days, more than 50 tokens.
    """
    if actor.kind != ActorKind.PERSON:
        raise ForbiddenError("Tokens are made on the tokens page, by somebody who is signed in.")
    name = name.strip()
    if not 1 <= len(name) <= 80:  # noqa: PLR2004  # the column's own size
        raise InvalidError("Give the token a name of 1 to 80 characters.", field="name")
    known = set(ApiToken.Scope.values)
    if not scopes or not set(scopes) <= known:
        raise InvalidError(f"Choose one or more of: {', '.join(sorted(known))}.", field="scopes")
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidError(f"A token lasts 1 to {LONGEST_DAYS} days.", field="days")
    with transaction.atomic():
        person = Person.objects.select_for_update(no_key=True).filter(pk=actor.owner_id).first()
        if person is None or not person.is_active:
            raise ForbiddenError("Only somebody who is active here can make a token.")
        check_room_for_token(person)
        made = write_token(person=person, name=name, scopes=scopes, life=timedelta(days=days))
        record(_entry(EventType.TOKEN_CREATED, made.token, actor, scopes=made.token.scopes, days=days))
    return made


def check_room_for_token(person: Person) -> None:
    """Raise InvalidError for whoever has 50 tokens already."""
    usable = person.api_tokens.filter(revoked_at=None, expires_at__gt=database_now())
    if usable.count() >= MOST_TOKENS:
        raise InvalidError(f"You have {MOST_TOKENS} tokens already; revoke some first.", field="name")


def write_token(
    *, person: Person, name: str, scopes: Sequence[str], life: timedelta, factor_at: datetime | None = None
) -> MadeToken:
    """Write the row. Asks nothing, and records nothing: whoever calls it locked the person, and does."""
    plain = PREFIX + secrets.token_urlsafe(32)
    now = database_now()
    token = ApiToken.objects.create(
        person=person,
        name=name,
        prefix=plain[:9],
        digest=fingerprint(plain),
        scopes=sorted(set(scopes)),
        created_at=now,
        expires_at=now + life,
        factor_at=factor_at,
    )
    return MadeToken(token, plain)


def revoke_token(*, token_id: UUID, actor: Actor, programs: int = 0) -> ApiToken:
    """Revoke one of the actor's own tokens, at once. Raises NotFoundError for another's or one revoked before.

    `programs`: how many tokens of programs stop with it, for the trail; whoever calls it knows.
    """
    with transaction.atomic():
        token = ApiToken.objects.filter(pk=token_id, person_id=actor.owner_id, revoked_at=None).first()
        now = database_now()
        if token is None or not ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
            raise NotFoundError("There is no such token.")
        record(_entry(EventType.TOKEN_REVOKED, token, actor, programs=programs))
    token.refresh_from_db()
    return token


def find_token(*, plain: str) -> ApiToken | None:
    """Return the usable token that `plain` is, noting its use (at most once a minute), or None."""
    if not plain.startswith(PREFIX):
        return None
    token = ApiToken.objects.select_related("person").filter(digest=fingerprint(plain)).first()
    now = database_now()
    if token is None or not token.is_usable(now):
        return None
    if token.last_used_at is None or now - token.last_used_at > USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def _entry(event: EventType, token: ApiToken, actor: Actor, **details: object) -> Entry:
    return Entry(
        type=event,
        at=database_now(),
        actor=actor,
        person_id=token.person_id,
        details={"token": str(token.pk), "name": token.name, "prefix": token.prefix, **details},
    )

"""Tokens by which a program fetches one grant's credentials: made by its person, shown once, kept as a hash.

A token is never stronger than its grant: each fetch asks the grant itself, so that whatever ends that (a revoke, its
person's deactivation, a suspended partner, the clock) ends the token with it. Nor does it outlive the API token that
made it, where one did.
"""

import secrets
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import DateTimeField, Func, Q, QuerySet, Value

from portal.access.models import AwsSession, CredentialToken, Grant
from portal.access.operations.grants.may_use import check_may_use
from portal.access.operations.locking import lock_grant
from portal.access.operations.permissions import may
from portal.access.operations.refusals import refusals_recorded
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import ApiToken
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ForbiddenError, InvalidError, NotFoundError
from portal.kernel.periods import utc_clock
from portal.kernel.prepared import PreparedQuery
from portal.kernel.sealing import fingerprint

PREFIX: Final = "spc_"
SHOWN: Final = 10
MOST: Final = 20
NAME_LIMIT: Final = 80
SHORTEST: Final = timedelta(minutes=1)
USED_EVERY: Final = timedelta(minutes=1)
# What KnownToken has, but for the time.
KNOWN: Final = (
    *("id", "grant_id", "grant__person_id", "grant__person__name", "name"),
    *("expires_at", "revoked_at", "last_used_at", "factor_at", "grant__ended_at", "grant__ends_at"),
    *("api_token__name", "api_token__expires_at", "api_token__revoked_at"),
)


class TokenOverError(ForbiddenError):
    """The token was revoked, or its own end has come; its grant may go on."""

    code = "token_over"


class ApiTokenOverError(TokenOverError):
    """The API token by which the token was made was revoked, or is past its end; its grant may go on."""

    code = "api_token_over"


class GrantEndedError(ForbiddenError):
    """The token's grant ended, at `ended_at`: there is nothing to fetch any more."""

    code = "grant_ended"

    def __init__(self, ended_at: datetime) -> None:
        super().__init__(f"This grant ended at {utc_clock(ended_at)}.")
        self.ended_at = ended_at


@dataclass(frozen=True, slots=True)
class MadeCredentialToken:
    """`plain` is shown once: it is kept nowhere."""

    token: CredentialToken
    plain: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A token as whoever fetches by it needs it, as it stood at `now`."""

    id: UUID
    grant_id: UUID
    person_id: UUID
    person_name: str
    name: str
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    factor_at: datetime | None
    grant_ended_at: datetime | None
    grant_ends_at: datetime
    api_token_name: str | None
    api_token_expires_at: datetime | None
    api_token_revoked_at: datetime | None
    now: datetime


def make_credential_token(
    *, grant_id: UUID, name: str, actor: Actor, lifetime: timedelta | None = None
) -> MadeCredentialToken:
    """Make a token for the grant's own person: for the grant's whole life, or for `lifetime` of it.

    One that is made by means of an API token ends with that at the latest.
    It begins with the second factor of the hand that makes it; a role that asks for a fresh one asks anew later.

    Raises:
        NotFoundError: no such grant, or another's.
        ForbiddenError, ConflictError: the grant gives nothing now, as for issuing.
        InvalidError: no name, less than a minute, or 20 tokens of this grant already.
    """
    name = _checked_name(name)
    if lifetime is not None and lifetime < SHORTEST:
        raise InvalidError("A token lasts at least a minute.", field="lifetime")
    plain = PREFIX + secrets.token_urlsafe(32)
    kind = AwsSession.Kind.CREDENTIALS
    with refusals_recorded(grant_id=grant_id, kind="credential_token", actor=actor), transaction.atomic():
        grant = lock_grant(grant_id)
        now = database_now()
        check_may_use(grant, kind, actor, now)
        if _live(grant, now).count() >= MOST:
            raise InvalidError(f"This grant has {MOST} tokens already; revoke one first.", field="name")
        token = CredentialToken.objects.create(
            grant=grant,
            name=name,
            prefix=plain[:SHOWN],
            digest=fingerprint(plain),
            made_by=grant.holder,
            made_at=now,
            api_token_id=actor.api_token_id,
            expires_at=_until(grant, lifetime, actor, now),
            factor_at=actor.factor_at,
        )
        _record(
            EventType.CREDENTIAL_TOKEN_MADE,
            token,
            grant,
            actor,
            now,
            expires_at=token.expires_at.isoformat(),
        )
    return MadeCredentialToken(token, plain)


def revoke_credential_token(*, grant_id: UUID, token_id: UUID, actor: Actor) -> CredentialToken:
    """Revoke a grant's token, at once: by the grant's person, or by who may revoke the grant.

    Raises:
        NotFoundError: no such token, another's, or one that was revoked before.
    """
    refusal = "There is no such token."
    with transaction.atomic():
        tokens = CredentialToken.objects.select_for_update(no_key=True, of=("self",)).select_related("grant")
        token = tokens.filter(pk=token_id, grant=grant_id, revoked_at=None).first()
        if token is None or not _may_revoke(token.grant, actor):
            raise NotFoundError(refusal)
        token.revoked_at = now = database_now()
        token.save(update_fields=["revoked_at"])
        _record(EventType.CREDENTIAL_TOKEN_REVOKED, token, token.grant, actor, now)
    return token


def find_credential_token(*, plain: str) -> KnownToken | None:
    """Return the token that `plain` is, also one that is over, by one statement; or None."""
    if not plain.startswith(PREFIX):
        return None
    row = _by_digest.first({"digest": fingerprint(plain), "now": datetime.now(UTC)})
    return None if row is None else KnownToken(*row)


def use_credential_token(*, token: KnownToken, actor: Actor) -> None:
    """Note that it was used, and refuse one that is over. Both are written down once a minute at most.

    All else of its grant, whoever fetches by it is told by the grant's own rules.

    Raises:
        TokenOverError: revoked, or past its end; ApiTokenOverError: the API token by which it was made is.
        GrantEndedError: its grant is over.
    """
    is_noted = token.last_used_at is None or token.now - token.last_used_at > USED_EVERY
    if is_noted:
        CredentialToken.objects.filter(pk=token.id).update(last_used_at=token.now)
    if (refusal := _why_over(token)) is None:
        return
    kind = AwsSession.Kind.CREDENTIALS.value
    recorded = refusals_recorded(grant_id=token.grant_id, kind=kind, actor=actor)
    with recorded if is_noted else nullcontext():
        raise refusal


def _why_over(token: KnownToken) -> ForbiddenError | None:
    if token.revoked_at is not None:
        return TokenOverError(f"The token {token.name} was revoked.")
    if token.grant_ended_at is not None or token.now >= token.grant_ends_at:
        return GrantEndedError(min(token.grant_ended_at or token.grant_ends_at, token.grant_ends_at))
    if how := _how_api_token_ended(token):
        made_by = f"The token {token.name} was made by the API token {token.api_token_name}"
        return ApiTokenOverError(f"{made_by}, which {how}.")
    return TokenOverError(f"The token {token.name} is over.") if token.now >= token.expires_at else None


def _how_api_token_ended(token: KnownToken) -> str:
    if token.api_token_revoked_at is not None:
        return "was revoked"
    ends_at = token.api_token_expires_at
    return "has expired" if ends_at is not None and token.now >= ends_at else ""


def _find(given: Mapping[str, Any]) -> QuerySet[Any, Any]:
    now = Value(given["now"], DateTimeField())
    if connection.vendor == "postgresql":
        now = Func(function="clock_timestamp", output_field=DateTimeField())  # type: ignore[assignment]  # both are times
    tokens = CredentialToken.objects.filter(digest=given["digest"]).annotate(now=now).order_by()
    return tokens.values_list(*KNOWN, "now")


_by_digest = PreparedQuery(_find, {"digest": "\x00digest", "now": datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)})


def _live(grant: Grant, now: datetime) -> QuerySet[CredentialToken]:
    by_a_live_one = Q(api_token=None) | Q(api_token__revoked_at=None, api_token__expires_at__gt=now)
    return grant.credential_tokens.filter(by_a_live_one, revoked_at=None, expires_at__gt=now)


def _until(grant: Grant, lifetime: timedelta | None, actor: Actor, now: datetime) -> datetime:
    """Return when a token ends that is made now. Raises ForbiddenError where the API token ended a moment ago."""
    ends = [grant.ends_at] if lifetime is None else [grant.ends_at, now + lifetime]
    if actor.api_token_id is not None:
        api_token = ApiToken.objects.get(pk=actor.api_token_id)
        if api_token.is_over(now):
            raise ApiTokenOverError(f"The API token {api_token.name} is over.")
        ends.append(api_token.expires_at)
    return min(ends)


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= NAME_LIMIT:
        raise InvalidError(f"Give the token a name of 1 to {NAME_LIMIT} characters.", field="name")
    return name


def _may_revoke(grant: Grant, actor: Actor) -> bool:
    return grant.person_id == actor.owner_id or may(actor, "access.revoke_grant")


def _record(
    event: EventType, token: CredentialToken, grant: Grant, actor: Actor, at: datetime, **details: str
) -> None:
    record(
        Entry(
            type=event,
            at=at,
            actor=actor,
            grant_id=grant.pk,
            person_id=grant.person_id,
            role_id=grant.role_id,
            details={"token": str(token.pk), "name": token.name, "prefix": token.prefix, **details},
        )
    )

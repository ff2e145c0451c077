"""Revoke an API token: the programs whose tokens were made by means of it stop with it, by each fetch's own look."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, QuerySet

from portal.access.models import CredentialToken
from portal.directory.models import ApiToken
from portal.directory.operations.api_tokens import revoke_token
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now


@dataclass(frozen=True, slots=True)
class RevokedApiToken:
    """`programs`: how many tokens of programs stop with it."""

    token: ApiToken
    programs: int


def revoke_api_token(*, token_id: UUID, actor: Actor) -> RevokedApiToken:
    """Revoke one of the actor's own API tokens, at once. Raises NotFoundError for another's or one revoked before."""
    with transaction.atomic():
        programs = count_programs(token_id, at=database_now())
        token = revoke_token(token_id=token_id, actor=actor, programs=programs)
    return RevokedApiToken(token, programs)


def count_programs(token_id: UUID, *, at: datetime) -> int:
    """Return how many tokens of programs that were made by this API token still fetch."""
    return _fetching(at).filter(api_token=token_id).count()


def programs_by_api_token(person_id: UUID, *, at: datetime) -> Mapping[UUID, int]:
    """Return how many tokens of programs would stop with each API token of a person's; those with none are left out."""
    made = _fetching(at).filter(api_token__person=person_id)
    rows = made.order_by().values("api_token").annotate(n=Count("pk"))
    return {row["api_token"]: row["n"] for row in rows}


def _fetching(at: datetime) -> QuerySet[CredentialToken]:
    return CredentialToken.objects.filter(revoked_at=None, expires_at__gt=at, grant__ended_at=None)

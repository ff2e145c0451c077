"""SCIM tokens: a provider's key to its own people and groups here. Shown once, kept as a hash, never endless."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from portal.access.operations.permissions import check_superuser
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import IdentityProvider, ScimToken
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError, NotFoundError
from portal.kernel.sealing import fingerprint

PREFIX = "scim_"
LONGEST_DAYS = 400
LONGEST_NAME = 80
MOST_TOKENS = 20
USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class MadeScimToken:
    """`plain` is shown once: it is kept nowhere."""

    token: ScimToken
    plain: str = field(repr=False)


def create_scim_token(*, provider_id: UUID, name: str, days: int, actor: Actor) -> MadeScimToken:
    """Make a token with which that provider's SCIM client may write its people and groups, and nothing else.

    Raises:
        NotFoundError: no such provider.
        ForbiddenError: by anybody but a superuser.
        InvalidError: no name, not 1 to 400 days, 20 usable tokens already, or accounts of the portal's own.
    """
    check_superuser(actor, "Only superusers make SCIM tokens.")
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidError(f"Give the token a name of 1 to {LONGEST_NAME} characters.", field="name")
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidError(f"A SCIM token lasts 1 to {LONGEST_DAYS} days.", field="days")
    plain = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        provider = IdentityProvider.objects.select_for_update(no_key=True, of=("self",)).filter(
            pk=provider_id
        )
        if (found := provider.first()) is None:
            raise NotFoundError("There is no such identity provider.")
        if found.kind == IdentityProvider.Kind.LOCAL:
            raise InvalidError("Accounts of the portal's own are made here, never by SCIM.", field="provider")
        now = database_now()
        if usable_tokens(found.pk, now) >= MOST_TOKENS:
            raise InvalidError(
                f"{found.name} has {MOST_TOKENS} SCIM tokens already; revoke some first.", field="name"
            )
        token = ScimToken.objects.create(
            provider=found,
            name=name,
            prefix=plain[:11],
            digest=fingerprint(plain),
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
        record(_entry(EventType.SCIM_TOKEN_CREATED, token, actor, days=days))
    return MadeScimToken(token, plain)


def revoke_scim_token(*, token_id: UUID, actor: Actor) -> ScimToken:
    """Revoke a token at once.

    Raises:
        NotFoundError: no such token, or revoked before.
        ForbiddenError: by anybody but a superuser.
    """
    check_superuser(actor, "Only superusers revoke SCIM tokens.")
    with transaction.atomic():
        token = ScimToken.objects.select_related("provider").filter(pk=token_id, revoked_at=None).first()
        now = database_now()
        if token is None or not ScimToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
            raise NotFoundError("There is no such SCIM token.")
        record(_entry(EventType.SCIM_TOKEN_REVOKED, token, actor))
    token.revoked_at = now
    return token


def find_scim_token(*, plain: str, slug: str) -> ScimToken | None:
    """Return the usable token that `plain` is at the provider `slug`, noting its use (at most once a minute), or None.

    None too for another provider's token, and where the provider is switched off.
    """
    if not plain.startswith(PREFIX):
        return None
    token = (
        ScimToken.objects.select_related("provider")
        .filter(digest=fingerprint(plain), provider__slug=slug, provider__is_enabled=True, revoked_at=None)
        .first()
    )
    now = database_now()
    if token is None or now >= token.expires_at:
        return None
    if token.last_used_at is None or now - token.last_used_at > USED_EVERY:
        ScimToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def usable_tokens(provider_id: UUID, at: datetime) -> int:
    return ScimToken.objects.filter(provider=provider_id, revoked_at=None, expires_at__gt=at).count()


def _entry(event: EventType, token: ScimToken, actor: Actor, **details: object) -> Entry:
    return Entry(
        type=event,
        at=database_now(),
        actor=actor,
        details={
            "provider": token.provider.slug,
            "token": str(token.pk),
            "name": token.name,
            "prefix": token.prefix,
            **details,
        },
    )

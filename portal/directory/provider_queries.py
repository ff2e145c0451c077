"""What admins see of identity providers. There are few providers, of any number of people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Max, Q, QuerySet

from portal.directory.models import IdentityProvider, ScimToken, SyncRun
from portal.kernel.errors import NotFoundError

MOST_TOKENS = 50
SETTINGS = ("saml", "ldap", "oidc")


@dataclass(frozen=True, slots=True)
class KnownThere:
    """A provider, and what is known of its people. `gone`: those who left there."""

    provider: IdentityProvider
    people: int
    gone: int
    last_sign_in_at: datetime | None
    last_sync: SyncRun | None
    scim_tokens: Sequence[ScimToken]


def known_providers() -> Sequence[KnownThere]:
    """Return all, the own company's first."""
    return [_known(provider) for provider in _counted()]


def known_provider(slug: str) -> KnownThere:
    """Return one of them. Raises NotFoundError."""
    provider = _counted().filter(slug=slug).first()
    if provider is None:
        raise NotFoundError("There is no such identity provider.")
    return _known(provider)


def _counted() -> QuerySet[IdentityProvider]:
    counted = IdentityProvider.objects.select_related("partner", *SETTINGS).annotate(
        people=Count("identities", filter=Q(identities__gone_at=None)),
        gone=Count("identities", filter=Q(identities__gone_at__isnull=False)),
        last_sign_in_at=Max("identities__last_seen_at"),
    )
    return counted.order_by(F("partner__name").asc(nulls_first=True), "name")


def _known(provider: IdentityProvider) -> KnownThere:
    return KnownThere(
        provider=provider,
        people=provider.people,  # type: ignore[attr-defined]  # annotated above
        gone=provider.gone,  # type: ignore[attr-defined]  # as above
        last_sign_in_at=provider.last_sign_in_at,  # type: ignore[attr-defined]  # as above
        last_sync=newest_sync(provider) if provider.kind == IdentityProvider.Kind.LDAP else None,
        scim_tokens=list(provider.scim_tokens.order_by("-created_at")[:MOST_TOKENS]),
    )


def newest_sync(provider: IdentityProvider) -> SyncRun | None:
    return provider.sync_runs.select_related("asked_by").order_by("-asked_at").first()

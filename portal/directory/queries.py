"""What the doors show of the directory."""

from uuid import UUID

from django.db.models import F, QuerySet

from portal.directory.models import ApiToken, IdentityProvider
from portal.kernel.errors import NotFoundError


def enabled_providers() -> QuerySet[IdentityProvider]:
    """Return where people may sign in, the own company's first."""
    providers = IdentityProvider.objects.filter(is_enabled=True).exclude(kind=IdentityProvider.Kind.LOCAL)
    providers = providers.select_related("partner")
    return providers.order_by(F("partner__name").asc(nulls_first=True), "name")


def enabled_provider(slug: str) -> IdentityProvider:
    """Return one of them. Raises NotFoundError for an unknown one or one that is switched off."""
    provider = IdentityProvider.objects.filter(slug=slug, is_enabled=True).first()
    if provider is None:
        raise NotFoundError("There is no such identity provider.")
    return provider


def tokens_of(person_id: UUID, *, limit: int = 100) -> QuerySet[ApiToken]:
    """Return a person's API tokens, newest first; the newest `limit` when there are more."""
    return ApiToken.objects.filter(person_id=person_id).order_by("-created_at")[:limit]

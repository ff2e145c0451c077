"""Until when the providers' word for somebody counts. Whoever nobody vouches for uses nothing here."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef

from portal.directory.models import ExternalIdentity, ScimToken

# Later than anything: what SCIM provisioned stands until SCIM says otherwise.
FOR_NOW = timedelta(days=3650)


def vouched_until(person_id: UUID, *, at: datetime) -> datetime | None:
    """Return until when the person may use what they hold, by the best word of any provider; None: nobody's.

    A provider's last word (a sign-in, a sync, a check at issue) counts for its `max_age`; where SCIM keeps its people,
    its word stands while one of its SCIM tokens is usable. Providers that are switched off vouch for nobody.
    """
    tells = ScimToken.objects.filter(provider=OuterRef("provider"), revoked_at=None, expires_at__gt=at)
    identities = (
        ExternalIdentity.objects.filter(person=person_id, gone_at=None, provider__is_enabled=True)
        .select_related("provider")
        .annotate(is_told=Exists(tells))
    )
    untils = [until for identity in identities if (until := _until(identity, at)) is not None]
    return max(untils, default=None)


def _until(identity: ExternalIdentity, at: datetime) -> datetime | None:
    if identity.is_provisioned and identity.is_told:  # type: ignore[attr-defined]  # annotated above
        return at + FOR_NOW
    return None if identity.confirmed_at is None else identity.confirmed_at + identity.provider.max_age

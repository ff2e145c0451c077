"""Which metadata is due to be refreshed, and which will soon let nobody in: told two weeks before it ends."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q

from brokers.errors import BrokerError
from brokers.ports import SamlMetadataReader
from portal.access.lifecycle import AlarmKind
from portal.access.operations.cutting.alarms import clear_alarm, raise_alarm
from portal.directory.models import IdentityProvider
from portal.identity.identity_providers import as_saml

SOON: Final = timedelta(days=14)
EVERY: Final = timedelta(hours=1)
# So many per run of the schedule, which comes every few minutes: providers that were added together drift apart.
AT_ONCE: Final = 5


def due_for_refresh(*, at: datetime) -> Sequence[UUID]:
    """Return the providers whose address is to be asked now, those that waited longest first."""
    return list(
        IdentityProvider.objects.filter(
            Q(saml__refresh_tried_at=None) | Q(saml__refresh_tried_at__lte=at - EVERY),
            kind=IdentityProvider.Kind.SAML,
            is_enabled=True,
            saml__isnull=False,
        )
        .exclude(saml__metadata_url="")
        .order_by("saml__refresh_tried_at", "slug")
        .values_list("pk", flat=True)[:AT_ONCE]
    )


def alarm_ending_metadata(*, at: datetime, read: SamlMetadataReader) -> int:
    """Raise an alarm for each provider whose metadata or last certificate ends soon; clear those that are over.

    Returns how many providers it found.
    """
    providers = IdentityProvider.objects.filter(
        kind=IdentityProvider.Kind.SAML, is_enabled=True, saml__isnull=False
    ).select_related("saml")
    found = 0
    for provider in providers:
        subject = f"{provider.pk}:ends"
        if (why := _ending(provider, at, read)) is None:
            clear_alarm(kind=AlarmKind.METADATA_CHANGED, subject=subject, at=at)
            continue
        found += 1
        text = f"{provider.name}: {why}. People can't sign in there from then on."
        raise_alarm(kind=AlarmKind.METADATA_CHANGED, subject=subject, text=text, at=at)
    return found


def _ending(provider: IdentityProvider, at: datetime, read: SamlMetadataReader) -> str | None:
    try:
        idp = as_saml(provider, read)
    except BrokerError as problem:
        return f"its metadata can't be used any more ({problem.code})"
    if idp.valid_until is not None and idp.valid_until <= at + SOON:
        return f"its metadata holds until {idp.valid_until:%Y-%m-%d %H:%M} UTC"
    if (last := max(idp.certificates_end_at, default=None)) is not None and last <= at + SOON:
        return f"its last certificate ends on {last:%Y-%m-%d} at {last:%H:%M} UTC"
    return None

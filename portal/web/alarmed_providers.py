"""From an alarm to the page of the identity provider that it is about."""

from uuid import UUID

from django.db.models import Q
from django.urls import reverse

from portal.access.lifecycle import AlarmKind
from portal.access.models import Alarm
from portal.directory.models import IdentityProvider

BY_SLUG = {AlarmKind.SYNC_STOPPED, AlarmKind.SYNC_FAILED}


def provider_of(alarm: Alarm) -> str:
    """Return where the provider's page is; empty for an alarm of something else, or of one that is gone."""
    named = _named(alarm)
    slug = IdentityProvider.objects.filter(named).values_list("slug", flat=True).first() if named else None
    return reverse("web:provider", args=[slug]) if slug else ""


def _named(alarm: Alarm) -> Q | None:
    kind, subject = AlarmKind(alarm.kind), alarm.subject
    if kind in BY_SLUG:
        return Q(slug=subject)
    if kind not in {AlarmKind.METADATA_CHANGED, AlarmKind.BREAK_GLASS_USED}:
        return None
    try:
        key = UUID(subject.partition(":")[0])
    except ValueError:
        return None
    return Q(pk=key) if kind == AlarmKind.METADATA_CHANGED else Q(identities=key)

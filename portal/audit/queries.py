from uuid import UUID

from portal.audit.events import EventType
from portal.audit.models import AuditEvent

REFUSALS = (EventType.SESSION_REFUSED.value, EventType.SESSION_FAILED.value)


def events_of_grant(grant_id: UUID, *, limit: int = 200) -> list[AuditEvent]:
    """Return the grant's events, oldest first; the newest `limit` when there are more."""
    newest = AuditEvent.objects.filter(grant_id=grant_id).order_by("-id")[:limit]
    return list(reversed(newest))


def newest_event() -> int:
    """Return the number of the trail's newest row; 0 where it has none."""
    return AuditEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0


def refused_sign_ins(provider: str, *, limit: int, among: int = 20_000) -> list[AuditEvent]:
    """Return the newest refusals of sign-ins at a provider (its slug), newest first.

    Looked for among the trail's last `among` rows, so that it costs the same however long the trail is.
    """
    recent = AuditEvent.objects.filter(id__gt=newest_event() - among, type=EventType.SIGN_IN_REFUSED.value)
    return list(recent.filter(details__provider=provider).order_by("-id")[:limit])


def last_refusal_of_grant(grant_id: UUID) -> AuditEvent | None:
    """Return the newest refusal, or failure, of what was to be issued under the grant; None: there is none."""
    return AuditEvent.objects.filter(grant_id=grant_id, type__in=REFUSALS).order_by("-id").first()


def refusals_of_person(person_id: UUID, *, limit: int) -> list[AuditEvent]:
    """Return what was not issued to a person, refused or failed, the newest first."""
    return list(AuditEvent.objects.filter(person_id=person_id, type__in=REFUSALS).order_by("-id")[:limit])

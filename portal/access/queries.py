"""What the doors show of grants, each with a bounded number of queries."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from portal.access.lifecycle import LIVING, MAY_LIVE, stored
from portal.access.models import AwsSession, Grant

RECENT = timedelta(days=7)
# What the choice of a grant's call is explained by.
OF_ITS_CALL = ("role__account__hub", "role__via", "role__vouched_by")


def grants_of(person_id: UUID, *, at: datetime) -> QuerySet[Grant]:
    """Return a person's living grants and those that ended within a week, soonest end first."""
    shown = Q(state__in=stored(LIVING)) | Q(ended_at__gt=at - RECENT)
    return (
        Grant.objects.filter(shown, person_id=person_id)
        .select_related(*OF_ITS_CALL, "person__partner", "granted_by", "entitlement__group", "revocation")
        .order_by("ends_at", "pk")
    )


def visible_grants(person_id: UUID, *, sees_all: bool) -> QuerySet[Grant]:
    """Return the grants that a person may look at: their own, or all of them for an admin."""
    grants = Grant.objects.select_related(
        *(*OF_ITS_CALL, "person__partner", "partner_account__partner"),
        *("granted_by", "ended_by", "entitlement__group", "revocation", "partner_role"),
    )
    return grants if sees_all else grants.filter(person_id=person_id)


def live_sessions(grant_ids: Sequence[UUID], *, at: datetime) -> Mapping[UUID, int]:
    """Return how many sessions of each grant may be alive in AWS now."""
    alive = AwsSession.objects.filter(works(at), grant__in=grant_ids)
    return {row["grant_id"]: row["n"] for row in alive.order_by().values("grant_id").annotate(n=Count("pk"))}


def works(at: datetime) -> Q:
    """Filter sessions that may be alive in AWS and that their own policy has not ended."""
    unended = Q(ends_at=None) | Q(ends_at__gt=at)
    return unended & Q(expires_at__gt=at, state__in=stored(MAY_LIVE))


def others_at_work(grant: Grant, *, at: datetime) -> int:
    """Return how many other people may work with the same role now: those whom its end must not touch."""
    others = Grant.objects.filter(role=grant.role_id, state__in=stored(LIVING))
    now = others.filter(starts_at__lte=at, ends_at__gt=at).exclude(person=grant.person_id)
    return now.order_by().values("person").distinct().count()


def sessions_of(grant_id: UUID, *, limit: int = 100) -> list[AwsSession]:
    """Return a grant's sessions, newest first; the newest `limit` when there are more."""
    return list(AwsSession.objects.filter(grant=grant_id).order_by("-asked_at")[:limit])

"""A partner's own part of the audit trail: events of the company, of its people and of the grants to its accounts.

Read newest first, page by page, by the numbers of the rows. Each kind of subject has an index that is walked from its
end, for each subject apart, so that a page costs the same over a thousand rows as over many millions.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from portal.audit.models import AuditEvent
from portal.audit.queries import newest_event

# For each subject its newest, then the newest of them all. An event that is about another partner, too, is left out.
# Rows are compared, not columns: with an equality PostgreSQL would know the first column for constant, and walk the
# primary key from its end for each subject wherever it believes that one of them is everywhere.
_NEWEST_OF_EACH = """
SELECT found.id FROM unnest(%s::uuid[]) AS subject (id) CROSS JOIN LATERAL (
    SELECT event.id FROM audit_auditevent event
    WHERE event.{column} IS NOT NULL
        AND (event.{column}, event.id) < (subject.id, %s) AND (event.{column}, event.id) > (subject.id, 0)
        AND event.type = ANY(%s) AND (event.partner_id IS NULL OR event.partner_id = %s)
    ORDER BY event.{column} DESC, event.id DESC LIMIT %s
) found ORDER BY found.id DESC LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class PartnerTrail:
    """Whose events, and which: `person_ids` of the company's people, `grant_ids` of grants to its accounts."""

    partner_id: UUID
    person_ids: Collection[UUID]
    grant_ids: Collection[UUID]
    types: Collection[str]


def events_of_partner(trail: PartnerTrail, *, limit: int, before: int | None = None) -> list[AuditEvent]:
    """Return the newest of them, those numbered below `before` where it is given; a fixed number of queries."""
    before = newest_event() + 1 if before is None else before
    parts = (
        ("partner_id", [trail.partner_id]),
        ("person_id", trail.person_ids),
        ("grant_id", trail.grant_ids),
    )
    ids = {one for column, subjects in parts for one in _of_each(column, subjects, trail, before, limit)}
    newest = sorted(ids, reverse=True)[:limit]
    return list(AuditEvent.objects.filter(pk__in=newest).order_by("-id"))


def _of_each(
    column: str, subjects: Collection[UUID], trail: PartnerTrail, before: int, limit: int
) -> Sequence[int]:
    if not subjects:
        return []
    if connection.vendor == "postgresql":
        told: list[Any] = [list(subjects), before, list(trail.types), trail.partner_id, limit, limit]
        with connection.cursor() as cursor:
            cursor.execute(_NEWEST_OF_EACH.format(column=column), told)
            return [row[0] for row in cursor.fetchall()]
    others = Q(partner_id=None) | Q(partner_id=trail.partner_id)
    rows = AuditEvent.objects.filter(others, **{f"{column}__in": subjects})
    rows = rows.filter(id__lt=before, type__in=trail.types)
    return list(rows.order_by("-id").values_list("id", flat=True)[:limit])

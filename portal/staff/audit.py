from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from portal.audit.models import AuditEvent
from portal.staff.base import ReadOnlyAdmin, brief


@admin.register(AuditEvent)
class AuditAdmin(ReadOnlyAdmin[AuditEvent]):
    """The trail, newest first. Searched by what has an index or is exact: ids, request id, the actor's beginning."""

    list_display = ("when", "type", "outcome", "actor_label", "actor_kind", "ip")
    list_filter = ("outcome", "actor_kind", "type")
    search_fields = ("request_id",)
    search_help_text = "The id of a grant, person or role; a request id; the beginning of who did it."
    ordering = ("-id",)

    @admin.display(description="at", ordering="at")
    def when(self, event: AuditEvent) -> str:
        return brief(event.at)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        del request
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            wanted = UUID(term)
        except ValueError:
            return queryset.filter(Q(request_id=term) | Q(actor_label__istartswith=term)), False
        ids = Q(grant_id=wanted) | Q(person_id=wanted) | Q(role_id=wanted) | Q(partner_id=wanted)
        return queryset.filter(ids | Q(actor_id=wanted)), False

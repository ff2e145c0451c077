from typing import Any

from django.core.exceptions import ValidationError as BadValue
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request


class GrantPages(CursorPagination):
    """Latest end first; the same cost at any depth. A cursor that was made up is refused as input."""

    ordering = ("-ends_at", "-id")
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 500

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (NotFound, BadValue, ValueError):
            raise ValidationError({"cursor": "Take the cursor from `next` or `previous`."}) from None


class PartnerPages(GrantPages):
    """By name."""

    ordering = ("name", "id")


class DriftPages(GrantPages):
    """What was found last first."""

    ordering = ("-found_at", "-id")

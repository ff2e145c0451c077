"""Domain errors as pages: the one place in the web room that knows HTTP status codes."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.kernel.errors import (
    ConflictError,
    DomainError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UpstreamError,
)

STATUS: dict[type[DomainError], int] = {
    NotFoundError: 404,
    ForbiddenError: 403,
    InvalidError: 400,
    ConflictError: 409,
    UpstreamError: 503,
}


def error_page(request: HttpRequest, error: DomainError) -> HttpResponse:
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 400)
    context = {
        "message": str(error),
        "code": error.code,
        "request_id": request.META.get("sallyport.request_id", ""),
    }
    return render(request, f"errors/{status}.html", context, status=status)

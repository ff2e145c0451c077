"""Refusals and failures as pages: the one place in the web room that turns them into HTTP status codes."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse

from portal.directory.vouching import SignInTooOldError
from portal.identity.operations.fresh import NotFreshError
from portal.kernel.errors import (
    BusyError,
    ConflictError,
    DomainError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooManyError,
    UpstreamError,
)

STATUS: dict[type[DomainError], int] = {
    NotFoundError: 404,
    ForbiddenError: 403,
    InvalidError: 400,
    ConflictError: 409,
    UpstreamError: 503,
    TooManyError: 429,
    BusyError: 503,
}

# What gives out a console or credentials under a grant.
ISSUING = frozenset({"credentials", "open-console"})


def error_page(request: HttpRequest, error: DomainError) -> HttpResponse:
    """Say what stopped it, in the error's own sentence, and what to do next."""
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 400)
    page = _page(
        request,
        status,
        str(error),
        template=_template(error, status),
        why=_why(request, error),
        is_refusal=isinstance(error, UpstreamError) and not error.retryable,
    )
    if isinstance(error, TooManyError | BusyError):
        page["Retry-After"] = str(error.retry_after_seconds)
    return page


def _why(request: HttpRequest, error: DomainError) -> str:
    """Return where it is explained why a grant gave nothing, for refusals of that kind; of what isn't there nothing."""
    found = request.resolver_match
    is_refused = isinstance(error, ForbiddenError | ConflictError | UpstreamError)
    if not is_refused or found is None or found.url_name not in ISSUING:
        return ""
    return reverse("web:why", args=[found.kwargs["grant_id"]])


def _template(error: DomainError, status: int) -> str:
    is_old = isinstance(error, SignInTooOldError | NotFreshError)
    return "errors/sign_in_again.html" if is_old else f"errors/{status}.html"


def refused_page(request: HttpRequest) -> HttpResponse:
    """Say that nobody was signed in: one page for every reason, which stands in the audit trail alone."""
    return render(request, "sign_in/refused.html", {"reference": _reference(request)}, status=403)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    del exception
    return _page(request, 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    del exception
    return _page(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    del exception
    return _page(request, 404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    del reason
    detail = "The form didn't carry this page's own key. Go back, load the page again, and try once more."
    return _page(request, 403, detail)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer without a session or a database: one of them may be what broke."""
    del request
    return HttpResponse(render_to_string("errors/500.html"), status=500)


def _page(
    request: HttpRequest, status: int, detail: str = "", *, template: str = "", **more: object
) -> HttpResponse:
    context = {"detail": detail, "reference": _reference(request), **more}
    return render(request, template or f"errors/{status}.html", context, status=status)


def _reference(request: HttpRequest) -> str:
    return str(request.META.get("sallyport.request_id", ""))

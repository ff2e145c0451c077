"""What every page gets: a request id, no caching of what a person sees, domain errors as pages."""

import secrets
from collections.abc import Callable
from functools import partial
from weakref import ReferenceType, ref

from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers

from portal.directory.models import Person
from portal.kernel.errors import DomainError
from portal.kernel.logs import begin_lines_about
from portal.web.errors import error_page

Respond = Callable[[HttpRequest], HttpResponse]
PUBLIC_PREFIX = "/static/"


class RequestIdMiddleware:
    """Names each request, so that a page, an audit row and its log lines can be brought together."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = request.META["sallyport.request_id"] = secrets.token_hex(8)
        begin_lines_about(request_id, partial(_who, ref(request)))
        response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response


def _who(asked: ReferenceType[HttpRequest]) -> str:
    """Return the id of who acts, where it was looked up already: a log line must not ask the database."""
    request = asked()
    person = getattr(request, "_cached_user", None) or getattr(request, "__dict__", {}).get("user")
    return str(person.pk) if type(person) is Person else ""


class PrivatePagesMiddleware:
    """Pages are for one person, now: never in a cache, a proxy's or the browser's, so Back shows nothing."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith(PUBLIC_PREFIX):
            add_never_cache_headers(response)
        return response


class DomainErrorMiddleware:
    """Turns an operation's refusal into a page that says what stopped it; the API has its own in problems.py."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, DomainError):
            return error_page(request, exception)
        return None

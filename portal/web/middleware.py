"""What every page gets: a request id, no caching of what a person sees, domain errors as pages."""

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers

from portal.kernel.errors import DomainError
from portal.web.errors import error_page

Respond = Callable[[HttpRequest], HttpResponse]
PUBLIC_PREFIX = "/static/"


class RequestIdMiddleware:
    """Names each request, so that a page, an audit row and a log line can be brought together."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.META["sallyport.request_id"] = secrets.token_hex(8)
        response = self.get_response(request)
        response["X-Request-Id"] = request.META["sallyport.request_id"]
        return response


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

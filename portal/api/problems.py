"""Every error of the API as problem details (RFC 9457): the one place in this room that knows HTTP status codes.

`code` is stable; `detail` is a sentence; `errors` names fields; `retryable` says whether the same call may work
later; `request_id` finds the log line and the audit row. Never a stack trace, never a secret.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404
from django.urls import reverse
from rest_framework.exceptions import APIException, NotFound, Throttled, ValidationError
from rest_framework.exceptions import PermissionDenied as NotPermitted
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from brokers.errors import BrokerError, ProofRefused
from portal.access.operations.credentials.fresh_factor import StepUpNeededError
from portal.api.refusals import ScopeMissing, TooLarge
from portal.directory.models import ApiToken
from portal.directory.vouching import SignInTooOldError
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

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
STATUS: Mapping[type[DomainError], int] = {
    NotFoundError: 404,
    ForbiddenError: 403,
    InvalidError: 400,
    ConflictError: 409,
    UpstreamError: 503,
    TooManyError: 429,
    BusyError: 503,
}
# DRF's words for what the domain calls otherwise.
CODES = {
    "permission_denied": "forbidden",
    "parse_error": "malformed",
    "authentication_failed": "invalid_token",
}
RETRY_AFTER = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, before it is given its form."""

    status: int
    code: str
    detail: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def problem_response(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Turn any exception of a view into a response: DRF's EXCEPTION_HANDLER."""
    set_rollback()
    problem = _step_up(exc, context["request"]) if isinstance(exc, StepUpNeededError) else _problem(exc)
    request_id = context["request"].META.get("sallyport.request_id", "")
    if problem.code in {"internal", "unavailable"}:
        log.error("The API failed in request %s", request_id, exc_info=exc)
    body = {
        "type": f"urn:sallyport:problem:{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": request_id,
        **problem.facts,
    }
    return Response(body, status=problem.status, headers=dict(problem.headers), content_type=MEDIA_TYPE)


def _problem(exc: Exception) -> Problem:
    for kind, known in _KNOWN:
        if isinstance(exc, kind):
            return known(exc)
    return Problem(500, "internal", "Something went wrong here. Give the request id to an operator.")


def _of_domain(error: DomainError) -> Problem:
    if isinstance(error, UpstreamError):
        return _upstream(str(error), error.upstream_code, retryable=error.retryable)
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 400)
    if isinstance(error, TooManyError | BusyError):
        headers = {"Retry-After": str(error.retry_after_seconds)}
        return Problem(status, error.code, str(error), {"retryable": True}, headers)
    facts: dict[str, Any] = {}
    if isinstance(error, InvalidError) and error.field:
        facts["errors"] = [{"field": error.field, "message": str(error)}]
    if isinstance(error, SignInTooOldError):
        # From the configuration, never from the request's Host. `again`: also for a browser that is signed in.
        facts["sign_in_url"] = f"{settings.PORTAL_URL}{reverse('web:sign-in')}?again=1"
    return Problem(status, error.code, str(error), facts)


def _step_up(error: StepUpNeededError, request: Request) -> Problem:
    """Say how to satisfy it: a program can't, its person can, in a browser, for this token alone (cf. RFC 9470)."""
    told = {"token": request.auth.pk} if isinstance(request.auth, ApiToken) else {}
    query = urlencode({**told, "grant": error.grant_id})
    seconds = error.minutes * 60
    # From the configuration, never from the request's Host.
    facts = {
        "max_age_seconds": seconds,
        "step_up_url": f"{settings.PORTAL_URL}{reverse('web:step-up')}?{query}",
    }
    challenge = f'Bearer realm="sallyport", error="insufficient_user_authentication", max_age={seconds}'
    detail = f"{error} Open step_up_url in a browser, give it there, then make the same call again."
    return Problem(403, error.code, detail, facts, {"WWW-Authenticate": challenge})


def _upstream(detail: str, code: str, *, retryable: bool) -> Problem:
    # What the caller brought along was at fault: a server's error would have it come back with the same.
    status = 403 if code == ProofRefused.code else 503
    problem = Problem(status, "upstream", detail, {"upstream_code": code, "retryable": retryable})
    return _retry_later(problem) if retryable else problem


def _retry_later(problem: Problem) -> Problem:
    facts = {**problem.facts, "retryable": True}
    headers = {"Retry-After": str(RETRY_AFTER)}
    return Problem(problem.status, problem.code, problem.detail, facts, headers)


def _of_framework(exc: APIException) -> Problem:
    if isinstance(exc, ValidationError):
        found = list(_fields(exc.detail))
        return Problem(400, "invalid", "Some of what was sent can't be used.", {"errors": found})
    code = str(exc.get_codes())
    return Problem(exc.status_code, CODES.get(code, code), str(exc.detail), _facts(exc), _headers(exc))


def _facts(exc: APIException) -> Mapping[str, Any]:
    if isinstance(exc, ScopeMissing):
        return {"scope": exc.scope}
    return {"retryable": True} if isinstance(exc, Throttled) else {}


def _headers(exc: APIException) -> Mapping[str, str]:
    headers = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = str(challenge)
    if isinstance(exc, ScopeMissing):  # RFC 6750, section 3.1
        headers["WWW-Authenticate"] = (
            f'Bearer realm="sallyport", error="insufficient_scope", scope="{exc.scope}"'
        )
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers


def _fields(detail: Any, name: str = "") -> Iterator[dict[str, str]]:
    """Flatten DRF's nested errors into rows of field and message."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            inside = "" if key == "non_field_errors" else str(key)
            yield from _fields(inner, ".".join(part for part in (name, inside) if part))
    elif isinstance(detail, Sequence) and not isinstance(detail, str):
        for inner in detail:
            yield from _fields(inner, name)
    else:
        yield {"field": name, "message": str(detail)}


_KNOWN: Sequence[tuple[type[Exception], Callable[[Any], Problem]]] = (
    (DomainError, _of_domain),
    (BrokerError, lambda exc: _upstream(str(exc), exc.code, retryable=exc.retryable)),
    (APIException, _of_framework),
    (Http404, lambda _: _of_framework(NotFound("There is nothing at this address."))),
    (PermissionDenied, lambda _: _of_framework(NotPermitted())),
    (RequestDataTooBig, lambda _: _of_framework(TooLarge())),
    (SuspiciousOperation, lambda _: Problem(400, "malformed", "This request can't be read.")),
    (
        OperationalError,
        lambda _: _retry_later(
            Problem(503, "unavailable", "The portal's database did not answer; try again.")
        ),
    ),
)

"""Every error of the SCIM service as RFC 7644, 3.12 has it: the one place in this room with HTTP status codes."""

import logging
from collections.abc import Mapping

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from pydantic import ValidationError
from scim2_models import Error, SCIMException

from portal.identity.operations.provisioning import FixedError, OverwrittenError, TakenError
from portal.kernel.errors import ConflictError, DomainError, ForbiddenError, InvalidError, NotFoundError
from portal.scim.answers import answer

log = logging.getLogger(__name__)
LONGEST = 500
REALM = 'Bearer realm="sallyport-scim"'
# The first that fits counts.
STATUS: Mapping[type[DomainError], tuple[int, str]] = {
    TakenError: (409, "uniqueness"),
    FixedError: (400, "mutability"),
    OverwrittenError: (412, ""),
    NotFoundError: (404, ""),
    ForbiddenError: (403, ""),
    InvalidError: (400, "invalidValue"),
    ConflictError: (409, ""),
}


class RefusedError(Exception):
    """A request that the protocol itself has an answer for."""

    def __init__(self, status: int, detail: str, scim_type: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.scim_type = scim_type


def error_answer(request: HttpRequest, error: Exception) -> HttpResponse:
    """Turn whatever went wrong into an answer: never a stack trace, never a secret."""
    status, scim_type, detail = _facts(error)
    if status >= 500:  # noqa: PLR2004  # HTTP's own line between theirs and ours
        log.error("SCIM failed in request %s", request.META.get("sallyport.request_id"), exc_info=error)
    body = Error(status=status, scim_type=scim_type or None, detail=detail[:LONGEST])
    response = answer(body.model_dump(), status=status)
    if status == 401:  # noqa: PLR2004
        sent = "HTTP_AUTHORIZATION" in request.META
        response["WWW-Authenticate"] = f'{REALM}, error="invalid_token"' if sent else REALM
    return response


def _facts(error: Exception) -> tuple[int, str, str]:
    if isinstance(error, RefusedError):
        return error.status, error.scim_type, str(error)
    if isinstance(error, DomainError):
        status, scim_type = next(
            (told for kind, told in STATUS.items() if isinstance(error, kind)), (400, "")
        )
        return status, scim_type, str(error)
    if isinstance(error, ValidationError):
        told = Error.from_validation_errors(error)[0]
        return told.status or 400, told.scim_type or "", told.detail or ""
    if isinstance(error, SCIMException):
        # The library quotes all of what pydantic says, input and links included: its first sentence is enough.
        cause = error.__cause__
        detail = _facts(cause)[2] if isinstance(cause, ValidationError) else error.detail
        return error.status, error.scim_type, detail
    return _unforeseen(error)


def _unforeseen(error: Exception) -> tuple[int, str, str]:
    if isinstance(error, RequestDataTooBig):
        return 413, "", "This request is too large."
    if isinstance(error, SuspiciousOperation):
        return 400, "invalidSyntax", "This request can't be read."
    if isinstance(error, OperationalError):
        return 503, "", "The portal's database did not answer; try again."
    return 500, "", "Something went wrong here. Give the request id to an operator."

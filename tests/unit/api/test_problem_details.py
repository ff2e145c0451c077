"""Errors that no view raises yet have their form already."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from rest_framework.exceptions import Throttled, ValidationError

from portal.api.problems import problem_response
from portal.kernel.errors import ConflictError, DomainError, ForbiddenError, InvalidError, NotFoundError


def answer(exc: Exception) -> Any:
    request = SimpleNamespace(META={"sallyport.request_id": "abc123"})
    return problem_response(exc, {"request": request})


@pytest.mark.parametrize(
    ("exc", "status", "code"),
    [
        (NotFoundError("No."), 404, "not_found"),
        (ForbiddenError("No."), 403, "forbidden"),
        (ConflictError("No."), 409, "conflict"),
        (InvalidError("No."), 400, "invalid"),
        (DomainError("No."), 400, "error"),
        (Http404(), 404, "not_found"),
        (PermissionDenied(), 403, "forbidden"),
        (SuspiciousOperation("path/of/server"), 400, "malformed"),
        (KeyError("name"), 500, "internal"),
    ],
)
def test_each_error_has_its_code(exc: Exception, status: int, code: str) -> None:
    response = answer(exc)
    assert (response.status_code, response.data["code"], response.data["request_id"]) == (
        status,
        code,
        "abc123",
    )
    assert "path/of/server" not in str(response.data)


def test_a_domain_errors_own_code_stays() -> None:
    class StaleError(ConflictError):
        code = "stale"

    response = answer(StaleError("It was edited."))
    assert (response.status_code, response.data["code"]) == (409, "stale")


def test_too_many_requests_say_when_to_come_back() -> None:
    response = answer(Throttled(wait=7.2))
    assert (response.status_code, response.data["code"], response.data["retryable"]) == (
        429,
        "throttled",
        True,
    )
    assert response["Retry-After"] == "8"


def test_an_invalid_field_is_named() -> None:
    response = answer(InvalidError("Say why.", field="reason"))
    assert response.data["errors"] == [{"field": "reason", "message": "Say why."}]


def test_nested_errors_are_rows() -> None:
    response = answer(ValidationError({"a": {"b": ["one", "two"]}, "non_field_errors": ["three"]}))
    assert response.data["errors"] == [
        {"field": "a.b", "message": "one"},
        {"field": "a.b", "message": "two"},
        {"field": "", "message": "three"},
    ]
